//! For continuous integration: a suite for the goals and one for the checks. A rule that no reply had to do with is
//! skipped; where the measurement is invalid, goals are errors, for they were not measured.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::goal::{measured, windows};
use crate::summary::Summary;
use crate::summary::digest::{Digest, GoalResult, Judgement, Outcome};
use crate::summary::trust::Belief;
use crate::wire::plain::lines;

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let mut report = Report::new(format!("proofload run {}", digest.profile));
    let mut goals = TestSuite::new("goals");
    for (name, value) in properties(&digest) {
        goals.add_property(Property::new(name, value));
    }
    goals.add_test_case(verdict(&digest));
    goals.add_test_cases(digest.goals.iter().map(|result| goal(result, &digest)));
    let mut checks = TestSuite::new("checks");
    checks.add_test_cases(digest.checks.iter().map(|(id, judgement)| check(id, judgement)));
    report.add_test_suites([goals, checks]);
    lines(&report.to_string().expect("a report in memory can be written")) + "\n"
}

fn properties(digest: &Digest) -> Vec<(String, String)> {
    let model = digest.model.clone().unwrap_or_default();
    let own = [
        ("target", digest.target.clone()),
        ("dialect", digest.dialect.clone()),
        ("model", model),
        ("load", digest.load.clone()),
        ("seed", digest.seed.to_string()),
        ("salt", digest.salt.map_or_else(String::new, |salt| salt.to_string())),
        ("trust", digest.trust.verdict.name().to_owned()),
    ];
    let labels = digest.labels.iter().map(|(name, value)| (format!("label.{name}"), value.clone()));
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(labels).collect()
}

/// The verdict as a case of its own, so that a run without goals has one, and an invalid run cannot look green.
fn verdict(digest: &Digest) -> TestCase {
    let mut status = match digest.verdict {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Invalid | Outcome::Interrupted => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if digest.verdict != Outcome::Pass {
        status.set_message(format!("{}: {}", digest.verdict.name(), digest.reasons.first().map_or("", String::as_str)));
        status.set_description(digest.reasons.join("\n"));
    }
    let mut case = named("the run as a whole", "proofload.verdict", status);
    if digest.verdict == Outcome::Pass && !digest.reasons.is_empty() {
        case.set_system_out(digest.reasons.join("\n"));
    }
    case
}

fn goal(result: &GoalResult, digest: &Digest) -> TestCase {
    let said = [vec![format!("measured {}", measured(result))], windows(result)].concat().join("\n");
    let mut status = if digest.trust.verdict == Belief::Invalid {
        TestCaseStatus::non_success(NonSuccessKind::Error)
    } else if result.held {
        TestCaseStatus::success()
    } else {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    };
    if digest.trust.verdict == Belief::Invalid {
        status.set_message(format!("the measurement is invalid; measured {}", measured(result)));
    } else if !result.held {
        status.set_message(format!("measured {}", measured(result)));
        status.set_description(said.clone());
    }
    let mut case = named(&result.words(), "proofload.goals", status);
    case.set_system_out(said);
    case
}

fn check(id: &str, judgement: &Judgement) -> TestCase {
    let mut status = match judgement {
        judgement if judgement.is_idle() => TestCaseStatus::skipped(),
        judgement if judgement.fail == 0 && !judgement.follows.is_empty() => TestCaseStatus::skipped(),
        judgement if judgement.known.is_some() && judgement.fail > 0 => TestCaseStatus::skipped(),
        judgement if judgement.must > 0 => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::success(),
    };
    let said = format!("broken {} times of {}", judgement.fail, judgement.fail + judgement.pass);
    if let Some(reason) = judgement.known.as_ref().filter(|_| judgement.fail > 0) {
        status.set_message(format!("known: {reason}; {said}"));
    } else if judgement.must > 0 {
        status.set_message(said.clone());
        status.set_type(judgement.level.as_str());
        status.set_description(evidence(judgement));
    }
    if judgement.fail == 0 && !judgement.follows.is_empty() {
        status.set_message(judgement.seen_with());
    }
    let mut case = named(id, "proofload.checks", status);
    case.add_property(Property::new("level", &judgement.level));
    if judgement.fail > 0 && judgement.must == 0 && judgement.known.is_none() {
        case.set_system_out(format!("{}: {said}\n{}", judgement.level, evidence(judgement)));
    }
    case
}

fn evidence(judgement: &Judgement) -> String {
    let mut lines = vec![format!("rule: {}", judgement.rule)];
    lines.extend(judgement.across.iter().map(|across| format!("over the run: {across}")));
    for example in &judgement.examples {
        let kind = format!("{} x {}", example.count, example.fault);
        let at = format!("request {} ({}): {} {}", example.seq, example.case, example.place, example.detail);
        lines.push(format!("{kind}, {at}"));
        lines.extend(example.shown().iter().map(|e| format!("{}: {}", e.what, e.text)));
        lines.push(example.curl.clone());
    }
    lines.join("\n")
}

fn named(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

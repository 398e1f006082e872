//! For continuous integration: a suite for each area of the catalogue, a case for each rule.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::suite::sheet::{Entry, Sheet};
use crate::wire::plain::lines;

pub(super) fn write(sheets: &[Sheet]) -> String {
    let mut report = Report::new("proofload check");
    for sheet in sheets {
        let mut areas: BTreeMap<&str, TestSuite> = BTreeMap::new();
        for (id, entry) in &sheet.checks {
            let name =
                if sheets.len() > 1 { format!("{} ({})", entry.area, sheet.label()) } else { entry.area.clone() };
            let suite = areas.entry(entry.area.as_str()).or_insert_with(|| TestSuite::new(name));
            suite.add_test_case(case(id, entry));
        }
        report.add_test_suites(areas.into_values());
    }
    lines(&report.to_string().expect("a report in memory can be written")) + "\n"
}

fn case(id: &str, entry: &Entry) -> TestCase {
    let mut case = TestCase::new(id, status(entry));
    case.set_classname(format!("proofload.{}", entry.area));
    for (name, value) in [("level", &entry.level), ("tier", &entry.tier), ("source", &entry.source)] {
        case.add_property(Property::new(name, value));
    }
    if entry.is_worth_showing() && !entry.fails {
        case.set_system_out(format!("{}: {}", entry.status, entry.reason));
    }
    case
}

/// Skips and known failures are skipped; a warning that does not fail the run is a success that says so.
fn status(entry: &Entry) -> TestCaseStatus {
    let mut status = match entry.status.as_str() {
        "ERROR" => TestCaseStatus::non_success(NonSuccessKind::Error),
        _ if entry.fails => TestCaseStatus::non_success(NonSuccessKind::Failure),
        "SKIP" | "BLOCKED" | "XFAIL" => TestCaseStatus::skipped(),
        _ => return TestCaseStatus::success(),
    };
    status.set_message(format!("{}: {}", entry.status, entry.reason));
    if entry.is_worth_showing() {
        status.set_type(entry.level.as_str());
        status.set_description(description(entry));
    }
    status
}

fn description(entry: &Entry) -> String {
    let mut lines = vec![format!("rule: {}", entry.rule), format!("source: {}", entry.source)];
    for place in &entry.findings {
        lines.push(format!("{}{}", place.heading(), place.detail));
        lines.extend(place.shows.iter().map(|excerpt| format!("{}: {}", excerpt.what, excerpt.text)));
        lines.extend(place.curl.clone());
    }
    if let Some(proof) = &entry.evidence {
        if entry.findings.iter().all(|place| place.shows.is_empty()) {
            lines.push(format!("probe {}, first bytes: {}", proof.probe, proof.first_bytes));
        }
        lines.push(proof.curl.clone());
    }
    lines.join("\n")
}

//! Goals of a part of a run, in the digest of a run that is made up.

use std::time::Duration;

use proofload::profile;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::summary::Summary;
use proofload::summary::digest::{Digest, GoalWindow};
use proofload::summary::splits::Split;

/// A run of 65 seconds after 5 of warm-up, in which one of ten fails from second 22 to 24, and all is slow there.
fn run(goals: &[&str]) -> Summary {
    let goals = goals.iter().map(|goal| (*goal).to_owned()).collect();
    let flags = Flags { goals, ..Flags::default() };
    let world = World { env: &|_| None, today: "2026-11-22".to_owned(), salt: 1 };
    let plan = profile::load("smoke", &flags, &world).expect("a preset").plan(1);
    let mut run = Summary::new(&plan, 0);
    (run.ending.window_from_us, run.ending.window_us) = (5_000_000, 70_000_000);
    for second in 0..70 {
        let bad = second < 5 || (22..25).contains(&second);
        let seconds = if second < 5 { &mut run.warmup_seconds } else { &mut run.seconds };
        let row = seconds.at(second * 1_000_000);
        (row.due, row.due_ok, row.due_failed) = (10, 9 + u64::from(!bad), u64::from(bad));
        (row.due_answered, row.due_silent) = (row.due, row.due_failed);
        for _ in 0..row.due_ok {
            row.first_token.record(Duration::from_millis(if bad { 900 } else { 100 }));
        }
    }
    run.by_case.kept.insert("whole".to_owned(), Split { requests: 10, ok: 8, failed: 2, ..Split::default() });
    let mut streamed = Split { requests: 4, ok: 3, failed: 1, ..Split::default() };
    streamed.first_token.infinite = 1;
    (1..4).for_each(|n| streamed.first_token.ok.record(Duration::from_millis(100 * n)));
    run.by_case.kept.insert("streamed".to_owned(), streamed);
    run
}

/// Whether a goal held, its figure, and the seconds that broke it.
type Result = (bool, Option<f64>, Vec<(u64, u64)>);

fn results(goals: &[&str]) -> Vec<Result> {
    let digest = Digest::of(&run(goals));
    let broken = |windows: &[GoalWindow]| windows.iter().map(|window| (window.from_s, window.until_s)).collect();
    // Behind them stands what the preset has against failures.
    let own = digest.goals.iter().take(goals.len());
    own.map(|goal| (goal.held, goal.value, broken(&goal.broken_in))).collect()
}

#[test]
fn goals_of_windows_name_the_seconds_that_broke_them() {
    let found = results(&[
        "error_rate < 2% in every 10s",
        "error_rate < 5% in every 10s",
        "ttft.ok.p50 < 500ms in 2s",
        "ttft.p95 < 10s in every 60s",
        "output_tokens_per_s > 1 in every 30s",
    ]);
    assert_eq!(found[0], (false, Some(0.03), vec![(15, 25)]), "the warm-up is not looked at");
    assert_eq!(found[1], (true, Some(0.03), vec![]));
    assert_eq!(found[2].2, [(23, 25)], "of the seconds before it, one was fine, and more came in it");
    assert!(found[3].0, "{found:?}");
    assert_eq!(found[4], (false, Some(0.0), vec![(5, 35), (35, 65)]), "what never came is broken, too");
}

#[test]
fn a_window_longer_than_the_run_is_the_run_and_a_rate_of_it_has_no_whole_one() {
    let found = results(&["error_rate < 1% in every 2m", "output_tokens_per_s > 1 in every 2m"]);
    assert_eq!(found, [(true, Some(3.0 / 650.0), vec![]), (false, None, vec![])]);
}

#[test]
fn goals_of_a_case_look_at_its_requests_only() {
    let found = results(&[
        "error_rate < 21% for whole",
        "error_rate < 21% for streamed",
        "ttft.p75 < 310ms for streamed",
        "ttft.p95 < 1h for streamed",
        "ttft.p50 < 1s for whole",
    ]);
    let held: Vec<bool> = found.iter().map(|(held, ..)| *held).collect();
    assert_eq!(held, [true, false, true, false, false], "{found:?}");
}

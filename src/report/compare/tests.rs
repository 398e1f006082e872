//! What people read of a comparison.

use super::*;
use crate::compare::side::Side;
use crate::compare::tests::{Endpoint, STEADY, side};
use crate::compare::{Terms, compare};
use crate::report::chart::mark::Shape;

/// A side with labels, and with checks that broke so often in each run.
fn labelled(name: &str, endpoint: Endpoint, seed: u64, checks: [(&str, u64); 2]) -> Side {
    let mut side = side(name, endpoint, 5, seed);
    for run in &mut side.runs {
        run.meta.labels.extend([("engine".to_owned(), name.to_owned()), ("gpu".to_owned(), "h200".to_owned())]);
        for (check, must) in checks {
            let tally = run.checks.entry(check.to_owned()).or_default();
            (tally.pass, tally.must) = (50, must);
        }
    }
    side
}

fn three() -> [Side; 3] {
    let checks = |sum, plausible| [("usage-total-is-sum", sum), ("resp-created-plausible", plausible)];
    let slow = Endpoint { median_us: 115_000.0, errors: 0.04, ..STEADY };
    [
        labelled("old", STEADY, 1, checks(0, 2)),
        labelled("new", slow, 2, checks(3, 0)),
        labelled("other", Endpoint { median_us: 90_000.0, ..STEADY }, 3, checks(0, 2)),
    ]
}

#[test]
fn one_side_against_the_base() {
    let [base, new, _] = three();
    let sides = [base, new];
    let comparison = compare(&sides[0], &sides[1..], &Terms::default()).expect("they belong together");
    insta::assert_snapshot!("one_text", write(&comparison, &sides, Kind::Text));
    insta::assert_snapshot!("one_markdown", write(&comparison, &sides, Kind::Markdown));
    insta::assert_snapshot!("one_github", annotations(&comparison));
    let text = write(&comparison, &sides, Kind::Text);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn several_sides_have_a_table_of_them_all() {
    let sides = three();
    let comparison = compare(&sides[0], &sides[1..], &Terms::default()).expect("they belong together");
    insta::assert_snapshot!("several_text", write(&comparison, &sides, Kind::Text));
}

#[test]
fn a_page_has_the_curves_of_every_side_and_what_changed_in_each() {
    let mut sides = three();
    sides[1].name = "</title><script>alert(1)</script>".to_owned();
    let comparison = compare(&sides[0], &sides[1..], &Terms::default()).expect("they belong together");
    let page = write(&comparison, &sides, Kind::Html);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    for id in ["changes-1", "changes-2", "response-time"] {
        assert_eq!(page.matches(&format!("<figure class=\"chart\" id=\"{id}\">")).count(), 1, "{id}");
    }
    let curves = overlay::overlaid(&headings(&comparison), &sides);
    for chart in &curves {
        assert!(!chart.words.is_empty() && !chart.table.rows.is_empty(), "{}", chart.name);
        assert!(chart.table.rows.iter().all(|row| row.len() == chart.table.head.len()), "{}", chart.name);
    }
    assert_eq!(curves[0].marks.len(), 3, "a line for each side");
}

#[test]
fn what_changed_is_drawn_within_its_axis() {
    let sides = three();
    let comparison = compare(&sides[0], &sides[1..2], &Terms::default()).expect("they belong together");
    let chart = changes::changes(&comparison.new[0], &comparison, "changes-1".to_owned(), String::new());
    let chart = chart.expect("a picture");
    let median = chart.table.rows.iter().find(|row| row[0] == "response_time.p50").expect("the median");
    assert_eq!(median[4], "worse");
    let bad = chart.marks.iter().find(|mark| mark.colour == "bad").expect("what is worse");
    let Shape::Boxes(bars) = &bad.shape else { panic!("{bad:?}") };
    assert!(bars.iter().all(|bar| bar.x.0 > 0.0 && bar.x.1 <= chart.x.to && bar.y.1 <= chart.y.to), "{bars:?}");
}

#[test]
fn what_cannot_be_believed_comes_first() {
    let mut sides = three();
    sides[1].runs[1].ending.interrupted = true;
    let comparison = compare(&sides[0], &sides[1..2], &Terms::default()).expect("they belong together");
    let text = write(&comparison, &sides[..2], Kind::Text);
    assert!(
        text.starts_with("INVALID: nothing can be told\n  - new, run 2: interrupted before the end of the plan\n"),
        "{text}"
    );
}

#[test]
fn a_refusal_says_what_differs_and_what_to_do() {
    let [base, mut new, _] = three();
    for run in &mut new.runs {
        run.meta.plan.insert("case.0.max_tokens".to_owned(), "64".to_owned());
        run.meta.plan.insert("case.0.messages".to_owned(), "a \u{1b}[31mlong ".repeat(40));
    }
    let apart = compare(&base, &[new], &Terms::default()).expect_err("they differ");
    insta::assert_snapshot!("refusal", refusal(&apart));
}

#[test]
fn the_first_line_says_what_the_runs_allow_to_say() {
    let text = |sides: [Side; 2]| {
        let comparison = compare(&sides[0], &sides[1..], &Terms::default()).expect("they belong together");
        write(&comparison, &sides, Kind::Text)
    };
    let alone = text([side("old", STEADY, 1, 1), side("new", STEADY, 1, 2)]);
    assert!(alone.starts_with("NO VERDICT: one run against one\n"), "{alone}");
    let rough = Endpoint { between: 0.08, ..STEADY };
    insta::assert_snapshot!("cannot_tell", text([side("old", rough, 3, 1), side("new", rough, 3, 2)]));
    let wild = Endpoint { between: 2.0, ..STEADY };
    let unbounded = text([side("old", wild, 3, 1), side("new", wild, 3, 2)]);
    assert!(unbounded.starts_with("CANNOT TELL: changes below tenfold could not be seen"), "{unbounded}");
    assert!(unbounded.lines().any(|line| line.contains("response_time.p50") && line.contains("unbounded")));
    let mut doubtful = side("new", STEADY, 5, 2);
    doubtful.runs[3].health.throttled_periods = Some(7);
    let doubted = text([side("old", STEADY, 5, 1), doubtful]);
    assert!(doubted.starts_with("DOUBTFUL: new, 1 of 5 runs: ") && doubted.contains("\nHELD: "), "{doubted}");
}

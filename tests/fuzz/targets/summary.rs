//! `summary.json`: refused, or written as every report, merged with itself, and read again as it was.

use proofload::compare::side::Side;
use proofload::report::github::{annotations, job_summary};
use proofload::report::history::{self, Entry};
use proofload::report::sweep::{Row, Table};
use proofload::report::{Format, compare, run::charts, write, write_beside};
use proofload::summary::metrics_as::Tool;
use proofload::summary::{FORMAT, Summary};

use super::kept::{assert_plain, turn, understood};
use crate::driver::{Way, fuzz};

#[test]
fn summary() {
    let words = &[
        "ok",
        "timeout",
        "response_time",
        "openai",
        "pulze",
        "must",
        "off",
        "1/2",
        "999999",
        "18446744073709551615",
        "error_rate < 1%",
    ];
    fuzz("summary", Way::Json(words), run);
}

pub(crate) fn run(input: &[u8]) -> bool {
    let Some(summary) = understood::<Summary>(input, "format", FORMAT) else { return false };
    let kept = serde_json::to_vec(&summary).expect("a summary can be written");
    let again = understood::<Summary>(&kept, "format", FORMAT).expect("what we keep is read");
    assert_eq!(again, summary, "it survives its file");
    match turn(input, 12) {
        number @ 0..10 => {
            let format = Format::ALL[number];
            let text = write(&summary, format);
            assert_eq!(text, write(&again, format), "a report printed again is the same");
            assert_plain(format.name(), &text);
        }
        10 => beside(&summary),
        _ => merged(summary),
    }
    true
}

/// What is made of a run beside its reports.
fn beside(summary: &Summary) {
    let _ = write_beside(summary, Format::Text, &Tool::ALL);
    let _ = (annotations(summary), charts(summary).iter().map(|chart| chart.file().len()).sum::<usize>());
    assert_plain("the summary of a job", &job_summary(summary));
    let table = Table::of(&[Row { values: vec![("a".to_owned(), "b".to_owned())], summary: summary.clone() }]);
    for text in [table.text(), table.markdown(), table.csv(), table.json()] {
        assert_plain("a table", &text);
    }
    let entry = [Entry::of_run("name".to_owned(), summary)];
    assert_plain("history", &(history::text(&entry) + &history::csv(&entry)));
}

fn merged(summary: Summary) {
    let sides = [Side::new("a", vec![summary.clone()]), Side::new("b", vec![summary.clone(); 3])];
    if let Ok(comparison) = proofload::compare::compare(&sides[0], &sides[1..], &proofload::compare::Terms::default()) {
        for kind in compare::Kind::ALL {
            assert_plain("a comparison", &compare::write(&comparison, &sides, kind));
        }
    }
    let mut whole = summary.clone();
    whole.merge(summary.clone()).expect("parts of one run");
    let mut other = summary.clone();
    other.merge(summary).expect("parts of one run");
    assert_eq!(whole, other, "merging depends on nothing else");
    assert_plain("a merged run", &write(&whole, Format::Text));
}

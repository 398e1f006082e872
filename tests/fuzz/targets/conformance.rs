//! `conformance.json`: refused, or written as every report and read again as it was.

use proofload::report::conformance::{Kind, annotations, finding, job_summary, write};
use proofload::report::history::{self, Entry};
use proofload::suite::sheet::{FORMAT, Sheet};

use super::kept::{assert_plain, understood};
use crate::driver::{Way, fuzz};

#[test]
fn conformance() {
    let words = &["FAIL", "PASS", "XFAIL", "must", "stream-done-present", "invalid", "passed-through"];
    fuzz("conformance", Way::Json(words), run);
}

pub(crate) fn run(input: &[u8]) -> bool {
    let Some(sheet) = understood::<Sheet>(input, "conformance", FORMAT) else { return false };
    let kept = serde_json::to_vec(&sheet).expect("a sheet can be written");
    assert_eq!(understood::<Sheet>(&kept, "conformance", FORMAT).as_ref(), Some(&sheet), "it survives its file");
    for sheets in [vec![sheet.clone()], vec![sheet.clone(), sheet.clone()]] {
        for kind in Kind::ALL {
            assert_plain(kind.name(), &write(&sheets, kind, true));
        }
        let _ = annotations(&sheets);
        assert_plain("the summary of a job", &job_summary(&sheets));
        assert_plain("history", &history::text(&[Entry::of_check("name".to_owned(), &sheets)]));
    }
    for id in sheet.checks.keys().take(8) {
        assert_plain("a finding", &finding(&sheet, id).unwrap_or_default());
    }
    true
}

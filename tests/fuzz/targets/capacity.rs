//! `capacity.json`: refused, or written as every report, ranked, planned with, and read again as it was.

use proofload::capacity::comparing::rank;
use proofload::capacity::record::{FORMAT, Record};
use proofload::report::capacity::{Dress, Kind, write, write_ranking, write_verification};

use super::kept::{assert_plain, turn, understood};
use crate::driver::{Way, fuzz};

#[test]
fn capacity() {
    let words = &["held", "broke", "doubtful", "trusted", "invalid", "runs/a", "ttft.p95 < 1s"];
    fuzz("capacity", Way::Json(words), run);
}

pub(crate) fn run(input: &[u8]) -> bool {
    let Some(record) = understood::<Record>(input, "capacity", FORMAT) else { return false };
    let kept = serde_json::to_vec(&record).expect("a record can be written");
    assert_eq!(understood::<Record>(&kept, "capacity", FORMAT).as_ref(), Some(&record), "it survives its file");
    let (kind, dress) = (Kind::ALL[turn(input, Kind::ALL.len())], Dress::default());
    assert_plain("a search", &write(&record, kind, &dress));
    for verified in &record.verifications {
        assert_plain("a verification", &write_verification(verified, &record, kind, &dress));
    }
    if let Ok(ranked) = rank(&[("a".to_owned(), record.clone()), ("b".to_owned(), record)]) {
        assert_plain("a ranking", &write_ranking(&ranked, kind));
    }
    true
}

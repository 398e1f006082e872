//! An answer that we did not read is neither a success nor an error: it is in no rate and in no percentile, and the run is
//! invalid.

use proofload::exchange::{Body, Exchange, Outcome, Reading};
use proofload::summary::digest::Digest;
use proofload::summary::trust::Belief;

use crate::reports::{POOL, summary};

fn unread(exchange: &Exchange) -> Exchange {
    Exchange { body: Body::default(), unjudged: true, ..exchange.clone() }
}

#[test]
fn only_a_success_needs_its_body_to_be_called_one() {
    let outcome = |exchange: &Exchange| Reading::of(&unread(exchange)).outcome;
    for exchange in POOL.iter() {
        let was = exchange.outcome;
        assert_eq!(outcome(exchange), if was == Outcome::Ok { Outcome::Unjudged } else { was });
    }
}

#[test]
fn it_counts_in_no_rate_and_no_percentile_and_makes_the_run_invalid() {
    let is_ok = |exchange: &&Exchange| !exchange.ticket.warmup && Reading::of(exchange).outcome == Outcome::Ok;
    let read: Vec<Exchange> = POOL.iter().filter(is_ok).take(10).cloned().collect();
    let rest: Vec<Exchange> = POOL.iter().filter(is_ok).skip(10).take(20).map(unread).collect();
    let more = [&read[..], &rest].concat();
    let [alone, both] = [&read, &more].map(|exchanges| Digest::of(&summary(exchanges)));
    assert_eq!((both.outcomes["ok"], both.outcomes["unjudged"], both.requests.planned), (10, 20, 30));
    assert_eq!((both.requests.failed, both.requests.good), (0, alone.requests.good));
    assert_eq!((both.error_rate, both.requests.good_fraction), (alone.error_rate, alone.requests.good_fraction));
    assert_eq!(both.share_of("ok", 10), Some(1.0));
    assert_eq!(both.share_of("unjudged", 20), None);
    for measure in ["response_time", "service_time", "head"] {
        let [alone, both] = [&alone, &both].map(|digest| &digest.timings_us[measure]);
        assert_eq!((both.ok.count, both.all.count), (alone.ok.count, alone.all.count), "{measure}");
        assert_eq!((both.ok.p95, both.all.p95), (alone.ok.p95, alone.all.p95), "{measure}");
    }
    assert_eq!(both.trust.verdict, Belief::Invalid);
    assert!(both.trust.reasons.iter().any(|reason| reason.contains("20 replies went unjudged")), "{:?}", both.trust);
}

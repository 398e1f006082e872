//! Which exchanges quirks have a hand in, and what they overhear of them.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::Value;

use super::Settings;
use super::arriving::Arriving;
use super::front::{Inbound, LONGEST};
use super::quirk::Quirk;

/// When the quirks act; by default always.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct When {
    /// The share of requests, drawn from the seed and the number of the request.
    pub rate: f64,
    /// Only while more exchanges than this are open: right when idle, wrong under load.
    pub above_in_flight: u64,
}

impl Default for When {
    fn default() -> When {
        When { rate: 1.0, above_in_flight: 0 }
    }
}

impl When {
    /// Whether the quirks act on the thing of that number while so many exchanges are open, itself among them.
    fn applies(self, seed: u64, number: u64, open: u64) -> bool {
        // Apart from the numbers that the answer draws, so that a spoilt reply is the right one, spoilt.
        let drawn: f64 = Pcg64::seed_from_u64(!seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).random();
        drawn < self.rate && open > self.above_in_flight
    }
}

/// The quirks that act on the thing of that number: a request or, of those that act before one comes, a connection.
pub(super) fn acting(settings: &Settings, number: u64, open: u64) -> &[&'static Quirk] {
    let any = !settings.quirks.is_empty() && settings.when.applies(settings.seed, number, open);
    if any { &settings.quirks } else { &[] }
}

/// Where quirks act, reads the body and lets them make another one of it: what is to be answered, and what was asked
/// (null where that is no JSON, or did not come whole).
pub(super) async fn overhear(mut body: Arriving, quirks: &[&Quirk], models: &[String]) -> (Inbound, Value) {
    if quirks.is_empty() {
        return (Either::Left(body), Value::Null);
    }
    let Some(mut bytes) = read(&mut body).await else { return (Either::Left(body), Value::Null) };
    let asked: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut answered = asked.clone();
    for quirk in quirks {
        quirk.spoil_request(&mut answered, models);
    }
    if answered != asked {
        bytes = answered.to_string().into_bytes();
    }
    (Either::Right(Full::from(bytes)), asked)
}

/// The body, where it comes whole; of one that is too long, enough to be found so.
async fn read(body: &mut Arriving) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        bytes.extend_from_slice(frame.ok()?.data_ref().map_or(&[], Bytes::as_ref));
        if bytes.len() > LONGEST {
            break;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_and_the_seed_decides_which() {
        let when = When { rate: 0.05, ..When::default() };
        let spoilt = |seed| (0..20_000).filter(|number| when.applies(seed, *number, 1)).collect::<Vec<u64>>();
        let first = spoilt(1);
        assert!((800..1200).contains(&first.len()), "{} of 20000 at 5 %", first.len());
        assert!(first == spoilt(1) && first != spoilt(2));
    }

    #[test]
    fn under_load_only_means_above_the_limit() {
        let when = When { above_in_flight: 64, ..When::default() };
        assert!(!when.applies(1, 0, 64) && when.applies(1, 0, 65));
        assert!(When::default().applies(1, 0, 1) && !When { rate: 0.0, ..When::default() }.applies(1, 0, 1));
    }
}

//! Compares two runs, rule by rule: a gateway with what is behind it, or an endpoint under load with the same at rest.

use std::collections::BTreeMap;

use super::status::Status;
use super::{Conformance, Row, Sent};

/// Whose fault a broken rule is, where a gateway is judged together with what is behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The gateway breaks what holds behind it.
    Introduced,
    /// The gateway makes good what is broken behind it.
    Repaired,
    /// It is broken on both sides.
    PassedThrough,
}

impl Origin {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Introduced => "introduced",
            Origin::Repaired => "repaired",
            Origin::PassedThrough => "passed through",
        }
    }
}

/// Marks each row of a gateway by what the same rule came to behind it.
pub fn mark(gateway: &mut [Row], upstream: &[Row]) {
    let behind: BTreeMap<&str, &Row> = upstream.iter().map(|row| (row.check.id, row)).collect();
    for row in gateway {
        let broken_behind = behind.get(row.check.id).is_some_and(|row| row.is_broken());
        row.origin = match (row.is_broken(), broken_behind) {
            (true, true) => Some(Origin::PassedThrough),
            (true, false) => Some(Origin::Introduced),
            (false, true) if row.status == Status::Pass => Some(Origin::Repaired),
            (false, _) => None,
        };
    }
}

/// Takes over what breaks under load only: each such row of the run at rest becomes the one under load, whose requests
/// and rounds are counted on behind those at rest.
pub fn overtake(rest: &mut Conformance, loaded: Conformance) {
    rest.interrupted |= loaded.interrupted;
    rest.obstacle = rest.obstacle.take().or(loaded.obstacle);
    let shift = rest.exchanges.len() as u64;
    let mut broken: BTreeMap<&str, Row> =
        loaded.rows.into_iter().filter(Row::is_broken).map(|row| (row.check.id, row)).collect();
    for row in &mut rest.rows {
        let Some(mut loaded) = broken.remove(row.check.id).filter(|_| !row.is_broken()) else { continue };
        loaded.reason = loaded.reason.under(format!("{} at rest, broken under load", row.status.name()));
        loaded.seq = loaded.seq.map(|seq| seq + shift);
        for failure in &mut loaded.failures {
            failure.finding.seq = failure.finding.seq.map(|seq| seq + shift);
        }
        *row = loaded;
    }
    let rounds = rest.sent.last().map_or(0, |sent| sent.round + 1);
    rest.sent.extend(loaded.sent.into_iter().map(|sent| Sent { round: sent.round + rounds, ..sent }));
    rest.exchanges.extend(loaded.exchanges.into_iter().map(|mut exchange| {
        exchange.ticket.seq += shift;
        exchange
    }));
}

#[cfg(test)]
mod tests {
    use super::super::status::Reason;
    use super::*;
    use crate::check::{Level, find};

    fn row(status: Status) -> Row {
        Row {
            check: find("resp-schema").expect("a rule"),
            level: Level::Must,
            status,
            reason: Reason::ours("why"),
            failures: Vec::new(),
            seq: None,
            origin: None,
        }
    }

    #[test]
    fn only_what_the_gateway_breaks_itself_fails() {
        for (gateway, upstream, origin, fails) in [
            (Status::Fail, Status::Pass, Some(Origin::Introduced), true),
            (Status::Fail, Status::Skip, Some(Origin::Introduced), true),
            (Status::Fail, Status::Fail, Some(Origin::PassedThrough), false),
            (Status::Pass, Status::Warn, Some(Origin::Repaired), false),
            (Status::Skip, Status::Fail, None, false),
            (Status::Pass, Status::Pass, None, false),
        ] {
            let mut rows = [row(gateway)];
            mark(&mut rows, &[row(upstream)]);
            assert_eq!((rows[0].origin, rows[0].fails(false)), (origin, fails));
        }
    }

    #[test]
    fn what_breaks_under_load_only_is_said_to() {
        for (rest, loaded, becomes) in [
            (Status::Pass, Status::Fail, Status::Fail),
            (Status::Warn, Status::Pass, Status::Warn),
            (Status::Warn, Status::Fail, Status::Warn),
        ] {
            let of = |status| Conformance {
                rows: vec![row(status)],
                sent: Vec::new(),
                exchanges: Vec::new(),
                interrupted: false,
                obstacle: None,
            };
            let mut run = of(rest);
            overtake(&mut run, of(loaded));
            assert_eq!(run.rows[0].status, becomes);
            assert_eq!(run.rows[0].reason.ours.starts_with("PASS at rest, broken under load"), becomes == Status::Fail);
        }
    }
}

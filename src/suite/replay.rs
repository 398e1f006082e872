//! Judges a capture again, without the endpoint: the same rules on the same bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::capture::{CaptureError, Line, Meta, Sending};
use super::judging::{Court, Extent};
use super::obstacle::Obstacle;
use super::{Conformance, Options, Sent, Tries, selected};
use crate::check::Check;
use crate::check::probe;
use crate::exchange::Exchange;
use crate::plan::case::Setting;
use crate::plan::target::{HttpVersion, Preflight, Target, Timeouts, Tls};
use crate::run::preflight::{Kind, Refusal, Surroundings};
use crate::wire::Contract;

/// A capture that was read.
#[derive(Debug)]
pub struct Captured {
    /// What the endpoint was held to.
    pub meta: Meta,
    /// Its exchanges.
    pub lines: Vec<Line>,
}

impl Captured {
    /// The endpoint as far as the capture tells of it, held to a contract; nothing can be sent to it.
    ///
    /// # Errors
    /// If the capture speaks of what this program does not know.
    pub fn target(&self, contract: Arc<Contract>) -> Result<Target, CaptureError> {
        let url = self.meta.target.parse().map_err(|error| CaptureError::Meta(format!("target: {error}")))?;
        let zero = std::time::Duration::ZERO;
        Ok(Target {
            scrape: None,
            secrets: Vec::new(),
            url,
            builtin: false,
            contract,
            model: self.meta.model.clone(),
            headers: Vec::new(),
            timeouts: Timeouts { connect: zero, first_byte: zero, total: zero },
            preflight: Preflight::Off,
            tls: Tls::default(),
            http: HttpVersion::Auto,
            keep_alive: true,
            proxy: None,
            gzip: false,
            max_reply: 0,
        })
    }

    /// The probes with exchanges that are left out, since a secret had to be masked in them.
    pub fn masked(&self) -> BTreeSet<&str> {
        self.lines.iter().filter(|line| line.masked).map(|line| line.probe.as_str()).collect()
    }

    /// What the rules come to now.
    ///
    /// # Errors
    /// If a line is not what it should be.
    pub fn judge(&self, target: &Target, options: &Options) -> Result<Conformance, CaptureError> {
        let (sent, exchanges) = self.exchanges(target, options)?;
        let checks: Vec<&'static Check> = selected(target, options).collect();
        let mut tries = Tries::of(&checks);
        let mut from = 0;
        for round in sent.chunk_by(|one, next| one.round == next.round) {
            let exchanges = &exchanges[from..from + round.len()];
            let extent = Extent::Captured;
            tries.judge(&Court { target, options, sent: round, exchanges, extent });
            from += round.len();
        }
        let rows = tries.rows(target, options);
        let plain =
            sent.iter().zip(&exchanges).find(|(sent, _)| sent.probe == probe::gate()).map(|(_, exchange)| exchange);
        let obstacle = plain.and_then(|exchange| {
            let kind = Kind::of_plain(exchange, target)?;
            Some(Obstacle::Refused(Refusal::new(kind, exchange, target, &Surroundings::default())))
        });
        Ok(Conformance { rows, sent, exchanges, interrupted: self.meta.sending.is_some(), obstacle })
    }

    fn exchanges(&self, target: &Target, options: &Options) -> Result<(Vec<Sent>, Vec<Exchange>), CaptureError> {
        let setting = Setting::of(target, options.seed);
        let (mut sent, mut exchanges) = (Vec::new(), Vec::new());
        let lines = self.whole_probes();
        for (number, line) in lines.iter().copied() {
            let broken = |error| CaptureError::Line { line: number + 1, error };
            let probe = probe::named(&line.probe);
            let probe = probe.ok_or_else(|| broken(format!("there is no probe {:?} any more", line.probe)))?;
            exchanges.push(line.exchange(&setting).map_err(broken)?);
            sent.push(Sent {
                probe,
                round: line.round,
                provoked: line.provoked,
                beside: line.beside,
                curl: line.curl.clone(),
            });
        }
        let is_after = |pair: &&[(usize, &Line)]| (pair[0].1.round, pair[0].1.seq) >= (pair[1].1.round, pair[1].1.seq);
        if let Some(pair) = lines.windows(2).find(is_after) {
            let error = "the requests are not in order".to_owned();
            return Err(CaptureError::Line { line: pair[1].0 + 1, error });
        }
        Ok((sent, exchanges))
    }

    /// The lines that can be judged, with their places. Those of a check that was killed are put in order, and a probe that was being sent is
    /// taken only if all of its requests have ended: half of one could be misjudged.
    fn whole_probes(&self) -> Vec<(usize, &Line)> {
        let mut lines: Vec<(usize, &Line)> = self.lines.iter().enumerate().filter(|(_, line)| !line.masked).collect();
        let Some(sending) = &self.meta.sending else { return lines };
        let is_of = |line: &Line, probe: &Sending| (line.round, &line.probe) == (probe.round, &probe.probe);
        let ended = |probe: &Sending| self.lines.iter().filter(|line| is_of(line, probe)).count();
        let torn: Vec<&Sending> = sending.iter().filter(|probe| ended(probe) < probe.requests).collect();
        lines.retain(|(_, line)| !torn.iter().any(|probe| is_of(line, probe)));
        lines.sort_by_key(|(_, line)| (line.round, line.seq));
        lines
    }
}

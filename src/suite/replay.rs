//! Judges a capture again, without the endpoint: the same rules on the same bytes.

use std::collections::BTreeSet;

use super::capture::{CaptureError, Line, Meta};
use super::judging::Court;
use super::status::Found;
use super::{Conformance, Options, Sent, probe, probes, rows, selected};
use crate::check::{Check, Judge};
use crate::exchange::Exchange;
use crate::plan::case::Setting;
use crate::plan::target::{HttpVersion, Target, Timeouts, Tls};

/// A capture that was read.
#[derive(Debug)]
pub struct Captured {
    /// What the endpoint was held to.
    pub meta: Meta,
    /// Its exchanges.
    pub lines: Vec<Line>,
}

impl Captured {
    /// The endpoint as far as the capture tells of it; nothing can be sent to it.
    ///
    /// # Errors
    /// If the capture speaks of what this program does not know.
    pub fn target(&self) -> Result<Target, CaptureError> {
        let url = self.meta.target.parse().map_err(|error| CaptureError::Meta(format!("target: {error}")))?;
        let zero = std::time::Duration::ZERO;
        Ok(Target {
            scrape: None,
            url,
            builtin: false,
            dialect: self.meta.dialect()?,
            model: self.meta.model.clone(),
            headers: Vec::new(),
            timeouts: Timeouts { connect: zero, first_byte: zero, total: zero },
            tls: Tls::default(),
            http: HttpVersion::Auto,
            keep_alive: true,
            proxy: None,
            gzip: false,
            max_reply: 0,
        })
    }

    /// What the rules come to now.
    ///
    /// # Errors
    /// If a line is not what it should be.
    pub fn judge(&self, target: &Target, options: &Options) -> Result<Conformance, CaptureError> {
        let (sent, exchanges) = self.exchanges(target, options)?;
        let known: BTreeSet<&str> = sent.iter().map(|sent| sent.probe).collect();
        let probes: Vec<&'static probe::Probe> = probes::all().collect();
        let complete = |check: &&'static Check| match check.judge {
            Judge::Probes(..) | Judge::Defect(..) => check.probes(target.dialect).iter().all(|name| {
                let lacking = probes.iter().find(|probe| probe.name == *name);
                known.contains(name) || lacking.is_some_and(|probe| is_declared(probe, options))
            }),
            Judge::Defects(_) => check.probes(target.dialect).iter().any(|name| known.contains(name)),
            Judge::Reply(_) => true,
            Judge::Run => false,
        };
        let checks: Vec<&'static Check> = selected(target, options).filter(complete).collect();
        let mut tries: Vec<Vec<Found>> = vec![Vec::new(); checks.len()];
        let rounds: BTreeSet<u32> = sent.iter().map(|sent| sent.round).collect();
        for round in rounds {
            let start = sent.partition_point(|sent| sent.round < round);
            let end = sent.partition_point(|sent| sent.round <= round);
            let (sent, exchanges) = (&sent[start..end], &exchanges[start..end]);
            let court = Court { target, options, probes: &probes, sent, exchanges, cut_short: false };
            for (tries, found) in tries.iter_mut().zip(court.judge(&checks)) {
                tries.push(found);
            }
        }
        Ok(Conformance { rows: rows(target, options, &checks, tries), sent, exchanges, interrupted: false })
    }

    fn exchanges(&self, target: &Target, options: &Options) -> Result<(Vec<Sent>, Vec<Exchange>), CaptureError> {
        let setting = Setting::of(target, options.seed);
        let (mut sent, mut exchanges) = (Vec::new(), Vec::new());
        for (number, line) in self.lines.iter().enumerate() {
            let broken = |error| CaptureError::Line { line: number + 1, error };
            let probe = probes::all().find(|probe| probe.name == line.probe);
            let probe = probe.ok_or_else(|| broken(format!("there is no probe {:?} any more", line.probe)))?.name;
            exchanges.push(line.exchange(&setting).map_err(broken)?);
            sent.push(Sent {
                probe,
                round: line.round,
                provoked: line.provoked,
                beside: line.beside,
                curl: line.curl.clone(),
            });
        }
        if sent.windows(2).any(|pair| pair[0].round > pair[1].round) {
            return Err(CaptureError::Line { line: 1, error: "the rounds are not in order".to_owned() });
        }
        Ok((sent, exchanges))
    }
}

/// Whether the endpoint was declared to lack what a probe needs, so that it was not sent.
fn is_declared(probe: &probe::Probe, options: &Options) -> bool {
    probe.needs.iter().any(|capability| options.without.contains(capability.words().0))
}

//! Lengths of prompts and answers, as a profile writes them.

use std::sync::Arc;

use serde_json::Value;

use super::CaseTable;
use super::files::Kind;
use super::resolve::Resolver;
use crate::plan::prompt::length::{LONGEST, Length};
use crate::plan::prompt::synthetic::{Manner, Prefix, Synthetic};
use crate::plan::prompt::trace::Trace;
use crate::wire::api::request::CAPS;

/// Faults of one file that are shown.
const SHOWN: usize = 20;

/// The recording that a case is sent by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Recording<'t> {
    /// No load that sends the case has one.
    None,
    /// This one.
    Of(&'t Trace),
    /// The loads cannot be read, so that nothing can be said of it.
    Unknown,
}

impl Resolver<'_> {
    /// How a case's prompts are made, if they are.
    pub(super) fn synthetic(
        &mut self,
        at: &str,
        table: &CaseTable,
        manner: Manner,
        recording: Recording<'_>,
    ) -> Option<Synthetic> {
        let recorded = |trace: &Trace| trace.rows.iter().map(|row| row.input).collect();
        if table.input_tokens.is_none() {
            for (key, set) in [("prefix", table.prefix.is_some()), ("tokenizer", table.tokenizer.is_some())] {
                if set {
                    self.fault(
                        &format!("{at}/{key}"),
                        format!("{key} is for made prompts"),
                        "",
                        "add input_tokens".to_owned(),
                    );
                }
            }
        }
        if table.input_tokens.is_some() && !table.prompt_files.is_empty() {
            self.fault(&format!("{at}/input_tokens"), "prompts are either made or read from files", "", None);
        }
        let length = self.length(&format!("{at}/input_tokens"), table.input_tokens.as_ref()?, recording, recorded)?;
        let prefix = table.prefix.as_ref().map(|prefix| Prefix {
            groups: prefix.groups.unwrap_or(1),
            tokens: prefix.tokens,
            zipf: prefix.zipf.unwrap_or(0.0),
        });
        Some(Synthetic { length, prefix, manner })
    }

    /// How long a case's answers are to be, if that is said.
    pub(super) fn output(&mut self, at: &str, table: &CaseTable, recording: Recording<'_>) -> Option<Length> {
        // An answer of none is one that failed when it was recorded.
        let recorded = |trace: &Trace| trace.rows.iter().map(|row| row.output.map(|tokens| tokens.max(1))).collect();
        let Some(written) = &table.output_tokens else {
            if table.exact {
                self.fault(&format!("{at}/exact"), "exact needs to know how long", "", "add output_tokens".to_owned());
            }
            return None;
        };
        for cap in CAPS.iter().filter(|cap| table.body.contains_key(**cap)) {
            self.fault(
                &format!("{at}/{cap}"),
                format!("both {cap} and output_tokens"),
                "",
                "keep one of them".to_owned(),
            );
        }
        self.length(&format!("{at}/output_tokens"), written, recording, recorded)
    }

    fn length(
        &mut self,
        pointer: &str,
        written: &Value,
        recording: Recording<'_>,
        recorded: impl Fn(&Trace) -> Option<Arc<[u64]>>,
    ) -> Option<Length> {
        let text = written.as_str().map_or_else(|| written.to_string(), str::to_owned);
        if text == "trace" {
            let trace = match recording {
                Recording::Of(trace) => trace,
                Recording::Unknown => return None,
                Recording::None => {
                    let help = "set arrivals = \"trace\" and trace = { file = \"...\" } in its [load.open]".to_owned();
                    self.fault(pointer, "no load that sends the case has a trace", "", help);
                    return None;
                }
            };
            let lengths = recorded(trace).filter(|lengths| !lengths.is_empty());
            if lengths.is_none() {
                self.fault(pointer, "the trace lacks this length for some requests", "", None);
            }
            return lengths.map(Length::Recorded);
        }
        if let Some(file) = text.strip_prefix("file:") {
            return self.lengths_of(pointer, file).map(Length::Empirical);
        }
        match text.parse() {
            Ok(length) => Some(length),
            Err(error) => {
                let help =
                    "write 1024, uniform:100:2000, normal:1024:200, lognormal:500:0.8, file:lengths.txt or trace";
                self.fault(pointer, "not a number of tokens", error, help.to_owned());
                None
            }
        }
    }

    /// A number of tokens on each line of a file.
    fn lengths_of(&mut self, pointer: &str, file: &str) -> Option<Arc<[u64]>> {
        let text = self.text(pointer, file, Kind::LENGTHS)?;
        let (mut lengths, mut faults) = (Vec::new(), 0);
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match line.trim().parse::<u64>() {
                Ok(length) if (1..=LONGEST).contains(&length) => lengths.push(length),
                Ok(_) | Err(_) if faults < SHOWN => {
                    faults += 1;
                    self.fault(
                        pointer,
                        format!("{file}:{}: {:?} is not a number of tokens", number + 1, line.trim()),
                        "",
                        None,
                    );
                }
                Ok(_) | Err(_) => faults += 1,
            }
        }
        if lengths.is_empty() && faults == 0 {
            self.fault(pointer, format!("{file:?} holds no length"), "", None);
        }
        (faults == 0 && !lengths.is_empty()).then(|| lengths.into())
    }
}

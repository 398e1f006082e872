//! A capture, its `capture.json` on the first line: refused, or judged, and twice the same.

use std::collections::{BTreeMap, BTreeSet};

use proofload::profile::contracts;
use proofload::report::conformance::{Kind, write};
use proofload::suite::capture::{CaptureError, Line, Meta};
use proofload::suite::replay::Captured;
use proofload::suite::sheet::{About, Sheet};
use proofload::suite::{Options, capabilities, verdict};

use super::kept::assert_plain;
use crate::driver::{Way, fuzz};

#[test]
fn capture() {
    let words = &[
        "data: {}\n\n",
        "data: [DONE]\n\n",
        "event: error\n",
        "\"choices\":",
        "\"delta\":{\"content\":\"x\"}",
        "\"finish_reason\":\"stop\"",
        "\"usage\":",
        "\"tool_calls\":",
        "\"index\":",
        "null",
        "HTTP/1.1",
        "HTTP/2",
        "text/event-stream",
        "application/json",
        "content-type",
        "ok",
        "truncated(short_body)",
        "openai",
        "openai-strict",
        "pulze",
        "basic",
        "basic-stream",
        "count-stream",
    ];
    fuzz("capture", Way::Json(words), run);
}

pub(crate) fn run(input: &[u8]) -> bool {
    let Ok(captured) = read(input) else { return false };
    let (Ok(first), Ok(second)) = (judged(&captured), judged(&captured)) else { return false };
    assert_eq!(first, second, "the same capture is judged in the same way");
    let sheets = [first];
    for kind in Kind::ALL {
        assert_plain(kind.name(), &write(&sheets, kind, false));
    }
    true
}

fn read(input: &[u8]) -> Result<Captured, String> {
    let (meta, exchanges) = input.split_at(input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len()));
    let meta: Meta = serde_json::from_slice(meta).map_err(|error| error.to_string())?;
    let lines = exchanges.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
    let lines = lines.map(|(number, line)| Line::read(number + 1, line)).collect::<Result<_, _>>();
    Ok(Captured { meta, lines: lines.map_err(|error| error.to_string())? })
}

fn judged(captured: &Captured) -> Result<Sheet, CaptureError> {
    let meta = &captured.meta;
    let unknown = || CaptureError::Meta(format!("no dialect is called {:?}", meta.dialect));
    let target = captured.target(contracts::find(&meta.dialect).ok_or_else(unknown)?)?;
    let options = Options {
        depth: meta.depth(),
        only: None,
        without: meta.without.iter().filter(|name| capabilities().any(|known| known == *name)).cloned().collect(),
        require: BTreeSet::new(),
        levels: BTreeMap::new(),
        repeat: 1,
        jobs: 1,
        seed: meta.seed,
        cap: meta.cap,
        context_window: meta.context_window,
        schema_rate: None,
        fail_fast: false,
        forgiven: BTreeSet::new(),
    };
    let run = captured.judge(&target, &options)?;
    let (verdict, reasons) = verdict::of(&run, false);
    let about = About {
        target: &target,
        name: None,
        seed: options.seed,
        verdict: verdict.name(),
        reasons: &reasons,
        strict: false,
        bodies: true,
    };
    Ok(Sheet::of(&run, &about))
}

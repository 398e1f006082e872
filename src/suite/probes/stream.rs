//! Requests for streams of every kind: short, long, of two choices, with usage, left early, wrong from the start.

use serde_json::{Value, json};

use crate::check::REPEATED;
use crate::plan::order::{HeaderChange, Way};
use crate::plan::secret::Secret;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};

const STREAM: &[Capability] = &[Capability::Stream];

const fn probe(name: &'static str, requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs: STREAM, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("count-stream", |asking| vec![Request::new(counting(asking, 400))]),
    probe("utf8-stream", |asking| {
        let question = format!("[{{{{unique}}}}] Repeat exactly: {REPEATED}");
        vec![Request::new(with(asking.ask(&question), json!({"stream": true})))]
    }),
    Probe {
        needs: &[Capability::Stream, Capability::N],
        ..probe("n2-stream", |asking| {
            vec![Request::new(asking.with(json!({"stream": true, "n": 2, "temperature": 0.9})))]
        })
    },
    Probe {
        needs: &[Capability::Stream, Capability::StreamUsage],
        ..probe("usage-stream", |asking| {
            vec![Request::new(asking.with(json!({"stream": true, "stream_options": {"include_usage": true}})))]
        })
    },
    Probe {
        needs: &[],
        ..probe("wrong-stream", |asking| {
            let wrong = [json!({"temperature": "hot"}), json!({"model": "no-such-model-{{unique}}"})];
            wrong.map(|members| Request::new(with(asking.with(json!({"stream": true})), members))).into()
        })
    },
    probe("gzip-stream", |asking| {
        let gzip = HeaderChange::Set("accept-encoding", Secret::new("gzip"));
        vec![Request::new(counting(asking, 400)).header(gzip)]
    }),
    Probe {
        turn: Turn::Alone,
        ..probe("abort", |asking| vec![Request::new(counting(asking, 2000)).way(Way::Leaving(3))])
    },
    Probe {
        needs: &[],
        after: &["abort"],
        turn: Turn::Alone,
        ..probe("after-abort", |asking| vec![Request::new(asking.base())])
    },
];

/// A streamed answer that is as long as its cap lets it be.
fn counting(asking: &Asking<'_>, cap: u64) -> Value {
    with(
        asking.ask("Count from 1 to 1000, separated by spaces. [{{unique}}]"),
        json!({"stream": true, "max_tokens": asking.cap.max(cap)}),
    )
}

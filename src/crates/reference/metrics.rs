//! Figures of the endpoint, as a page that Prometheus reads (text exposition format 0.0.4).

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::State;

/// Upper bounds of the histogram of durations, in seconds.
const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// HTTP statuses are below this.
const STATUSES: usize = 600;

/// Counters of completion requests.
#[derive(Debug)]
pub(super) struct Metrics {
    statuses: Vec<AtomicU64>,
    in_flight: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    /// How many durations were within each bound, and beyond all of them.
    durations: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Metrics {
    pub(super) fn new() -> Metrics {
        Metrics {
            statuses: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            in_flight: AtomicU64::new(0),
            prompt_tokens: AtomicU64::new(0),
            completion_tokens: AtomicU64::new(0),
            durations: std::array::from_fn(|_| AtomicU64::new(0)),
            microseconds: AtomicU64::new(0),
        }
    }

    /// Completion requests that have not ended.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts the tokens of an answer.
    pub(super) fn tokens(&self, prompt: u64, completion: u64) {
        self.prompt_tokens.fetch_add(prompt, Ordering::Relaxed);
        self.completion_tokens.fetch_add(completion, Ordering::Relaxed);
    }

    fn ended(&self, status: Option<u16>, took: std::time::Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        // The client went away before there was a status.
        let Some(status) = status else { return };
        if let Some(count) = self.statuses.get(usize::from(status)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.durations[bucket].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// The page.
    pub(super) fn page(&self) -> String {
        let mut page = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        family(&mut page, "requests_total", "counter", "Completion requests that ended, by HTTP status.");
        for (status, count) in self.statuses.iter().map(read).enumerate().filter(|(_, count)| *count > 0) {
            let _ = writeln!(page, "proofload_requests_total{{status=\"{status}\"}} {count}");
        }
        for (name, kind, about, counter) in [
            ("requests_in_flight", "gauge", "Completion requests that have not ended.", &self.in_flight),
            ("prompt_tokens_total", "counter", "Tokens of prompts.", &self.prompt_tokens),
            ("completion_tokens_total", "counter", "Tokens of answers.", &self.completion_tokens),
        ] {
            family(&mut page, name, kind, about);
            let _ = writeln!(page, "proofload_{name} {}", read(counter));
        }
        let about = "From the request's head to the end of the response.";
        family(&mut page, "request_duration_seconds", "histogram", about);
        let mut total = 0;
        for (bucket, count) in self.durations.iter().map(read).enumerate() {
            total += count;
            let bound = BOUNDS.get(bucket).map_or("+Inf".to_owned(), f64::to_string);
            let _ = writeln!(page, "proofload_request_duration_seconds_bucket{{le=\"{bound}\"}} {total}");
        }
        let seconds = read(&self.microseconds) as f64 / 1e6;
        let _ = writeln!(page, "proofload_request_duration_seconds_sum {seconds}");
        let _ = writeln!(page, "proofload_request_duration_seconds_count {total}");
        page
    }
}

fn family(page: &mut String, name: &str, kind: &str, about: &str) {
    let _ = write!(page, "# HELP proofload_{name} {about}\n# TYPE proofload_{name} {kind}\n");
}

/// A completion request that has not ended; it ends when this is dropped, be it that the client went away.
pub(super) struct InFlight {
    state: Arc<State>,
    began: Instant,
    status: Option<u16>,
}

impl InFlight {
    pub(super) fn new(state: &Arc<State>, began: Instant) -> InFlight {
        state.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { state: Arc::clone(state), began, status: None }
    }

    /// The status of its reply is known.
    pub(super) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.state.metrics.ended(self.status, self.began.elapsed());
    }
}

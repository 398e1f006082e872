//! One line on stderr while a run goes on; nothing where stderr is no terminal.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::Live;

const REDRAW: Duration = Duration::from_millis(250);

/// A progress line that ends when it is dropped.
pub(super) struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows the live figures until dropped; `total` is how long requests are sent, where that is known.
    pub(super) fn start(live: Arc<Live>, total: Option<Duration>) -> Progress {
        let (stop, stopped) = channel();
        let draw = move || {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
                bar.set_style(style);
            }
            while stopped.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                bar.set_message(message(&live, total, bar.elapsed()));
                bar.tick();
            }
            bar.finish_and_clear();
        };
        Progress { stop: Some(stop), thread: std::thread::Builder::new().name("progress".to_owned()).spawn(draw).ok() }
    }
}

fn message(live: &Live, total: Option<Duration>, elapsed: Duration) -> String {
    let now = live.snapshot();
    let first_token = now.first_token_p95.map_or("-".to_owned(), |p95| format!("{:.0} ms", p95.as_secs_f64() * 1e3));
    let left = match total.map(|total| total.saturating_sub(elapsed)) {
        None => String::new(),
        Some(Duration::ZERO) => ", finishing".to_owned(),
        Some(left) => format!(", {} s left", left.as_secs()),
    };
    format!(
        "{} sent, {} in flight, first token p95 {first_token}, {} errors, {} violations{left}",
        now.sent, now.in_flight, now.errors, now.violations
    )
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A line that counts requests, on stderr while a suite goes on; nothing where stderr is no terminal.
pub(super) struct Count {
    bar: ProgressBar,
}

impl Count {
    /// Begins to count.
    pub(super) fn start(quiet: bool) -> Count {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        Count { bar }
    }

    /// Shows how many requests have ended, of how many so far known.
    pub(super) fn show(&self, ended: usize, known: usize) {
        self.bar.set_message(format!("{ended} of {known} requests"));
        self.bar.tick();
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

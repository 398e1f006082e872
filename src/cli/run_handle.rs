//! The user's handle on what a command is doing: signals stop it, and cut it when they come again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::ending::{Ending, patience};
use super::exit::Exit;
use super::progress::Progress;
use super::say;
use super::signals::Signals;
use crate::plan::Plan;
use crate::run::{Control, Halt, Stage};
use crate::summary::Summary;

/// The user's handle on one run or several in a row.
#[derive(Debug)]
pub(super) struct RunHandle {
    stage: watch::Sender<Stage>,
    halt: Halt,
    current: Mutex<Option<Current>>,
}

/// What is going on, or went on last.
#[derive(Debug)]
struct Current {
    control: Option<Arc<Control>>,
    /// How long what is in flight may take to finish.
    grace: Duration,
}

/// The user asked to stop before there was anything to report.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: nothing was measured")]
pub(super) struct Interrupted;

impl RunHandle {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn listen() -> anyhow::Result<Arc<RunHandle>> {
        let runtime = Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
        let signals = {
            let _guard = runtime.enter();
            Signals::hear().context("listening to signals")?
        };
        let (stage, stages) = watch::channel(Stage::Running);
        let handle = Arc::new(RunHandle { stage, halt: Halt::of(stages), current: Mutex::default() });
        let listening = Arc::clone(&handle);
        let listen = move || runtime.block_on(listening.follow(signals));
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen).context("starting a thread")?;
        Ok(handle)
    }

    async fn follow(&self, mut signals: Signals) {
        let mut ending = Ending::default();
        let first = signals.next().await;
        ending.hear(first);
        let patience = patience(first);
        self.stop(patience);
        let mut run_out = std::pin::pin!(tokio::time::sleep(patience.unwrap_or(Duration::MAX)));
        loop {
            let stage = tokio::select! {
                signal = signals.next() => ending.hear(signal),
                () = &mut run_out, if patience.is_some() && !run_out.is_elapsed() => ending.run_out(),
            };
            match stage {
                Some(Stage::Cutting) => self.cut(),
                Some(Stage::Gone) => give_up(),
                Some(Stage::Running | Stage::Stopping) | None => {}
            }
        }
    }

    /// Has nothing more sent, and says how long what is in flight may take.
    fn stop(&self, patience: Option<Duration>) {
        self.stage.send_replace(Stage::Stopping);
        let in_flight = self.in_flight();
        let grace = self.with_current(|current| {
            current.control.as_ref().inspect(|control| control.stop());
            current.grace
        });
        // Whoever waits for what comes before a measurement says that there was none.
        let Some(grace) = grace else { return };
        let grace = patience.map_or(grace, |patience| grace.min(patience));
        let wait = match in_flight {
            0 => "nothing is in flight".to_owned(),
            _ => format!("up to {} for {}", humantime::format_duration(grace), requests(in_flight)),
        };
        say(&format!("\nstopping: {wait}; interrupt again to report at once\n"));
    }

    /// Cuts what is in flight.
    fn cut(&self) {
        self.stage.send_replace(Stage::Cutting);
        let in_flight = self.in_flight();
        self.with_current(|current| current.control.as_ref().inspect(|control| control.cut()).is_some());
        say(&format!("cancelling {}; interrupt again to exit at once, without a report\n", requests(in_flight)));
    }

    fn with_current<T>(&self, see: impl FnOnce(&Current) -> T) -> Option<T> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(see)
    }

    fn set_current(&self, current: Current) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(current);
    }

    /// Requests in flight of all that goes on.
    fn in_flight(&self) -> usize {
        let of_run = self.with_current(|current| Some(current.control.as_ref()?.live().in_flight())).flatten();
        of_run.unwrap_or(0) + self.halt.in_flight()
    }

    /// Whether the user has asked to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.halt.is_stopping()
    }

    /// Tells those who wait for replies of their own when to end.
    pub(super) fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Takes hold of requests that end by [`RunHandle::halt`], and how long they may take once the user has asked to stop.
    pub(super) fn hold_probes(&self, grace: Duration) {
        self.set_current(Current { control: None, grace });
    }

    /// Takes hold of a run of this plan.
    pub(super) fn hold(&self, control: &Arc<Control>, plan: &Plan) {
        // No request lasts longer than its own limit, whatever the grace period beyond it.
        let grace = plan.grace().min(plan.target.timeouts.total);
        self.set_current(Current { control: Some(Arc::clone(control)), grace });
        // Signals just before found another run, or none.
        if self.halt.is_stopping() {
            control.stop();
        }
        if self.halt.has_reached(Stage::Cutting) {
            control.cut();
        }
    }

    /// Carries out a plan with progress on stderr, under a control that was not used before.
    pub(super) fn carry_out_under(&self, control: Control, plan: &Arc<Plan>, quiet: bool) -> anyhow::Result<Summary> {
        let control = Arc::new(control);
        self.hold(&control, plan);
        let progress = (!quiet).then(|| Progress::start(control.live(), plan.length()));
        let summary = crate::run::run(plan, &control);
        drop(progress);
        Ok(summary?)
    }

    /// Waits for what comes before a measurement.
    ///
    /// # Errors
    /// [`Interrupted`] where the user asks to stop before: that is not worth a wait.
    pub(super) fn wait_for<T>(&self, runtime: &Runtime, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        runtime.block_on(async {
            tokio::select! {
                done = work => Ok(done),
                () = self.halt.reaches(Stage::Stopping) => Err(Interrupted),
            }
        })
    }

    /// Does nothing for so long, or until the user asks to stop.
    pub(super) fn pause(&self, time: Duration) -> anyhow::Result<()> {
        let runtime = Builder::new_current_thread().enable_time().build().context("starting the runtime")?;
        let _ = runtime.block_on(async { tokio::time::timeout(time, self.halt.reaches(Stage::Stopping)).await });
        Ok(())
    }
}

fn requests(count: usize) -> String {
    if count == 1 { "1 request in flight".to_owned() } else { format!("{count} requests in flight") }
}

/// Ends the process. Files are renamed into their places, so that each is whole or absent.
fn give_up() {
    say("gave up: results not yet written are lost\n");
    #[expect(clippy::exit, reason = "the user asked a third time to end at once")]
    std::process::exit(Exit::Interrupted as i32);
}

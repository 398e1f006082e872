//! The signals by which a user, a terminal or a supervisor asks for the end.

use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A signal that asks for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// `SIGINT`: somebody pressed Ctrl-C.
    Interrupt,
    /// `SIGTERM`: the parent process asks for the end, and often kills some seconds later.
    Terminate,
    /// `SIGHUP`: the terminal is gone.
    Hangup,
}

impl Signal {
    const ALL: [Signal; 3] = [Signal::Interrupt, Signal::Terminate, Signal::Hangup];

    fn kind(self) -> SignalKind {
        match self {
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Terminate => SignalKind::terminate(),
            Signal::Hangup => SignalKind::hangup(),
        }
    }

    /// Whether who started this process may tell it not to hear the signal: a shell does so with what it runs in the
    /// background, and nohup so that a run outlives its terminal.
    fn is_optional(self) -> bool {
        self != Signal::Terminate
    }
}

/// Hears signals. From then on none of them ends the process by itself.
pub(super) struct Signals {
    streams: Vec<(Signal, Stream)>,
}

impl Signals {
    /// Hears every signal, but for those that the process was started to ignore. To be called within a runtime.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn hear() -> io::Result<Signals> {
        let ignored = Ignored::at_start();
        let heard = Signal::ALL.into_iter().filter(|own| !(own.is_optional() && ignored.has(*own)));
        let streams = heard.map(|own| Ok((own, signal(own.kind())?))).collect::<io::Result<_>>()?;
        Ok(Signals { streams })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            let mut streams = self.streams.iter_mut();
            let came = streams.find_map(|(own, stream)| stream.poll_recv(context).is_ready().then_some(*own));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals that a process ignores, a bit each, the lowest for number 1.
struct Ignored(u64);

impl Ignored {
    /// Those of this process, to be asked before it hears any. Linux says them in `/proc`; elsewhere nothing is known of
    /// them without code that the compiler cannot check, so every signal is heard, and a run outlives its terminal only
    /// in a session of its own, as of screen or tmux.
    fn at_start() -> Ignored {
        Ignored::read(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    fn read(status: &str) -> Ignored {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        Ignored(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
    }

    fn has(&self, signal: Signal) -> bool {
        self.0 >> (signal.kind().as_raw_value() - 1) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let of = |mask: &str| {
            let ignored =
                Ignored::read(&format!("SigBlk:\t0000000000000003\nSigIgn:\t{mask}\nSigCgt:\t00000000ffffffff\n"));
            Signal::ALL.map(|signal| ignored.has(signal))
        };
        assert_eq!(of("0000000000000000"), [false, false, false]);
        assert_eq!(of("0000000000001001"), [false, false, true], "nohup");
        assert_eq!(of("0000000000000006"), [true, false, false], "the background of a shell");
        assert_eq!(of("0000000000004000"), [false, true, false]);
        assert_eq!(Signal::ALL.map(|signal| Ignored::read("").has(signal)), [false; 3], "not on Linux");
    }
}

//! Secrets on the command line's own ways out: its errors, stderr and panics. Reports take secrets out themselves.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::panic::PanicHookInfo;
use std::sync::{PoisonError, RwLock};

use crate::plan::secret::{Redactor, Secret, is_secret, spans_written};
use crate::profile::contracts;
use crate::wire::plain;

/// What is known of the profiles that this process has read. Panics know nothing else.
static KNOWN: RwLock<Option<Redactor>> = RwLock::new(None);

/// Flags whose value is a header.
const HEADERS: [&str; 2] = ["--header", "--against-header"];

/// Lets the secrets of a profile be taken out of all that goes to stderr from now on. Returns whether there are new ones.
pub(super) fn know(secrets: &Redactor) -> bool {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let all = known.as_ref().map_or_else(|| secrets.clone(), |before| before.and(secrets));
    let is_new = known.as_ref().is_none_or(|before| *before != all);
    *known = Some(all);
    is_new
}

/// A text for stderr.
pub(super) fn clean(text: &str) -> String {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.as_ref().map_or_else(|| text.to_owned(), |known| known.clean(text))
}

/// A text about the arguments of this process, which may repeat them.
pub(super) fn clean_arguments(text: &str) -> String {
    of_arguments(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())).clean_ours(text)
}

/// The secrets that stand in arguments.
fn of_arguments(arguments: impl Iterator<Item = String>) -> Redactor {
    let mut secrets = Vec::new();
    let mut is_header = false;
    for argument in arguments {
        let spans = spans_written(&argument, |_| false);
        secrets.extend(spans.into_iter().map(|span| Secret::new(&argument[span])));
        let (flag, value) = argument.split_once('=').unwrap_or((&argument, ""));
        let header = if is_header { &argument } else { value };
        if is_header || HEADERS.contains(&flag) {
            secrets.extend(of_header(header));
        }
        is_header = !is_header && HEADERS.contains(&argument.as_str());
    }
    Redactor::new(secrets, contracts::all())
}

/// The value of a header that is written as an argument: all of it, where no name is written.
fn of_header(header: &str) -> Option<Secret> {
    match header.split_once(['=', ':']) {
        Some((name, value)) => is_secret(name).then(|| Secret::new(value.trim())),
        None => Some(Secret::new(header)),
    }
}

/// Tells of a fault of ours on stderr, in the place of the library's own text, which holds whatever was at hand.
pub(super) fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| super::say(&told(panic))));
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = clean_arguments(text.unwrap_or("no reason is known"));
    let text = plain::line(&text);
    let place = panic.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
    let thread = std::thread::current().name().map_or(String::new(), |name| format!(" in the thread {name:?}"));
    let mut told = format!("error: a fault of proofload itself{place}{thread}: {text}\n");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = writeln!(told, "{backtrace}");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_without_their_secrets() {
        let arguments =
            ["proofload", "run", "--header", "Bearer sk-1", "--header=x-team=red", "--against-header=x-api-key: k2"];
        let more = ["--url", "http://me:pw@h:99999", "--set", "target.headers.cookie=c3"];
        let redactor = of_arguments(arguments.into_iter().chain(more).map(str::to_owned));
        assert_eq!(
            redactor.clean_ours("'Bearer sk-1', x-team=red, k2, http://me:pw@h:99999, c3"),
            "'***', x-team=red, ***, http://***@h:99999, ***"
        );
    }
}

//! The command line: a function for each command. Only here are arguments, the terminal and the exit code known.

use std::io::{IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod capacity;
mod capacity_args;
mod capacity_plan;
mod capacity_verify;
mod capture;
mod catalogue;
mod check;
mod check_args;
mod check_options;
mod check_profile;
mod check_report;
mod cleaned;
mod compare;
mod compare_args;
mod ending;
mod exit;
mod explain;
mod folder;
mod github;
mod history;
mod keeping;
mod lone;
mod merge;
mod new_profile;
mod outline;
mod output;
mod places;
mod progress;
mod read;
mod recall;
mod repeat;
mod replay;
mod report;
mod run;
mod run_handle;
mod secrets;
mod series;
mod serve;
mod signals;
mod sweep;
mod under_load;
mod wrapped;

use args::{Args, Command, ProfileCommand};
use exit::Exit;
use run_handle::Interrupted;

use crate::wire::plain;

/// Carries out the command line of this process.
pub fn main() -> ExitCode {
    secrets::tell_of_panics();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return tell_usage(&error).into(),
    };
    // A fault of ours must not end in 101, which would read as a panic in scripts and hide what was measured.
    match std::panic::catch_unwind(|| dispatch(args)) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(error)) => {
            // Behind what the terminal shows of Ctrl-C.
            let kind = if error.is::<Interrupted>() { "\n" } else { "error: " };
            say(&secrets::clean_arguments(&format!("{kind}{error:#}\n")));
            Exit::of_error(&error).into()
        }
        Err(_) => Exit::Invalid.into(),
    }
}

fn dispatch(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Capacity(args) => capacity::capacity(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Merge(args) => merge::merge(&args),
        Command::Report(args) => report::report(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::History(args) => history::history(&args),
        Command::Profile { command } => match command {
            ProfileCommand::Check { profile } => check_profile::check(&profile),
            ProfileCommand::Schema => check_profile::schema(),
            ProfileCommand::New { file: Some(file), from: Some(log), columns } => {
                new_profile::from_log(&file, &log, columns.as_deref())
            }
            ProfileCommand::New { file, .. } => check_profile::new(file.as_deref()),
        },
    }
}

/// Writes to stdout, without control characters and without what the log of a CI job would take for a command. A reader
/// that has gone away is no error, nor is a terminal that has.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(plain::lines(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if !has_gone(&error) => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What writing to a terminal that has hung up comes to, `EIO`, as a file on a disk that fails says too.
const INPUT_OUTPUT: i32 = 5;

/// Whether nobody reads stdout any more.
fn has_gone(error: &std::io::Error) -> bool {
    let is_terminal = || {
        let stdout = std::io::stdout().as_fd().try_clone_to_owned();
        let kind = stdout.and_then(|own| std::fs::File::from(own).metadata()).map(|about| about.file_type());
        kind.is_ok_and(|kind| kind.is_char_device())
    };
    error.kind() == std::io::ErrorKind::BrokenPipe || (error.raw_os_error() == Some(INPUT_OUTPUT) && is_terminal())
}

/// Writes to stderr, without secrets, control characters and commands.
fn say(text: &str) {
    say_as_it_is(&plain::lines(text));
}

/// Writes to stderr what is a command to the log of a CI job, or has colours, and was made plain before. Nothing can be
/// done if that fails.
fn say_as_it_is(text: &str) {
    let _ = std::io::stderr().lock().write_all(secrets::clean(text).as_bytes());
}

/// What clap has to say, with its colours unless an argument that it quotes could bring some.
fn tell_usage(error: &clap::Error) -> Exit {
    let is_odd = |argument: std::ffi::OsString| {
        let text = argument.to_string_lossy();
        plain::line(&text) != text
    };
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Pass;
    }
    let text = error.render();
    let is_terminal = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if is_terminal && !std::env::args_os().any(is_odd) {
        say_as_it_is(&secrets::clean_arguments(&text.ansi().to_string()));
    } else {
        say(&secrets::clean_arguments(&text.to_string()));
    }
    Exit::Usage
}

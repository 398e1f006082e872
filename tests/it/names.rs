//! Names of profiles, models, cases, labels and endpoints, wherever they come from, in whatever a command prints or writes: every
//! command, in every format, on every stream.

pub(crate) mod commands;
mod hostile;
mod output;
mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use commands::commands;
use hostile::{HOSTILE, document, profile, searched, server, spoil};
use output::{Commands, faults};
use rows::{Row, rows};

use crate::harness::{program, shared};

/// Carries a command out as a step of a job of GitHub's, and returns what is wrong with whatever comes of it.
fn carry_out(folder: &Path, Row { command, arguments, shows }: &Row) -> Vec<String> {
    let before = files(folder);
    let mut process = program();
    process.current_dir(folder).args(command.split(' ')).args(arguments);
    process.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", folder.join("step.md"));
    let output = process.output().expect("runs");
    let (stdout, stderr) = (output.stdout, output.stderr);
    // Where nothing is printed, stderr says why.
    let silent = stdout.is_empty();
    let mut found = vec![
        ("stdout".to_owned(), faults(&stdout, Commands::None, *shows && !silent)),
        ("stderr".to_owned(), faults(&stderr, Commands::Ours, *shows && silent)),
    ];
    let said = String::from_utf8_lossy(&stderr);
    if said.contains("panicked") {
        found.push(("the program".to_owned(), vec![said.clone().into_owned()]));
    }
    // A capture and a journal hold what came, byte for byte.
    let raw = |file: &String| file.contains("captured") || file.contains(".jsonl");
    for file in files(folder).difference(&before).filter(|file| !raw(file)) {
        let bytes = fs::read(folder.join(file)).expect("readable");
        found.push((file.clone(), faults(&bytes, Commands::None, false)));
    }
    let words = arguments.join(" ");
    let told = |(place, faults): (String, Vec<String>)| {
        let first = faults.into_iter().next()?;
        Some(format!("{place} of {command} {} {first}\n(stderr: {said})", words.escape_debug()))
    };
    found.into_iter().filter_map(told).collect()
}

/// The files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let below = entries.flat_map(|path| {
        if path.is_dir() { files(&path).iter().map(|file| path.join(file)).collect() } else { vec![path] }
    });
    below.map(|path| path.strip_prefix(folder).expect("below").to_string_lossy().into_owned()).collect()
}

/// In this order, since some read what others have written.
const ORDER: [&str; 3] = ["run", "check", "capacity"];

#[test]
fn no_name_drives_a_terminal_or_the_log_of_a_job() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    let server = server();
    write("p.toml", &profile(&server.url()));
    let single = format!("http://{}", server.address);
    write("refused.toml", &profile(&format!("{single}/refused/v1")));
    write("several.toml", &profile(&format!("{single}/several/v1")).replace("\nmodel = ", "\n# "));
    write("search.toml", &searched(&server.url()));
    write("bad.toml", &format!("{}[{HOSTILE}]\nx = 1\n", profile("ftp://x")));
    write("no.toml", &profile("ftp://x\\u0000::error::gone"));
    let day = "2026-11-25 12:00:0";
    write("routes.csv", &format!("time,in,out,route\n{day}1,1,2,\"{HOSTILE}\"\n{day}2,1,2,\"{HOSTILE}2\"\n"));
    write("log.csv", &format!("time,in,out,route\n\"{HOSTILE}\",1,2,3\n"));
    let names = commands("");
    let (first, rest): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| ORDER.contains(&name.as_str()));
    let held = |name: &str| rows(name).iter().flat_map(|row| carry_out(folder.path(), row)).collect::<Vec<_>>();
    let mut found = Vec::new();
    for name in ORDER {
        assert!(first.iter().any(|own| *own == name), "{name} is no command any more: {names:?}");
        found.extend(held(name));
    }
    let at = |name: &str| folder.path().join(name);
    spoil(&at("run/summary.json"), &at("hostile-run/summary.json"));
    spoil(&at("new/summary.json"), &at("hostile-new/summary.json"));
    spoil(&at("check/conformance.json"), &at("hostile-check/conformance.json"));
    for name in ["hostile-search", "hostile-other"] {
        let record = serde_json::to_value(crate::capacity::record(50.0, "ttft.p95 < 500ms")).expect("JSON");
        fs::create_dir_all(at(name)).expect("made");
        fs::write(at(name).join("capacity.json"), document(&record).to_string()).expect("written");
    }
    found.extend(rest.iter().flat_map(|name| held(name)));
    let summary = fs::read(at("step.md")).expect("the summary of the job");
    found.extend(faults(&summary, Commands::None, true));
    assert!(found.is_empty(), "{} outputs:\n\n{}", found.len(), found.join("\n\n"));
}

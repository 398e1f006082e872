//! The manual cannot lie: the commands in README.md are run, and the report in it has the shape of a real one.
//!
//! A block marked `sh` is a session: its `proofload` commands run in order, in a folder that holds the manual's files
//! (blocks marked `toml` whose first line is `# NAME.toml`), with the built program.
//! A command that ends in `&` is an endpoint that serves until the block ends, on a free port that the commands behind
//! it are given. `# exit N` behind a command says how it ends; 0 is meant without it. Other commands are not run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{MY_KEY, Served, program, shared};

const ADDRESS: &str = "http://127.0.0.1:8080/v1";

fn readme() -> String {
    fs::read_to_string("README.md").expect("the manual")
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// Whether a command is one of this program's, and what it is given.
fn arguments(command: &str) -> Option<&str> {
    command.strip_prefix("proofload ").or_else(|| command.strip_prefix("cargo run --release -- "))
}

/// A command with what stands behind its `#`.
fn split_comment(line: &str) -> (&str, &str) {
    line.split_once(" # ").map_or((line.trim(), ""), |(command, comment)| (command.trim(), comment.trim()))
}

/// The log that the manual makes a profile of.
const LOG: &str =
    "ts,prompt_tokens,completion_tokens,app\n2026-11-20 08:00:00.5,812,64,chat\n2026-11-20 08:00:01.25,95,12,search\n";

/// Writes the files that the manual shows, and the log that it speaks of.
fn write_files(folder: &Path) {
    fs::write(folder.join("log.csv"), LOG).expect("written");
    for file in blocks("toml") {
        let first = file.lines().next().unwrap_or_default();
        if let Some(stem) = first.strip_prefix("# ").and_then(|first| first.strip_suffix(".toml")) {
            fs::write(folder.join(stem).with_extension("toml"), &file).expect("written");
        }
    }
}

/// Runs a session, and returns how many commands that were.
fn run_session(session: &str, folder: &Path) -> usize {
    let mut served = Vec::new();
    let mut count = 0;
    for line in session.replace("\\\n", " ").lines() {
        let (command, comment) = split_comment(line);
        let Some(given) = arguments(command) else { continue };
        count += 1;
        if let Some(serve) = given.strip_suffix('&').and_then(|given| given.trim().strip_prefix("serve")) {
            let serve = serve.replace("--listen 127.0.0.1:8080", "");
            served.push(Served::start(&serve.split_whitespace().collect::<Vec<_>>()));
            continue;
        }
        let given = match served.last() {
            Some(endpoint) => given.replace(ADDRESS, &endpoint.url),
            None => given.replace("profiles/quickstart.toml", "quickstart"),
        };
        let expected = comment.strip_prefix("exit ").and_then(|code| code.parse().ok()).unwrap_or(0);
        let shell = format!("exec \"$0\" {given}");
        let output = Command::new("sh")
            .args(["-c", &shell, &program().get_program().to_string_lossy()])
            .env("MY_KEY", MY_KEY)
            .current_dir(folder)
            .output()
            .expect("sh runs");
        assert_eq!(output.status.code(), Some(expected), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    count
}

#[test]
fn every_command_of_the_manual_does_what_it_says() {
    let _machine = shared();
    let count: usize = blocks("sh")
        .iter()
        .map(|session| {
            let folder = tempfile::tempdir().expect("a folder");
            write_files(folder.path());
            run_session(session, folder.path())
        })
        .sum();
    assert!(count >= 10, "only {count} commands were found");
}

/// What a line of a report begins with, up to its first figure.
fn label(line: &str) -> String {
    let end = line.find(|c: char| c.is_ascii_digit() || c == '|').unwrap_or(line.len());
    line[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_report_in_the_manual_has_the_shape_of_a_real_one() {
    let _machine = shared();
    let shown = blocks("text").into_iter().find(|block| block.starts_with("PASS")).expect("a report");
    let output = program().args(["run", "quickstart", "--no-out", "--quiet"]).output().expect("runs");
    let real: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(label).collect();
    // What a busy machine changes: the verdict, whether it is believed, whether neighbouring seconds are alike, how many
    // connections there are, and where a line of figures is wrapped.
    let changing = ["PASS", "trust", "-", "certainty", "load-conn-reuse"];
    let is_wrapped = |line: &&str| line.starts_with("          ");
    let steady = |label: &String| !changing.iter().any(|word| label.starts_with(word));
    let lines = shown.lines().filter(|line| !is_wrapped(line)).map(label);
    let missing: Vec<String> = lines.filter(steady).filter(|line| !real.contains(line)).collect();
    assert!(missing.is_empty(), "the manual shows lines that a report has not: {missing:?}\n{real:#?}");
}

#[test]
fn the_presets_and_exit_codes_of_the_manual_are_those_of_the_program() {
    let text = readme();
    for preset in proofload::profile::preset::ALL {
        assert!(text.contains(&format!("`{}`", preset.name)), "{} is not in the manual", preset.name);
    }
    let help = program().arg("--help").output().expect("runs").stdout;
    let help = String::from_utf8_lossy(&help).into_owned();
    let codes =
        help.lines().filter_map(|line| line.trim().split_once("  ")).filter(|(code, _)| code.parse::<u8>().is_ok());
    for (code, _) in codes {
        assert!(text.contains(&format!("| {code} |")), "exit code {code} is not in the manual");
    }
}

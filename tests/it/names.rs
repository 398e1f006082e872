//! Names of profiles, models, cases, labels and endpoints, wherever they come from, in whatever a command prints or writes: every
//! command, in every format, on every stream.

mod hostile;
mod output;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hostile::{HOSTILE, document, profile, searched, server, spoil};
use output::{Commands, faults};
use proofload::report::{Format, conformance};

use crate::harness::{program, shared};

/// A command of the table.
#[derive(Clone)]
struct Row {
    /// As it is typed below `proofload`.
    command: &'static str,
    arguments: Vec<String>,
    /// Whether its report has a name in it.
    shows: bool,
}

fn row(command: &'static str, arguments: &[&str]) -> Row {
    Row { command, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), shows: true }
}

/// A command whose report has no text of anybody's.
fn silent(command: &'static str, arguments: &[&str]) -> Row {
    Row { shows: false, ..row(command, arguments) }
}

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
    let raw = |file: &String| file.contains("captured") || file.ends_with(".zst");
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

fn help(command: &str) -> String {
    let output =
        program().args(command.split(' ').filter(|word| !word.is_empty())).arg("--help").output().expect("runs");
    String::from_utf8(output.stdout).expect("text")
}

/// Every command that has none below it, and those that have and do something themselves.
fn commands(above: &str) -> Vec<String> {
    let help = help(above);
    let list = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let mut found: Vec<String> = names.flat_map(|name| commands(format!("{above} {name}").trim())).collect();
    if found.is_empty() || help.contains("[OPTIONS] <") {
        found.push(above.to_owned());
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The values of `--format` that the help of a command lists.
fn formats(command: &str) -> Vec<String> {
    let help = help(command).split_whitespace().collect::<Vec<_>>().join(" ");
    let own = help.split(" --format <").nth(1).expect(command);
    let list = own.split("[possible values: ").nth(1).and_then(|rest| rest.split(']').next()).expect(command);
    list.split(", ").map(str::to_owned).collect()
}

/// One row for each format that a command has.
fn in_every_format(command: &'static str, arguments: &[&str]) -> Vec<Row> {
    let with = |format: String| row(command, &[arguments, &["--format", &format]].concat());
    formats(command).into_iter().map(with).collect()
}

/// What a command is held with, in the order in which they need what others have left.
fn rows(command: &str) -> Vec<Row> {
    let name = format!("{HOSTILE}=x");
    let reports = Format::ALL.map(|format| format!("--report={0}=as.{0}", format.name()));
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let pages = conformance::Kind::ALL.map(|kind| format!("--report={0}=check.{0}", kind.name()));
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let area = ["--area", "stream", "--seed", "1"];
    match command {
        "run" => {
            let mut rows = vec![
                row("run", &[&["p.toml", "--out", "run", "--journal=bodies"], &reports[..]].concat()),
                row("run", &["p.toml", "--out", "new", "--label", &name, "--format", "json"]),
                row("run", &["p.toml", "--dry-run"]),
                silent("run", &["p.toml", "--repeat", "2", "--out", "twice"]),
                row("run", &["p.toml", "--sweep", &format!("model=m,{HOSTILE}"), "--out", "sweep"]),
                row("run", &["p.toml", "--sweep", &format!("labels.{HOSTILE}=m,n"), "--no-out", "--format", "json"]),
                row("run", &["refused.toml", "--no-out"]),
                row("run", &["several.toml", "--no-out"]),
                row("run", &["no.toml", "--no-out", "--goal", HOSTILE, "--set", &name]),
                row("run", &["p.toml", "--format", HOSTILE]),
                row("run", &[HOSTILE]),
            ];
            let part = |part: &str| {
                row(
                    "run",
                    &[
                        "p.toml",
                        "--seed",
                        "1",
                        "--salt",
                        "1",
                        "--shard",
                        &format!("{part}/2"),
                        "--out",
                        &format!("part{part}"),
                    ],
                )
            };
            rows.extend([part("1"), part("2")]);
            rows
        }
        "check" => {
            let mut rows = in_every_format("check", &[&["p.toml", "--no-out"], &area[..]].concat());
            rows.push(row(
                "check",
                &[&["p.toml", "--out", "check", "--capture", "captured"], &area[..], &pages].concat(),
            ));
            rows.push(row("check", &["p.toml", "--dry-run"]));
            rows.push(row("check", &["refused.toml", "--no-out"]));
            rows.push(row("check", &["p.toml", "--only", HOSTILE]));
            rows.push(row("check", &["p.toml", "--explain", HOSTILE]));
            rows
        }
        "replay" => in_every_format("replay", &["captured", "--no-out", "--target-name", HOSTILE]),
        "merge" => {
            [in_every_format("merge", &["part1", "part2", "--no-out"]), vec![row("merge", &["run", HOSTILE])]].concat()
        }
        "report" => {
            // A row for each second and an interval log name nothing.
            let silent_ones = [Format::Csv, Format::Hlog];
            let of_run = |format: Format| {
                let arguments = ["hostile-run", "--format", format.name()];
                if silent_ones.contains(&format) { silent("report", &arguments) } else { row("report", &arguments) }
            };
            let of_check =
                |kind: conformance::Kind| row("report", &["hostile-check", "--verbose", "--format", kind.name()]);
            let mut rows: Vec<Row> = Format::ALL.into_iter().map(of_run).collect();
            rows.extend(conformance::Kind::ALL.map(of_check));
            rows.push(row("report", &["hostile-check", "--finding", "stream-content-type"]));
            rows.push(row("report", &["hostile-run", "--metrics-as", "vllm,aiperf"]));
            rows.push(silent("report", &["twice"]));
            rows.push(row("report", &[HOSTILE]));
            rows
        }
        "compare" => [
            in_every_format("compare", &["run", "new"]),
            in_every_format("compare", &["hostile-run", "hostile-new"]),
            vec![row("compare", &["run", "hostile-new"]), row("compare", &["run", HOSTILE])],
        ]
        .concat(),
        "history" => in_every_format("history", &["."]),
        "capacity" => vec![
            row(
                "capacity",
                &["search.toml", "--stage", "1s", "--confirm", "1s", "--max-requests", "6", "--out", "search"],
            ),
            row("capacity", &["search.toml", "--resume", HOSTILE]),
        ],
        "capacity verify" => {
            in_every_format("capacity verify", &["hostile-search", "--duration", "1s", "--max-requests", "1"])
        }
        "capacity plan" => in_every_format(
            "capacity plan",
            &["hostile-search", "--demand", "5", "--title", HOSTILE, "--prepared-for", HOSTILE],
        ),
        "capacity report" => in_every_format("capacity report", &["hostile-search"]),
        "capacity compare" => in_every_format("capacity compare", &["hostile-search", "hostile-other"]),
        "serve" => vec![
            row("serve", &["--quirk", HOSTILE]),
            row("serve", &["--listen", HOSTILE]),
            row("serve", &["--tokens", HOSTILE]),
        ],
        "profile check" => vec![
            silent("profile check", &["p.toml"]),
            row("profile check", &["bad.toml"]),
            row("profile check", &["no.toml"]),
        ],
        "profile schema" => vec![silent("profile schema", &[])],
        "profile new" => vec![silent("profile new", &[]), row("profile new", &["made.toml", "--from", "log.csv"])],
        other => panic!("proofload {other} has no row: what does it do with a name?"),
    }
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
    write("log.csv", &format!("time,in,out,route\n{HOSTILE},1,2,3\n"));
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

//! The table: what each command is held with, in every format that it has.

use proofload::report::{Format, conformance};

use super::commands::formats;
use super::hostile::HOSTILE;

/// A command of the table.
#[derive(Clone)]
pub(super) struct Row {
    /// As it is typed below `proofload`.
    pub(super) command: &'static str,
    pub(super) arguments: Vec<String>,
    /// Whether its report has a name in it.
    pub(super) shows: bool,
}

fn row(command: &'static str, arguments: &[&str]) -> Row {
    Row { command, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), shows: true }
}

/// A command whose report has no text of anybody's.
fn silent(command: &'static str, arguments: &[&str]) -> Row {
    Row { shows: false, ..row(command, arguments) }
}

/// One row for each format that a command has.
fn in_every_format(command: &'static str, arguments: &[&str]) -> Vec<Row> {
    let with = |format: String| row(command, &[arguments, &["--format", &format]].concat());
    formats(command).into_iter().map(with).collect()
}

/// What a command is held with, in the order in which they need what others have left.
pub(super) fn rows(command: &str) -> Vec<Row> {
    match command {
        "run" => of_run(),
        "check" => of_check(),
        "replay" => in_every_format("replay", &["captured", "--no-out", "--target-name", HOSTILE]),
        "merge" => {
            [in_every_format("merge", &["part1", "part2", "--no-out"]), vec![row("merge", &["run", HOSTILE])]].concat()
        }
        "report" => of_report(),
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
            silent("serve", &["--tokens", HOSTILE]),
        ],
        "profile check" => vec![
            silent("profile check", &["p.toml"]),
            row("profile check", &["bad.toml"]),
            row("profile check", &["no.toml"]),
        ],
        "profile schema" => vec![silent("profile schema", &[])],
        "profile new" => vec![
            silent("profile new", &[]),
            row("profile new", &["made.toml", "--from", "log.csv"]),
            row(
                "profile new",
                &["routes.toml", "--from", "routes.csv", "--columns", "time=time,in=in,out=out,route=route"],
            ),
        ],
        other => panic!("proofload {other} has no row: what does it do with a name?"),
    }
}

fn of_run() -> Vec<Row> {
    let name = format!("{HOSTILE}=x");
    let reports = Format::ALL.map(|format| format!("--report={0}=as.{0}", format.name()));
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
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
            &["p.toml", "--seed", "1", "--salt", "1", "--shard", &format!("{part}/2"), "--out", &format!("part{part}")],
        )
    };
    rows.extend([part("1"), part("2")]);
    rows
}

fn of_check() -> Vec<Row> {
    let pages = conformance::Kind::ALL.map(|kind| format!("--report={0}=check.{0}", kind.name()));
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let area = ["--area", "stream", "--seed", "1"];
    let mut rows = in_every_format("check", &[&["p.toml", "--no-out"], &area[..]].concat());
    rows.push(row("check", &[&["p.toml", "--out", "check", "--capture", "captured"], &area[..], &pages].concat()));
    rows.push(row("check", &["p.toml", "--dry-run"]));
    rows.push(row("check", &["refused.toml", "--no-out"]));
    rows.push(row("check", &["p.toml", "--only", HOSTILE]));
    rows.push(row("check", &["p.toml", "--explain", HOSTILE]));
    rows
}

fn of_report() -> Vec<Row> {
    // A row for each second and an interval log name nothing.
    let silent_ones = [Format::Csv, Format::Hlog];
    let run = |format: Format| {
        let arguments = ["hostile-run", "--format", format.name()];
        if silent_ones.contains(&format) { silent("report", &arguments) } else { row("report", &arguments) }
    };
    let check = |kind: conformance::Kind| row("report", &["hostile-check", "--verbose", "--format", kind.name()]);
    let mut rows: Vec<Row> = Format::ALL.into_iter().map(run).collect();
    rows.extend(conformance::Kind::ALL.map(check));
    rows.push(row("report", &["hostile-check", "--finding", "stream-content-type"]));
    rows.push(row("report", &["hostile-run", "--metrics-as", "vllm,aiperf"]));
    rows.push(silent("report", &["twice"]));
    rows.push(row("report", &[HOSTILE]));
    rows
}

//! The files that a load run leaves behind for people and for other tools. What a browser and those tools make of them
//! is tested in `tests/interop`.

use std::fs;
use std::io::Read as _;
use std::time::Duration;

use proofload::report::run::charts;
use proofload::report::{Format, write};
use proofload::run::journal;
use proofload::summary::Summary;
use proofload::summary::excerpt::Excerpt;
use proofload::summary::moments::Moment;
use proofload::summary::tally::{Example, KINDS};
use proofload::wire::schema::{offline, violations};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, program, settings};
use crate::profiles::committed;
use crate::reports::{POOL, summary};

const MARKUP: &str = "]]></title></style></script><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>\u{202e}\u{1b}[31m";

/// A page may name an address as text, and no element of it may fetch one.
fn assert_inert(page: &str) {
    for element in ["<script", "<img", "<iframe", "<object", "<embed", "<form", "<base", "@import", "url("] {
        assert!(!page.contains(element), "{element} in the page");
    }
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links, ["data:,"]);
    assert!(!page.contains(" src="), "something is fetched");
}

fn hostile() -> Summary {
    let mut hostile = summary(&*POOL);
    MARKUP.clone_into(&mut hostile.meta.profile);
    MARKUP.clone_into(&mut hostile.meta.target);
    MARKUP.clone_into(&mut hostile.meta.effective);
    hostile.meta.labels.insert(MARKUP.to_owned(), MARKUP.to_owned());
    hostile.failures.add(MARKUP, 1);
    for tally in hostile.checks.values_mut() {
        tally.must += 1;
        let (case, place, detail) = (MARKUP.to_owned(), MARKUP.to_owned(), MARKUP.to_owned());
        let shows = vec![Excerpt { what: MARKUP.to_owned(), text: MARKUP.to_owned() }];
        let (fault, first_bytes, curl) = (MARKUP.to_owned(), MARKUP.to_owned(), MARKUP.to_owned());
        let example = Example { fault, count: 1, seq: 1, case, place, detail, more: vec![], shows, first_bytes, curl };
        tally.examples = vec![example];
    }
    hostile
}

#[test]
fn markup_and_control_characters_from_a_reply_do_nothing() {
    let page = write(&hostile(), Format::Html);
    let title = page.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
    assert!(title.contains("&lt;script&gt;"), "{title}");
    assert!(!page.contains(['\u{202e}', '\u{1b}']));
    let inert = page.replace("&lt;", "").replace(" src=//evil", "");
    assert_inert(&inert);
}

/// Fields of each row of a table.
fn widths(text: &str) -> Vec<usize> {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    rows.records().map(|row| row.expect("a row").len()).collect()
}

#[test]
fn markup_from_a_reply_or_a_name_is_text_in_every_format() {
    let mut run = hostile();
    run.meta.labels.insert("a\"b=\\".to_owned(), "=1+1,\"x\"|`y`\r\nz".to_owned());
    for format in Format::ALL {
        let text = write(&run, format);
        match format {
            Format::Html => assert_inert(&text.replace("&lt;", "").replace(" src=//evil", "")),
            Format::Junit => {
                assert!(!text.contains("<script") && !text.contains("]]>"), "{text}");
            }
            Format::Markdown => {
                assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("`y`"), "{text}");
            }
            Format::Json | Format::Vllm => {
                serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
            }
            Format::Csv | Format::Totals => {
                let widths = widths(&text);
                assert!(widths.len() > 1 && widths.iter().all(|width| *width == widths[0]), "{widths:?}");
                assert!(!text.contains(",=1") && !text.contains("\n="), "a formula: {text}");
            }
            Format::Openmetrics => {
                for line in text.lines() {
                    assert!(line.starts_with("# ") || line.starts_with("proofload_"), "{line}");
                    let bare = line.replace("\\\\", "").replace("\\\"", "");
                    assert_eq!(bare.matches('"').count() % 2, 0, "{line}");
                }
            }
            Format::Text | Format::Hlog => {}
        }
    }
}

#[test]
fn a_page_stands_alone_and_every_picture_is_described() {
    let run = summary(&*POOL);
    let page = write(&run, Format::Html);
    assert_inert(&page);
    let charts = charts(&run);
    assert!(charts.len() >= 8, "{}", charts.len());
    for chart in &charts {
        assert!(!chart.title.is_empty() && !chart.words.is_empty() && !chart.table.rows.is_empty(), "{}", chart.name);
        let width = chart.table.head.len();
        assert!(chart.table.rows.iter().all(|row| row.len() == width), "{}", chart.name);
        assert_eq!(chart.table.places.len(), chart.table.rows.len(), "{}", chart.name);
        let file = chart.file();
        // What stands for a colour while a picture is drawn is no colour of it.
        assert!(!file.contains("\"#") && file.contains("var(--soft)"), "{file}");
        assert!(file.starts_with("<svg xmlns=") && file.contains("role=\"img\"") && file.contains("<desc"), "{file}");
        assert!(
            file.contains("prefers-color-scheme:dark") && !file.contains("NaN") && !file.contains("inf "),
            "{file}"
        );
    }
}

#[test]
fn the_page_of_the_longest_run_with_the_most_to_say_is_below_a_megabyte() {
    let mut run = hostile();
    let long = "x<&\"' ".repeat(2_000);
    for tally in run.checks.values_mut() {
        let first = tally.examples[0].clone();
        let shows = vec![Excerpt { what: long.clone(), text: long.clone() }; 3];
        let full = Example { detail: long.clone(), curl: long.clone(), first_bytes: long.clone(), shows, ..first };
        tally.examples = vec![full; KINDS];
    }
    (0..1_000).for_each(|number| run.failures.add(&format!("{number} {long}"), number));
    for second in 0..3_600 {
        let moment = Moment { cpu_us: 700_000 + second, core_us: 2_000_000, late_us: second, ..Moment::default() };
        run.health.moments.record(second * 1_000_000, (second + 1) * 1_000_000, &moment);
        let row = run.seconds.at(second * 1_000_000);
        row.due = 50 + second % 7;
        row.ok = 40 + second % 11;
        row.good = 30;
        row.failed = second % 3;
        row.violations = second % 5;
        for us in 0..100 {
            let time = Duration::from_micros(10 + us * us * us * (1 + second % 13));
            for sketch in [&mut row.response_time, &mut row.first_token, &mut row.token_gap, &mut row.lateness] {
                sketch.record(time);
            }
        }
    }
    let page = write(&run, Format::Html);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn the_committed_schema_of_journals_is_the_generated_one() {
    committed("journal.json", &journal::schema());
}

#[test]
fn every_format_is_written_of_any_run() {
    let empty = summary(std::iter::empty());
    for run in [&summary(&*POOL), &empty, &hostile()] {
        for format in Format::ALL {
            let text = write(run, format);
            assert!(text.ends_with('\n'), "{}", format.name());
            // A terminal and a parser of XML alike trip over these.
            assert!(!text.contains(['\u{1b}', '\u{0}']), "{}", format.name());
        }
    }
}

#[test]
fn the_files_of_other_tools_say_what_the_digest_says() {
    let run = summary(&*POOL);
    let digest: serde_json::Value = serde_json::from_str(&write(&run, Format::Json)).expect("JSON");
    let vllm: serde_json::Value = serde_json::from_str(&write(&run, Format::Vllm)).expect("JSON");
    let same = &digest["metrics_as"]["vllm"];
    assert_eq!((&vllm["completed"], &vllm["failed"]), (&same["latency"]["us"]["count"], &digest["requests"]["failed"]));
    for (name, figure) in [("ttft", "first_token"), ("tpot", "per_token"), ("itl", "gap"), ("e2el", "latency")] {
        let p99 = same[figure]["us"]["p99"].as_f64().expect("a time");
        assert_eq!(vllm[format!("p99_{name}_ms")].as_f64(), Some(p99 / 1000.0), "{name}");
    }
    assert_eq!(vllm["output_throughput"], same["output_tokens_per_s"]);
    assert!(vllm["label"].as_str().is_some_and(|label| label.contains("vLLM bench serve 0.33")));

    let seconds = write(&run, Format::Csv);
    let due = |line: &str| line.split(',').nth(2).and_then(|cell| cell.parse::<u64>().ok()).expect("a count");
    assert_eq!(seconds.lines().skip(1).map(due).sum::<u64>(), 60);

    let metrics = write(&run, Format::Openmetrics);
    assert!(metrics.ends_with("# EOF\n") && metrics.contains("# TYPE proofload_requests gauge\n"), "{metrics}");
    let junit = write(&run, Format::Junit);
    assert!(junit.contains("<testsuite name=\"goals\"") && junit.contains("<testsuite name=\"checks\""), "{junit}");
    let log = write(&run, Format::Hlog);
    assert!(log.starts_with("#[Histogram log format version 1.3]\n") && log.contains("\nTag=token_gap,"), "{log}");
}

#[test]
fn a_run_leaves_its_page_and_what_else_is_asked_for() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 2, 1, vec![]));
    let folder = tempfile::tempdir().expect("a folder");
    let run = program()
        .current_dir(folder.path())
        .args(["run", "smoke", "--url", &endpoint.url(), "--model", "gpt-4o", "--count", "8", "--quiet"])
        .args(["--header", "authorization=Bearer sk-journal-secret", "--out", "mine", "--journal=bodies"])
        .args(["--report", "junit=run.xml", "--report", "markdown=run.md"])
        .output()
        .expect("runs");
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stdout));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    assert!(read("run.xml").starts_with("<?xml") && read("run.md").starts_with("## PASS"));
    assert_inert(&read("mine/report.html"));

    let report = |more: &[&str]| {
        let done = program().current_dir(folder.path()).args(["report", "mine"]).args(more).output().expect("runs");
        (
            done.status.code(),
            String::from_utf8(done.stdout).expect("text"),
            String::from_utf8(done.stderr).expect("text"),
        )
    };
    assert_eq!(report(&["--format", "html"]).1, read("mine/report.html"));
    assert!(report(&["--as", "vllm"]).1.contains("\"median_ttft_ms\""));
    let (code, stdout, stderr) = report(&["--chart", "rate.svg", "--chart", "percentiles.svg"]);
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    assert!(read("rate.svg").starts_with("<svg") && read("percentiles.svg").starts_with("<svg"));
    let (code, _, stderr) = report(&["--chart", "nothing.svg"]);
    assert!(code == Some(2) && stderr.contains("it has rate.svg, "), "{stderr}");

    let lines = journaled(&folder.path().join("mine/exchanges.jsonl.zst"));
    let (last, exchanges) = lines.split_last().expect("lines");
    assert_eq!(last["journal"], serde_json::json!({"written": 8, "dropped": 0}));
    assert_eq!(exchanges.len(), 8);
    let schema = offline(&journal::schema()).expect("a schema");
    for line in &lines {
        assert!(violations(&schema, line).is_empty(), "{line}: {:?}", violations(&schema, line));
    }
    for line in exchanges {
        assert_eq!(line["outcome"], "ok");
        assert!(line["request"].as_str().is_some_and(|body| body.contains("\"model\"")), "{line}");
        let instants = ["due_us", "sent_us", "head_us", "ended_us"].map(|name| line[name].as_u64().expect(name));
        assert!(instants.is_sorted(), "{line}");
        assert!(!line.to_string().contains("sk-journal-secret"));
    }
}

/// The lines of a journal: a series of frames, each of which ends before the next begins.
fn journaled(path: &std::path::Path) -> Vec<serde_json::Value> {
    let bytes = fs::read(path).expect("a journal");
    let mut rest = bytes.as_slice();
    let mut text = String::new();
    while !rest.is_empty() {
        let mut frame = ruzstd::decoding::StreamingDecoder::new(&mut rest).expect("a frame");
        frame.read_to_string(&mut text).expect("text");
    }
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

//! Recordings of requests: when each came, and how many tokens went in and out. No text is in them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::length::LONGEST;

/// A recording, in order of time; the first request comes at 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Its requests.
    pub rows: Vec<Row>,
    /// When the first came: since 1970 where times are dates, else since what the recording counts from.
    pub origin: Duration,
}

/// A request of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When it came, from the first one on.
    pub at: Duration,
    /// Tokens of its prompt, where recorded.
    pub input: Option<u64>,
    /// Tokens of its answer, where recorded.
    pub output: Option<u64>,
    /// What it was for, such as a model or a path, where recorded.
    pub route: Option<String>,
}

/// A line that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

/// How a recording is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// CSV with these columns.
    Columns(Columns),
    /// JSON lines with `timestamp` in milliseconds, `input_length` and `output_length` (Mooncake).
    Mooncake,
}

/// Names of the columns of a CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// When the request came: seconds as a number, or a date with a time.
    pub time: String,
    /// Tokens of the prompt.
    pub input: Option<String>,
    /// Tokens of the answer.
    pub output: Option<String>,
    /// What the request was for.
    pub route: Option<String>,
}

/// Most requests of a recording: each takes some 160 bytes of memory.
const MOST: usize = 10_000_000;
/// Most faults that are told; what is wrong with a thousand lines is most likely one thing.
const SHOWN: usize = 20;

impl Columns {
    fn of(time: &str, input: &str, output: &str, route: Option<&str>) -> Columns {
        let owned = str::to_owned;
        Columns { time: owned(time), input: Some(owned(input)), output: Some(owned(output)), route: route.map(owned) }
    }
}

impl Layout {
    /// The layout of that name: `azure`, `burstgpt`, `mooncake`, or `csv` with columns of any names, by default
    /// `time`, `in`, `out` and `route`.
    ///
    /// # Errors
    /// What is wrong with the names.
    pub fn named(name: &str, columns: &BTreeMap<String, String>) -> Result<Layout, String> {
        const KNOWN: [&str; 4] = ["time", "in", "out", "route"];
        if let Some(unknown) = columns.keys().find(|column| !KNOWN.contains(&column.as_str())) {
            return Err(format!("no column holds {unknown:?}; known are {}", KNOWN.join(", ")));
        }
        let layout = match name {
            // Azure's public traces (AzurePublicDataset, LLM inference 2023).
            "azure" => Columns::of("TIMESTAMP", "ContextTokens", "GeneratedTokens", None),
            "burstgpt" => Columns::of("Timestamp", "Request tokens", "Response tokens", Some("Model")),
            "mooncake" => return Ok(Layout::Mooncake),
            "csv" => Columns {
                time: columns.get("time").cloned().unwrap_or_else(|| "time".to_owned()),
                input: columns.get("in").cloned(),
                output: columns.get("out").cloned(),
                route: columns.get("route").cloned(),
            },
            _ => return Err(format!("{name:?} is not a layout; known are azure, burstgpt, mooncake and csv")),
        };
        Ok(Layout::Columns(layout))
    }

    /// The layout that a recording most likely has, by its first line.
    pub fn guessed(text: &str) -> Layout {
        let first = text.lines().next().unwrap_or_default();
        let columns = match first {
            first if first.trim_start().starts_with('{') => return Layout::Mooncake,
            first if first.contains("ContextTokens") => {
                Columns::of("TIMESTAMP", "ContextTokens", "GeneratedTokens", None)
            }
            first if first.contains("Request tokens") => {
                Columns::of("Timestamp", "Request tokens", "Response tokens", Some("Model"))
            }
            first => {
                let has = |name: &str| first.split(',').any(|column| column.trim() == name).then(|| name.to_owned());
                Columns { time: "time".to_owned(), input: has("in"), output: has("out"), route: has("route") }
            }
        };
        Layout::Columns(columns)
    }
}

/// Reads a recording.
///
/// # Errors
/// The lines that are not what they should be, the first twenty of them.
pub fn read(text: &str, layout: &Layout) -> Result<Trace, Vec<LineFault>> {
    let (mut timed, faults) = match layout {
        Layout::Columns(columns) => read_csv(text, columns),
        Layout::Mooncake => read_lines(text),
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    timed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = timed.first().map_or(0.0, |(seconds, _)| *seconds);
    let placed = |(seconds, row): (f64, Row)| Row { at: Duration::from_secs_f64((seconds - first).min(1e9)), ..row };
    let origin = Duration::try_from_secs_f64(first).unwrap_or_default();
    Ok(Trace { rows: timed.into_iter().map(placed).collect(), origin })
}

/// Rows with the seconds at which they came, from whatever the recording counts from.
type Timed = (Vec<(f64, Row)>, Vec<LineFault>);

fn read_csv(text: &str, columns: &Columns) -> Timed {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let fault = |line, message: String| LineFault { line, message };
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return (Vec::new(), vec![fault(1, error.to_string())]),
    };
    let mut faults = Vec::new();
    let mut place = |name: &str| {
        let place = headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
        if place.is_none() {
            let known = headers.iter().collect::<Vec<_>>().join(", ");
            faults.push(fault(1, format!("there is no column {name:?}; there are {known}")));
        }
        place
    };
    let time = place(&columns.time);
    let [input, output, route] =
        [&columns.input, &columns.output, &columns.route].map(|name| name.as_deref().and_then(&mut place));
    let Some(time) = time.filter(|_| faults.is_empty()) else { return (Vec::new(), faults) };
    let mut rows = Vec::new();
    for record in reader.records() {
        if faults.len() == SHOWN {
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(fault(error.position().map_or(0, csv::Position::line), error.to_string()));
                continue;
            }
        };
        let field = |place: Option<usize>| place.and_then(|place| record.get(place)).filter(|text| !text.is_empty());
        let row = seconds(field(Some(time)).unwrap_or_default()).and_then(|seconds| {
            let row = Row {
                at: Duration::ZERO,
                input: field(input).map(tokens).transpose()?,
                output: field(output).map(tokens).transpose()?,
                route: field(route).map(str::to_owned),
            };
            Ok((seconds, row))
        });
        let line = record.position().map_or(0, csv::Position::line);
        match row {
            Ok(_) if rows.len() == MOST => {
                faults.push(fault(line, too_many()));
                break;
            }
            Ok(row) => rows.push(row),
            Err(message) => faults.push(fault(line, message)),
        }
    }
    (rows, faults)
}

fn read_lines(text: &str) -> Timed {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if faults.len() == SHOWN {
            break;
        }
        match mooncake(line) {
            Ok(_) if rows.len() == MOST => {
                faults.push(LineFault { line: number as u64 + 1, message: too_many() });
                break;
            }
            Ok(row) => rows.push(row),
            Err(message) => faults.push(LineFault { line: number as u64 + 1, message }),
        }
    }
    (rows, faults)
}

fn mooncake(line: &str) -> Result<(f64, Row), String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let number = |name: &str| match value.get(name) {
        None => Ok(None),
        Some(number) => {
            let count = number.as_u64().ok_or_else(|| format!("{name} is {number}, not a count of tokens"))?;
            bounded(count).map(Some)
        }
    };
    let timestamp = value.get("timestamp").and_then(Value::as_f64).filter(|ms| *ms >= 0.0);
    let timestamp = timestamp.ok_or("timestamp is not a number of milliseconds")?;
    let row = Row { at: Duration::ZERO, input: number("input_length")?, output: number("output_length")?, route: None };
    Ok((timestamp / 1000.0, row))
}

/// Seconds, from a number of them or from a date with a time.
fn seconds(text: &str) -> Result<f64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return if seconds.is_finite() { Ok(seconds) } else { Err(format!("{text:?} is not a time")) };
    }
    let time = humantime::parse_rfc3339_weak(text);
    let since = time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let since =
        since.ok_or_else(|| format!("{text:?} is not a time: neither seconds nor a date like 2026-11-25 12:00:00"))?;
    Ok(since.as_secs_f64())
}

fn tokens(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a count of tokens")).and_then(bounded)
}

/// No prompt is longer than one that is made may be: its text would fill the memory.
fn bounded(tokens: u64) -> Result<u64, String> {
    if tokens > LONGEST {
        Err(format!("{tokens} tokens are more than the {LONGEST} of the longest prompt"))
    } else {
        Ok(tokens)
    }
}

fn too_many() -> String {
    format!("more than {MOST} requests; cut out the hours that are to be replayed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ms: u64, input: u64, output: u64, route: Option<&str>) -> Row {
        let at = Duration::from_millis(ms);
        Row { at, input: Some(input), output: Some(output), route: route.map(str::to_owned) }
    }

    fn guessed(text: &str) -> Result<Trace, Vec<LineFault>> {
        read(text, &Layout::guessed(text))
    }

    #[test]
    fn layouts_of_the_field_are_read_with_all_their_digits() {
        let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6800000,374,44\n2023-11-16 18:15:46.6805000,9,1\n";
        let times: Vec<Duration> = guessed(azure).expect("reads").rows.iter().map(|row| row.at).collect();
        assert_eq!((times[0], times[1].as_micros().abs_diff(500) <= 1), (Duration::ZERO, true), "{times:?}");
        let burst = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n7,GPT-4,5,6,11,API log\n5,ChatGPT,472,18,490,Conversation log\n";
        let rows = vec![row(0, 472, 18, Some("ChatGPT")), row(2000, 5, 6, Some("GPT-4"))];
        assert_eq!(guessed(burst).map(|trace| trace.rows), Ok(rows), "rows are put in order");
        let mooncake = "{\"timestamp\": 1000, \"input_length\": 6755, \"output_length\": 500, \"hash_ids\": [0, 1]}\n\n{\"timestamp\": 1250, \"input_length\": 3, \"output_length\": 4}\n";
        let rows = vec![row(0, 6755, 500, None), row(250, 3, 4, None)];
        assert_eq!(guessed(mooncake).map(|trace| trace.rows), Ok(rows));
    }

    #[test]
    fn columns_of_any_name_are_read() {
        let columns = [("time", "when"), ("in", "p"), ("route", "path")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let layout = Layout::named("csv", &columns.into()).expect("a layout");
        let trace = read("path,when,p\n/a,1.5,10\n/b,1.75,\n", &layout).expect("reads");
        let rows = vec![
            Row { output: None, ..row(0, 10, 0, Some("/a")) },
            Row { input: None, output: None, ..row(250, 0, 0, Some("/b")) },
        ];
        assert_eq!(trace.rows, rows);
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        let faults = guessed("time,in,out\n1,2,3\nsoon,2,3\n2,-1,3\n").expect_err("faults");
        let told: Vec<(u64, &str)> = faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
        assert_eq!(told[0].0, 3);
        assert!(told[0].1.starts_with("\"soon\" is not a time"));
        assert_eq!(told[1], (4, "\"-1\" is not a count of tokens"));
        for huge in
            ["time,in,out\n1,9223372036854775808,3\n", "{\"timestamp\": 1, \"input_length\": 9223372036854775808}\n"]
        {
            let faults = guessed(huge).expect_err("a prompt that no memory holds");
            assert_eq!(
                faults[0].message, "9223372036854775808 tokens are more than the 10000000 of the longest prompt",
                "{huge}"
            );
        }
        let missing = guessed("when,in\n1,2\n").expect_err("faults");
        assert_eq!(missing[0].message, "there is no column \"time\"; there are when, in");
        let many: String = (0..100).map(|_| "{}\n").collect();
        assert_eq!(guessed(&many).expect_err("faults").len(), SHOWN);
    }
}

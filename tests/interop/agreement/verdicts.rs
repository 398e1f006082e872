//! Verdicts of our own validator: a line of JSON in, true or false out.

use std::io::{BufRead as _, Write as _};

use proofload::profile::contracts;
use serde_json::Value;

/// Whether a document satisfies the schema of a name such as `openai/chunk`.
fn verdict(schema: &str, document: &Value) -> Option<bool> {
    let (dialect, of) = schema.split_once('/')?;
    let dialect = contracts::find(dialect)?;
    // As replies are read.
    let read = || document.clone().into();
    match of {
        "request" => Some(dialect.request().is_valid(document)),
        "response" => Some(dialect.response().is_valid(&read())),
        "chunk" => Some(dialect.chunk().is_valid(&read())),
        "error" => Some(dialect.error().is_valid(&read())),
        _ => None,
    }
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let schema = case["schema"].as_str().ok_or(std::io::ErrorKind::InvalidInput)?;
        writeln!(out, "{}", verdict(schema, &case["document"]).ok_or(std::io::ErrorKind::InvalidInput)?)?;
    }
    Ok(())
}

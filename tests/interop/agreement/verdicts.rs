//! Verdicts of our own validator: a line of JSON in, true or false out.

use std::io::{BufRead as _, Write as _};

use proofload::wire::Dialect;
use proofload::wire::dialect::Schema;
use serde_json::Value;

/// The schema of a name such as `openai/chunk`.
fn schema(name: &str) -> Option<&'static Schema> {
    let (dialect, document) = name.split_once('/')?;
    let dialect = Dialect::named(dialect)?;
    match document {
        "request" => Some(dialect.request()),
        "response" => Some(dialect.response()),
        "chunk" => Some(dialect.chunk()),
        "error" => Some(dialect.error()),
        _ => None,
    }
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let schema = case["schema"].as_str().and_then(schema).ok_or(std::io::ErrorKind::InvalidInput)?;
        writeln!(out, "{}", schema.is_valid(&case["document"]))?;
    }
    Ok(())
}

//! `proofload check --list`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::check_args::KindArg;
use super::exit::Exit;
use super::print;
use crate::check::{self, Check, Level};
use crate::plan::goal::nearest;
use crate::suite::cited::Cited;
use crate::wire::Dialect;

/// Every rule of the catalogue.
pub(super) fn list(format: KindArg) -> anyhow::Result<Exit> {
    let checks = check::ALL.iter().copied().flatten();
    let text = if format == KindArg::Json {
        format!("{:#}\n", Value::Array(checks.map(row).collect()))
    } else {
        checks.map(line).collect()
    };
    print(&text)?;
    Ok(Exit::Pass)
}

fn line(check: &Check) -> String {
    let levels = Dialect::ALL.map(|dialect| check.level(dialect).map_or("-", Level::name)).join("/");
    format!("{:38} {:10} {:10} {levels:24} {}\n", check.id, check.area(), check.tier.depth.name(), check.rule)
}

pub(super) fn row(check: &Check) -> Value {
    let levels: BTreeMap<&str, Option<&str>> =
        Dialect::ALL.iter().map(|dialect| (dialect.name(), check.level(*dialect).map(Level::name))).collect();
    json!({
        "id": check.id,
        "area": check.area(),
        "tier": check.tier.depth.name(),
        "by_model": check.tier.by_model,
        "levels": levels,
        "rule": check.rule,
        "source": check.source(),
        "sources": Cited::all(check),
        "since": check.since(),
        "implemented": true,
    })
}

/// The rule of that id.
pub(super) fn find(id: &str) -> anyhow::Result<&'static Check> {
    check::find(id).with_context(|| {
        let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
        let near = nearest(id, &ids).map_or(String::new(), |near| format!("; did you mean {near}?"));
        format!("no check is called {id:?}{near} (--list lists them)")
    })
}

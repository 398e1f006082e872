//! `proofload check --list`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::check_args::KindArg;
use super::exit::Exit;
use super::print;
use crate::check::{self, Check, Level};
use crate::plan::goal::nearest;
use crate::profile::contracts;
use crate::suite::cited::Cited;

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
    let levels = contracts::all()
        .iter()
        .map(|contract| check.level(contract).map_or("-", Level::name))
        .collect::<Vec<_>>()
        .join("/");
    format!("{:38} {:10} {:10} {levels:24} {}\n", check.id, check.area(), check.tier.depth.name(), check.rule)
}

pub(super) fn row(check: &Check) -> Value {
    let levels: BTreeMap<&str, Option<&str>> =
        contracts::all().iter().map(|contract| (contract.name(), check.level(contract).map(Level::name))).collect();
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

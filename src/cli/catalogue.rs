//! `proofload check --list` and `--explain`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::check_args::KindArg;
use super::exit::Exit;
use super::print;
use crate::check::{self, Check, Judge, Level, Listed, listed};
use crate::plan::goal::nearest;
use crate::wire::Dialect;

/// Every row of the catalogue, those that no check judges yet among them.
pub(super) fn list(format: KindArg) -> anyhow::Result<Exit> {
    if format == KindArg::Json {
        let rows: Vec<Value> = listed().map(|listed| row(&listed)).collect();
        print(&format!("{:#}\n", Value::Array(rows)))?;
        return Ok(Exit::Pass);
    }
    let missing = listed().filter(|listed| listed.check.is_none()).count();
    let text: String = listed().map(|listed| line(&listed)).collect();
    let all = listed().count();
    let tail = if missing > 0 { format!("{missing} of {all} are not implemented\n") } else { String::new() };
    print(&(text + &tail))?;
    Ok(Exit::Pass)
}

fn line(listed: &Listed) -> String {
    let levels = Dialect::ALL.map(|dialect| listed.level(dialect).map_or("-", Level::name)).join("/");
    let rule = listed.check.map_or("(not implemented)", |check| check.rule);
    format!("{:38} {:10} {:10} {levels:24} {rule}\n", listed.id, listed.area(), listed.tier.depth.name())
}

fn row(listed: &Listed) -> Value {
    let levels: BTreeMap<&str, Option<&str>> =
        Dialect::ALL.iter().map(|dialect| (dialect.name(), listed.level(*dialect).map(Level::name))).collect();
    json!({
        "id": listed.id,
        "area": listed.area(),
        "tier": listed.tier.depth.name(),
        "by_model": listed.tier.by_model,
        "levels": levels,
        "rule": listed.check.map(|check| check.rule),
        "source": listed.check.map_or(listed.source, |check| check.source),
        "since": listed.check.map(Check::since),
        "implemented": listed.check.is_some(),
    })
}

/// All that is known of one rule.
pub(super) fn explain(id: &str) -> anyhow::Result<Exit> {
    let missing = listed().find(|listed| listed.id == id && listed.check.is_none());
    if let Some(listed) = missing {
        let (levels, source) = (levels(|dialect| listed.level(dialect)), listed.source);
        print(&format!("{id}\n  levels  {levels}\n  source  {source}\n  judged  not at all: not implemented\n"))?;
        return Ok(Exit::Pass);
    }
    let check = find(id)?;
    let judged = match check.judge {
        Judge::Reply(_) => "on every reply, of a load run too".to_owned(),
        Judge::Probes(probes, _) => format!("on the replies to the probes {}", probes.join(", ")),
        Judge::Defect(..) => format!("on the replies to the probe {}", check.id),
        Judge::Defects(_) => "on the replies to all requests with a defect".to_owned(),
        Judge::Run => "on a load run".to_owned(),
    };
    let by_model = if check.tier.by_model { ", depends on the model" } else { "" };
    print(&format!(
        "{}\n  rule    {}\n  levels  {}\n  tier    {}{by_model}\n  area    {}\n  source  {}\n  since   {}\n  judged  {judged}\n",
        check.id,
        check.rule,
        levels(|dialect| check.level(dialect)),
        check.tier.depth.name(),
        check.area(),
        check.source,
        check.since()
    ))?;
    Ok(Exit::Pass)
}

/// The levels in every dialect, in words.
fn levels(of: impl Fn(Dialect) -> Option<Level>) -> String {
    Dialect::ALL.map(|dialect| format!("{dialect} {}", of(dialect).map_or("not applicable", Level::name))).join(", ")
}

/// The rule of that id.
pub(super) fn find(id: &str) -> anyhow::Result<&'static Check> {
    check::find(id).with_context(|| {
        let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
        let near = nearest(id, &ids).map_or(String::new(), |near| format!("; did you mean {near}?"));
        format!("no check is called {id:?}{near} (--list lists them)")
    })
}

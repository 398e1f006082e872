//! `proofload check --list` and `--explain`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::check_args::KindArg;
use super::exit::Exit;
use super::print;
use crate::check::{self, Check, Judge, Level};
use crate::plan::goal::nearest;
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

fn row(check: &Check) -> Value {
    let levels: BTreeMap<&str, Option<&str>> =
        Dialect::ALL.iter().map(|dialect| (dialect.name(), check.level(*dialect).map(Level::name))).collect();
    json!({
        "id": check.id,
        "area": check.area(),
        "tier": check.tier.depth.name(),
        "by_model": check.tier.by_model,
        "levels": levels,
        "rule": check.rule,
        "source": check.source,
        "since": check.since(),
        "implemented": true,
    })
}

/// All that is known of one rule.
pub(super) fn explain(id: &str) -> anyhow::Result<Exit> {
    let check = find(id)?;
    let judged = match check.judge {
        Judge::Reply(_) => "on every reply, of a load run too".to_owned(),
        Judge::Probes(probes, _) => {
            let names: Vec<&str> = probes.iter().map(|probe| probe.name).collect();
            format!("on the replies to the probes {}", names.join(", "))
        }
        Judge::Defect(probe, ..) => format!("on the replies to the probe {}", probe.name),
        Judge::Defects(_) => "on the replies to all requests with a defect".to_owned(),
        Judge::Run => "on a load run".to_owned(),
    };
    let levels =
        Dialect::ALL.map(|dialect| format!("{dialect} {}", check.level(dialect).map_or("not applicable", Level::name)));
    let by_model = if check.tier.by_model { ", depends on the model" } else { "" };
    print(&format!(
        "{}\n  rule    {}\n  levels  {}\n  tier    {}{by_model}\n  area    {}\n  source  {}\n  since   {}\n  judged  {judged}\n",
        check.id,
        check.rule,
        levels.join(", "),
        check.tier.depth.name(),
        check.area(),
        check.source,
        check.since()
    ))?;
    Ok(Exit::Pass)
}

/// The rule of that id.
pub(super) fn find(id: &str) -> anyhow::Result<&'static Check> {
    check::find(id).with_context(|| {
        let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
        let near = nearest(id, &ids).map_or(String::new(), |near| format!("; did you mean {near}?"));
        format!("no check is called {id:?}{near} (--list lists them)")
    })
}

//! `proofload check --explain`: all that is known of a rule, or what the rules of an area ask.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::catalogue::{find, row};
use super::check_args::KindArg;
use super::exit::Exit;
use super::print;
use super::wrapped::{lines, words};
use crate::check::explain::Example;
use crate::check::{self, Check, Depth, Judge, Level};
use crate::profile::contracts;
use crate::suite::shown::{Shown, shown_by};
use crate::wire::Contract;

/// Prints what is known of the rule of that id, or of each rule of that area or with that beginning of its id.
pub(super) fn explain(named: &str, format: KindArg) -> anyhow::Result<Exit> {
    let several: Vec<&Check> = match check::find(named) {
        Some(_) => Vec::new(),
        None => check::ALL.iter().copied().flatten().filter(|check| is_among(check, named)).collect(),
    };
    let text = match (several.as_slice(), format) {
        ([], KindArg::Json) => format!("{:#}\n", document(find(named)?)),
        ([], _) => whole(find(named)?),
        (several, KindArg::Json) => {
            format!("{:#}\n", Value::Array(several.iter().map(|check| document(check)).collect()))
        }
        (several, _) => several.iter().map(|check| brief(check)).collect(),
    };
    print(&text)?;
    Ok(Exit::Pass)
}

fn is_among(check: &Check, named: &str) -> bool {
    check.area() == named || check.id.strip_prefix(named).is_some_and(|rest| rest.starts_with('-'))
}

/// What a rule asks, in short.
fn brief(check: &Check) -> String {
    let asks = check.explanation().map_or(check.rule, |explanation| explanation.asks);
    format!("{}  ({})\n{}\n", check.id, levels(check), words(asks, 2))
}

fn levels(check: &Check) -> String {
    let level = |contract: &Contract| check.level(contract).map_or("not applicable", Level::name);
    let levels: Vec<String> =
        contracts::all().iter().map(|contract| format!("{contract} {}", level(contract))).collect();
    levels.join(", ")
}

fn whole(check: &Check) -> String {
    let by_model = if check.tier.by_model { ", depends on the model" } else { "" };
    let mut text = format!("{}\n", check.id);
    for (label, value) in [
        ("rule", check.rule.to_owned()),
        ("levels", levels(check)),
        ("tier", format!("{}{by_model}", check.tier.depth.name())),
        ("area", check.area().to_owned()),
        ("since", check.since().to_owned()),
        ("judged", judged(check)),
    ] {
        text += &labelled(label, &value);
    }
    text += &explained(check);
    text += &shown_by(check.id).map_or_else(String::new, |shown| trial(check, &shown));
    text += "\nSources\n";
    for source in check.sources {
        text += &words(&source.to_string(), 2);
        if let Some(url) = source.url() {
            let _ = writeln!(text, "    {url}");
        }
    }
    text
}

/// A line with a label in front, the rest of the text below the text.
fn labelled(label: &str, text: &str) -> String {
    format!("  {label:8}{}", words(text, 10).trim_start())
}

/// The texts of the area's file.
fn explained(check: &Check) -> String {
    let Some(explanation) = check.explanation() else { return String::new() };
    let example = |example: Example<'_>| lines(example.text().trim_end(), 4);
    format!(
        "\nWhat it asks\n{}\nWhy a client cares\n{}\nBroken\n{}\nKept\n{}\nCure\n{}",
        words(explanation.asks, 2),
        words(explanation.why, 2),
        example(explanation.breaks),
        example(explanation.keeps),
        words(explanation.cure, 2)
    )
}

fn judged(check: &Check) -> String {
    match check.judge {
        Judge::Reply(_) => "on every reply, of a load run too".to_owned(),
        Judge::Probes(probes, _) => {
            let names: Vec<&str> = probes.iter().map(|probe| probe.name).collect();
            format!("on the replies to the probes {}", names.join(", "))
        }
        Judge::Defect(probe, ..) => format!("on the replies to the probe {}", probe.name),
        Judge::Defects(_) => "on the replies to all requests with a defect".to_owned(),
        Judge::Run => "on a load run".to_owned(),
    }
}

/// The commands that show the rule broken. The built-in endpoint wants a key, and takes any.
fn trial(check: &Check, Shown { dialect, quirk }: &Shown) -> String {
    let url = "http://127.0.0.1:8080/v1";
    let (judge, which) = match (check.tier.depth, check.judge) {
        (Depth::Load, _) => ("run chat --url", String::new()),
        // Which requests show it is up to the quirk.
        (_, Judge::Reply(_)) => ("check", " --tier full".to_owned()),
        (_, Judge::Probes(..) | Judge::Defect(..) | Judge::Defects(_) | Judge::Run) => {
            ("check", format!(" \\\n      --only {}", check.id))
        }
    };
    format!(
        "\nTo see it broken\n  proofload serve --dialect {dialect} --quirk {quirk} &\n  \
         proofload {judge} {url} --dialect {dialect} \\\n      \
         --header authorization=\"Bearer x\" --model gpt-4o{which}\n"
    )
}

/// The row of the catalogue with all that explains the rule.
fn document(check: &Check) -> Value {
    let mut document = row(check);
    let explanation = check.explanation();
    let part = |of: fn(&check::explain::Explanation<'static>) -> &'static str| explanation.as_ref().map(of);
    let added = [
        ("judged", json!(judged(check))),
        ("asks", json!(part(|explanation| explanation.asks))),
        ("why", json!(part(|explanation| explanation.why))),
        ("breaks", json!(part(|explanation| explanation.breaks.text()))),
        ("keeps", json!(part(|explanation| explanation.keeps.text()))),
        ("cure", json!(part(|explanation| explanation.cure))),
        ("quirk", json!(shown_by(check.id).map(|shown| shown.quirk))),
    ];
    if let Value::Object(members) = &mut document {
        members.extend(added.map(|(name, value)| (name.to_owned(), value)));
    }
    document
}

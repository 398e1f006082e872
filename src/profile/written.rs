//! Faults of a profile without the secrets that its user wrote into it, since a fault shows the line it is in.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use serde_json::Value;

use super::contracts;
use super::problem::{Problem, Problems, Source};
use super::schema;
use super::secrets::ADDRESSES;
use super::tree::{Kind, Node};
use crate::plan::secret::{Redactor, Secret, is_secret, masked_by_spans, merged, secret_spans, spans_written};

/// Faults in these sources, with stars for secrets. They are found by how they are written, whether or not the text is a
/// profile, and by where they stand in the tree.
pub(super) fn masked(sources: Vec<Source>, problems: Vec<Problem>, tree: &Node) -> Problems {
    let mut secrets = Vec::new();
    let mask = |(index, source): (usize, Source)| {
        let is_ours = |name: &str| KEYS.contains(name.rsplit('.').next().unwrap_or(name));
        let found = spans_written(&source.text, is_ours).into_iter().chain(spans_of(tree, index, &source.text));
        let spans = merged(found.collect());
        secrets.extend(spans.iter().map(|span| Secret::new(&source.text[span.clone()])));
        Source { text: masked_by_spans(&source.text, &spans), ..source }
    };
    let sources = sources.into_iter().enumerate().map(mask).collect();
    let redactor = Redactor::new(secrets, contracts::all());
    let clean = |problem: Problem| Problem {
        title: redactor.clean(&problem.title),
        label: redactor.clean(&problem.label),
        help: problem.help.map(|help| redactor.clean(&help)),
        place: problem.place,
    };
    Problems::new(sources, problems.into_iter().map(clean).collect())
}

/// The keys of a profile, none of which is the name of a header.
static KEYS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let mut keys = BTreeSet::new();
    gather(schema::document(), &mut keys);
    keys
});

fn gather(schema: &'static Value, keys: &mut BTreeSet<&'static str>) {
    let Some(members) = schema.as_object() else { return };
    for (name, value) in members {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                keys.extend(properties.keys().map(String::as_str));
                properties.values().for_each(|property| gather(property, keys));
            }
            (_, Value::Array(items)) => items.iter().for_each(|item| gather(item, keys)),
            _ => gather(value, keys),
        }
    }
}

/// Where secrets are in a source, by the tree.
fn spans_of(tree: &Node, source: usize, text: &str) -> Vec<Range<usize>> {
    let headers = match tree.at("/target/headers").map(|node| &node.kind) {
        Some(Kind::Table(headers)) => {
            headers.iter().filter(|(name, _)| is_secret(name)).map(|(_, node)| node).collect()
        }
        Some(Kind::Array(_) | Kind::Leaf(_)) | None => Vec::new(),
    };
    // What comes from a variable is not written here, and its name is worth showing.
    let is_written = |node: &&Node| node.value().as_str().is_some_and(|value| !value.contains("${"));
    let headers = headers.into_iter().filter(is_written).map(|node| (node, false));
    let addresses = ADDRESSES.iter().filter_map(|name| tree.at(&format!("/target/{name}"))).map(|node| (node, true));
    let here = headers.chain(addresses).filter(|(node, _)| node.place.source == source);
    here.flat_map(|(node, is_address)| {
        let value = value_in(text, node.place.span.clone(), is_address);
        if is_address {
            let spans = secret_spans(&text[value.clone()]);
            spans.into_iter().map(|span| value.start + span.start..value.start + span.end).collect()
        } else {
            vec![value]
        }
    })
    .collect()
}

/// The part of a span that is the value: without its quotes; of a flag what is behind its name.
fn value_in(text: &str, span: Range<usize>, is_address: bool) -> Range<usize> {
    let written = &text[span.clone()];
    if let Some(inner) = written.strip_prefix(['"', '\'']) {
        let end = inner.strip_suffix(['"', '\'']).map_or(inner.len(), str::len);
        return span.start + 1..span.start + 1 + end;
    }
    // A header is behind `name=`, and so is every key behind `--set`; an address has a flag of its own.
    let is_pair = text.starts_with("--") && (!is_address || written.starts_with("target."));
    let behind = written.find('=').filter(|_| is_pair).map_or(0, |equals| equals + 1);
    span.start + behind..span.end
}

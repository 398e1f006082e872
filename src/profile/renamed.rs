//! Keys under their names of earlier versions: they are read as the keys of today.

use super::problem::{Place, Problem};
use super::tree::{Kind, Node};
use crate::plan::renamed::{CONCURRENCY, SLOTS};
use crate::wire::json::pointer_token;

/// Gives every key its present name. A table with both names of one key is a problem that shows both.
pub(super) fn rename(tree: &mut Node, problems: &mut Vec<Problem>) {
    for table in tables(tree) {
        if let Some(Kind::Table(members)) = tree.at_mut(&table).map(|node| &mut node.kind) {
            let twice = members.rename(SLOTS, CONCURRENCY);
            problems.extend(twice.and_then(|old| given_twice(&old, members.get(CONCURRENCY)?)));
        }
    }
}

/// Pointers to the tables that may have the key: closed loads, and the stages of all.
fn tables(tree: &Node) -> Vec<String> {
    let named: Vec<String> = match tree.at("/loads").map(|node| &node.kind) {
        Some(Kind::Table(loads)) => loads.iter().map(|(name, _)| format!("/loads/{}", pointer_token(name))).collect(),
        Some(Kind::Array(_) | Kind::Leaf(_)) | None => Vec::new(),
    };
    let loads = ["/load".to_owned()].into_iter().chain(named);
    let tables = loads.flat_map(|load| {
        let stages = ["closed", "open"].into_iter().flat_map(|kind| {
            let stages = format!("{load}/{kind}/stages");
            (0..tree.at(&stages).map_or(0, Node::items)).map(|number| format!("{stages}/{number}")).collect::<Vec<_>>()
        });
        stages.chain([format!("{load}/closed")]).collect::<Vec<_>>()
    });
    tables.collect()
}

fn given_twice(old: &Node, new: &Node) -> Option<Problem> {
    let (old, new) = (old.key.as_ref()?, new.key.as_ref()?);
    let span = old.span.start.min(new.span.start)..old.span.end.max(new.span.end);
    Some(Problem {
        title: format!("both {SLOTS} and {CONCURRENCY}, which are one key"),
        place: Some(Place { source: new.source, span }),
        label: String::new(),
        help: Some(format!("keep {CONCURRENCY}; {SLOTS} is its old name")),
    })
}

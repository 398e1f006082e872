//! The tables `[check]` and `[levels]`.

use std::collections::BTreeMap;

use super::resolve::Resolver;
use super::{CheckTable, LevelName, LevelTable};
use crate::check::{self, Level};
use crate::plan::terms::{Own, Terms};

impl Resolver<'_> {
    pub(super) fn terms(&mut self, check: &CheckTable, levels: &BTreeMap<String, LevelTable>) -> Terms {
        Terms {
            levels: levels.iter().filter_map(|(id, table)| self.own_level(id, table)).collect(),
            without: check.without.iter().cloned().collect(),
            require: check.require.iter().cloned().collect(),
            context_window: check.context_window,
            schema_rate: check.schema_rate,
            reasoning: check.reasoning,
        }
    }

    fn own_level(&mut self, id: &str, table: &LevelTable) -> Option<(&'static str, Own)> {
        let Some(check) = check::find(id) else {
            let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
            let help = self.guess(id, &ids).map(|near| format!("did you mean {near}?"));
            self.fault(&format!("/levels/{id}"), format!("no check is called {id:?}"), "", help);
            return None;
        };
        let level = match table.level {
            LevelName::Must => Some(Level::Must),
            LevelName::Should => Some(Level::Should),
            LevelName::May => Some(Level::May),
            LevelName::Off => None,
        };
        Some((check.id, Own { level, reason: table.reason.clone() }))
    }
}

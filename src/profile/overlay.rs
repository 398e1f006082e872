//! Schemas of the user's own, which tighten a dialect.

use std::path::Path;

use serde_json::Value;

use super::files::Kind;
use super::resolve::Resolver;
use crate::wire::Dialect;
use crate::wire::dialect::{Schema, offline};

/// A schema that must hold beside one of the dialect's.
#[derive(Debug)]
pub(super) struct Overlay {
    pub(super) schema: &'static Schema,
    pub(super) document: Value,
}

impl Resolver<'_> {
    /// The schemas of a folder; one that is not there tightens nothing, but an empty folder is a fault.
    pub(super) fn overlays(&mut self, folder: Option<&str>, dialect: Dialect) -> Vec<Overlay> {
        let Some(folder) = folder else { return Vec::new() };
        let parts =
            [("response.json", dialect.response()), ("chunk.json", dialect.chunk()), ("error.json", dialect.error())];
        let there = |name: &str| self.folder.join(folder).join(name).exists();
        let parts: Vec<_> = parts.into_iter().filter(|(name, _)| there(name)).collect();
        if parts.is_empty() {
            let help = "a folder with response.json, chunk.json or error.json, relative to the profile".to_owned();
            self.fault("/target/schemas", format!("no schema in {folder:?}"), "", help);
        }
        parts.into_iter().filter_map(|(name, schema)| self.overlay(folder, name, schema)).collect()
    }

    fn overlay(&mut self, folder: &str, name: &str, schema: &'static Schema) -> Option<Overlay> {
        let path = Path::new(folder).join(name);
        let text = self.text("/target/schemas", &path.to_string_lossy(), Kind::SCHEMA)?;
        let read = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string());
        match read.and_then(|document| offline(&document).map(|_| document)) {
            Ok(document) => Some(Overlay { schema, document }),
            Err(error) => {
                self.fault("/target/schemas", format!("{name} is no JSON Schema"), error, None);
                None
            }
        }
    }
}

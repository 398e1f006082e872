//! Schemas of the user's own, which tighten the contract of their plan.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::files::Kind;
use super::resolve::Resolver;
use crate::wire::Contract;
use crate::wire::schema::offline;

/// The schemas that a folder may have.
const SCHEMAS: [&str; 3] = ["response.json", "chunk.json", "error.json"];

impl Resolver<'_> {
    /// The contract with the schemas of a folder; one that is not there tightens nothing, but an empty folder is a fault.
    pub(super) fn tightened(&mut self, contract: Arc<Contract>, folder: Option<&str>) -> Arc<Contract> {
        let Some(folder) = folder else { return contract };
        let there = |name: &&str| self.folder.join(folder).join(name).exists();
        let names: Vec<&str> = SCHEMAS.into_iter().filter(there).collect();
        if names.is_empty() {
            let help = "a folder with response.json, chunk.json or error.json, relative to the profile".to_owned();
            self.fault("/target/schemas", format!("no schema in {folder:?}"), "", help);
        }
        let texts: Vec<(&str, String)> =
            names.into_iter().filter_map(|name| Some((name, self.schema(folder, name)?))).collect();
        let schema = |name: &str| texts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone().into());
        Arc::new(contract.tightened(schema))
    }

    /// The text of a schema that compiles.
    fn schema(&mut self, folder: &str, name: &str) -> Option<String> {
        let path = Path::new(folder).join(name);
        let text = self.text("/target/schemas", &path.to_string_lossy(), Kind::SCHEMA)?;
        let read = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string());
        match read.and_then(|document| offline(&document)) {
            Ok(_) => Some(text),
            Err(error) => {
                self.fault("/target/schemas", format!("{name} is not a JSON Schema"), error, None);
                None
            }
        }
    }
}

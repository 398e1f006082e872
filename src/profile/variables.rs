//! Variables in a case's own fields: `{{env.NAME}}` from the environment, `{{row.COLUMN}}` from a CSV file.
//!
//! Texts of prompt files are left alone: they are others' words, and a name in them must not reach the environment.

use serde_json::Value;

use super::files::Kind;
use super::resolve::{Resolver, listed};
use crate::plan::case::cell;
use crate::plan::prompt::table::Table;
use crate::plan::secret::{Secret, is_secret};

/// Rows of variables, and what their columns are called.
#[derive(Debug, Default)]
pub(super) struct Variables {
    names: Vec<String>,
    /// Cells, escaped as within a JSON string.
    pub(super) table: Option<Table>,
}

impl Resolver<'_> {
    /// Reads the variables of a case; none where it has none.
    pub(super) fn variables(&mut self, at: &str, file: Option<&str>) -> Variables {
        let Some(file) = file else { return Variables::default() };
        let Some(bytes) = self.file(at, file, Kind::VARIABLES) else { return Variables::default() };
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes.as_slice());
        let names: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect(),
            Err(error) => {
                self.fault(at, format!("{file}:1: {error}"), "", None);
                return Variables::default();
            }
        };
        let mut table = Table::new(names.len().max(1));
        let mut faults = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => record.iter().for_each(|text| table.push(escaped(text).as_bytes())),
                Err(error) => faults.push((error.position().map_or(0, csv::Position::line), error.to_string())),
            }
        }
        if table.rows() == 0 && faults.is_empty() {
            faults.push((1, "the file holds no row".to_owned()));
        }
        self.line_faults(at, file, faults);
        Variables { names, table: Some(table) }
    }

    /// Puts variables into every string of a value, or marks where they go.
    pub(super) fn fill_in(&mut self, at: &str, value: &mut Value, variables: &Variables) {
        match value {
            Value::String(text) => {
                if let Some(filled) = self.with_variables(at, text, variables) {
                    *text = filled;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.fill_in(&format!("{at}/{index}"), item, variables);
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.fill_in(&format!("{at}/{}", crate::wire::json::pointer_token(name)), member, variables);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn with_variables(&mut self, at: &str, text: &str, variables: &Variables) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            filled += before;
            let inner = behind.split_once("}}").and_then(|(name, behind)| {
                let (of, name) = name.trim().split_once('.')?;
                Some((self.variable(at, of, name, variables)?, behind))
            });
            rest = if let Some((value, behind)) = inner {
                filled += &value;
                behind
            } else {
                filled += "{{";
                behind
            };
        }
        (rest.len() < text.len()).then(|| filled + rest)
    }

    /// What stands for a variable; none for what is none of ours. A missing one is a fault, and empty.
    fn variable(&mut self, at: &str, of: &str, name: &str, variables: &Variables) -> Option<String> {
        match of {
            "env" => Some(self.of_environment(at, name)),
            "row" => Some(self.column(at, name, variables)),
            _ => None,
        }
    }

    /// The value of an environment variable, which is a secret if its name says so.
    fn of_environment(&mut self, at: &str, name: &str) -> String {
        let Some(value) = (self.world.env)(name) else {
            let title = format!("the environment variable {name} is not set");
            self.fault(at, title, "", format!("export {name}, or write its value"));
            return String::new();
        };
        if is_secret(name) {
            self.secrets.push(Secret::new(value.clone()));
        }
        value
    }

    fn column(&mut self, at: &str, name: &str, variables: &Variables) -> String {
        if let Some(column) = variables.names.iter().position(|known| known == name) {
            return cell(column);
        }
        let known: Vec<&str> = variables.names.iter().map(String::as_str).collect();
        let help = if known.is_empty() {
            "add variables = \"users.csv\" to the case".to_owned()
        } else {
            let near = self.guess(name, &known).map_or(String::new(), |near| format!("did you mean {near}? "));
            format!("{near}its columns are {}", listed(&known))
        };
        self.fault(at, format!("no column is called {name:?}"), "", help);
        String::new()
    }
}

/// A text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

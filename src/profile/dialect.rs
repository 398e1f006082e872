//! A dialect of the user's own: a folder with `contract.toml` and schemas that must hold beside those of its parent.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::TargetTable;
use super::contracts;
use super::files::{self, Kind, Unread};
use super::problem::{Place, Problem, Problems, Source};
use super::resolve::Resolver;
use crate::check;
use crate::plan::goal::nearest;
use crate::wire::Contract;
use crate::wire::contract::{File, SCHEMAS};
use crate::wire::schema::offline;

/// The contract that users write as a name or as a folder.
///
/// # Errors
/// If there is no such dialect, or every fault of the folder.
pub fn written(written: &str) -> Result<Arc<Contract>, Problems> {
    if let Some(contract) = contracts::find(written) {
        return Ok(contract);
    }
    if !contracts::is_folder(written) {
        return Err(Problems::one(format!("no dialect is called {written:?}"), Some(contracts::unknown(written))));
    }
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    let contract = Folder { path: Path::new(written), sources: &mut sources, problems: &mut problems }.contract();
    contract.filter(|_| problems.is_empty()).ok_or_else(|| Problems::new(sources, problems))
}

impl Resolver<'_> {
    /// The contract of a target; where that is faulty, the usual one stands in.
    pub(super) fn contract(&mut self, table: &TargetTable, builtin: bool, sources: &mut Vec<Source>) -> Arc<Contract> {
        let usual = || contracts::usual(builtin);
        let Some(written) = table.dialect.as_deref() else { return usual() };
        if let Some(contract) = contracts::find(written) {
            return contract;
        }
        if !contracts::is_folder(written) {
            self.fault("/target/dialect", format!("no dialect is called {written:?}"), "", contracts::unknown(written));
            return usual();
        }
        let path = self.folder.join(written);
        if !path.join(FILE).exists() {
            let help = format!("looked for it at {}; paths are relative to the profile", path.join(FILE).display());
            self.fault("/target/dialect", format!("no {FILE} in {written:?}"), "", help);
            return usual();
        }
        Folder { path: &path, sources, problems: &mut *self.problems }.contract().unwrap_or_else(usual)
    }
}

/// The file of a contract.
const FILE: &str = "contract.toml";

/// A folder that is being read; its faults are added to the problems.
struct Folder<'f> {
    path: &'f Path,
    sources: &'f mut Vec<Source>,
    problems: &'f mut Vec<Problem>,
}

impl Folder<'_> {
    fn contract(&mut self) -> Option<Arc<Contract>> {
        let text = self.text(FILE, Kind::CONTRACT)?;
        let file = match File::read(&text) {
            Ok(file) => file,
            Err(error) => {
                self.fault(error.message, error.span.unwrap_or(0..0), None);
                return None;
            }
        };
        let parent = self.parent(&file, &text);
        let name = self.name(&file, &text);
        for id in file.levels().keys().filter(|id| check::find(id).is_none()) {
            let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
            let help = nearest(id, &ids).map(|near| format!("did you mean {near}?"));
            self.fault(format!("no check is called {id:?}"), span(&text, id), help);
        }
        let source = self.sources.len() - 1;
        let mut schemas = Vec::new();
        for schema in SCHEMAS.into_iter().filter(|name| self.path.join(name).exists()) {
            schemas.push((schema, self.schema(schema)?));
        }
        let schema = |name: &str| {
            let text = schemas.iter().find(|(schema, _)| *schema == name).map(|(_, text)| text.clone());
            text.map(Into::into)
        };
        match Contract::new(&name?, file, schema, Some(parent?)) {
            Ok(contract) => Some(Arc::new(contract.in_folder(&self.path.to_string_lossy()))),
            Err(error) => {
                let place = Some(Place { source, span: 0..0 });
                self.problems.push(Problem { title: error.message, place, label: String::new(), help: None });
                None
            }
        }
    }

    fn parent(&mut self, file: &File, text: &str) -> Option<Arc<Contract>> {
        let Some(parent) = &file.parent else {
            let help = format!("parent = one of {}", contracts::names().join(", "));
            self.fault("a dialect of your own has a parent".to_owned(), 0..0, Some(help));
            return None;
        };
        let found = contracts::find(parent);
        if found.is_none() {
            let help = Some(contracts::unknown(parent));
            self.fault(format!("no dialect is called {parent:?}"), span(text, parent), help);
        }
        found
    }

    /// The name in the file, or that of the folder.
    fn name(&mut self, file: &File, text: &str) -> Option<String> {
        let folder =
            || std::path::absolute(self.path).ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = file.name.clone().or_else(folder).filter(|name| !name.is_empty());
        let Some(name) = name else {
            self.fault("the dialect has no name".to_owned(), 0..0, Some("name = \"...\"".to_owned()));
            return None;
        };
        if contracts::find(&name).is_some() {
            let help = Some("give it another name = \"...\"".to_owned());
            self.fault(format!("{name} is the name of a built-in dialect"), span(text, &name), help);
            return None;
        }
        Some(name)
    }

    /// The text of a schema that compiles.
    fn schema(&mut self, name: &str) -> Option<String> {
        let text = self.text(name, Kind::SCHEMA)?;
        match serde_json::from_str::<Value>(&text) {
            Ok(document) => match offline(&document) {
                Ok(_) => return Some(text),
                Err(error) => self.fault(format!("no JSON Schema: {error}"), 0..0, None),
            },
            Err(error) => {
                let start =
                    text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
                let at = (start + error.column().saturating_sub(1)).min(text.len());
                self.fault(format!("no JSON: {error}"), at..at, None);
            }
        }
        None
    }

    /// The text of a file of the folder, which faults point into from now on.
    fn text(&mut self, name: &str, kind: Kind) -> Option<String> {
        let path = self.path.join(name);
        match files::read_text(&path, kind) {
            Ok(text) => {
                self.sources.push(Source { name: path.to_string_lossy().into_owned(), text: text.clone() });
                Some(text)
            }
            Err(error) => {
                self.unread(&path, &error);
                None
            }
        }
    }

    fn unread(&mut self, path: &Path, error: &Unread) {
        let title = format!("cannot read {:?}: {error}", path.to_string_lossy());
        let help = error.cure().map(str::to_owned);
        self.problems.push(Problem { title, place: None, label: String::new(), help });
    }

    /// A fault in the file that was read last.
    fn fault(&mut self, title: String, span: Range<usize>, help: Option<String>) {
        let place = Some(Place { source: self.sources.len().saturating_sub(1), span });
        self.problems.push(Problem { title, place, label: String::new(), help });
    }
}

/// Where a word is first quoted, or stands, in a text.
fn span(text: &str, word: &str) -> Range<usize> {
    let quoted = text.find(&format!("\"{word}\"")).map(|at| at + 1);
    quoted.or_else(|| text.find(word)).map_or(0..0, |at| at..at + word.len())
}

//! The contract that an endpoint is held to, as a value: what the users' word *dialect* names.
//!
//! A contract is data: a file with facts and levels, and schemas. One without a parent is a root and says everything;
//! any other says what it changes. Texts are handed in, so that nothing here reads a file.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use jsonschema::json::{Json, SerdeJson};

use super::schema::{Schema, offline_for_replies};
use crate::json::Parsed;

pub mod facts;
mod file;
mod level;
#[cfg(test)]
mod tests;

pub use facts::Facts;
pub use file::{Api, File, FileError};
pub use level::{Level, Levels};

use file::Manner;

/// The contracts without a parent. A rule has its level in each of them in its own constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Pulze's API.
    Pulze,
    /// OpenAI's published file.
    OpenAi,
}

impl Root {
    /// The root of that name.
    pub fn named(name: &str) -> Option<Root> {
        match name {
            "pulze" => Some(Root::Pulze),
            "openai" => Some(Root::OpenAi),
            _ => None,
        }
    }
}

/// Whose contract the endpoint is held to.
pub struct Contract {
    name: String,
    about: String,
    /// The folder that a user named, where it is none of the built-in ones.
    folder: Option<String>,
    parent: Option<Arc<Contract>>,
    root: Root,
    /// What is asked of the endpoint.
    pub api: Api,
    /// What no schema says.
    pub facts: Facts,
    schemas: Schemas,
    levels: Levels,
    /// The texts of its schemas in lower case.
    words: OnceLock<String>,
    /// The part of the response schema that describes metadata.
    metadata: OnceLock<Option<Validator<Parsed>>>,
}

/// The schemas of a contract: of a request body, a whole 200 reply, one data payload of a stream, and an error body.
struct Schemas {
    request: Schema<SerdeJson>,
    response: Schema,
    chunk: Schema,
    error: Schema,
}

/// The names of the schema files of a contract.
pub const SCHEMAS: [&str; 4] = ["request.json", "response.json", "chunk.json", "error.json"];

impl Contract {
    /// Reads the contracts of these names in this order, parents first; `read` gives the text of a file such as
    /// `openai/contract.toml`, where there is one.
    ///
    /// # Errors
    /// If one of them has no `contract.toml`, or that is wrong.
    pub fn read_all(
        names: &[&str],
        read: impl Fn(&str) -> Option<Cow<'static, str>>,
    ) -> Result<Vec<Arc<Contract>>, FileError> {
        let mut all: Vec<Arc<Contract>> = Vec::with_capacity(names.len());
        for name in names {
            let text = read(&format!("{name}/contract.toml"));
            let text = text.ok_or_else(|| FileError::new(format!("{name} has no contract.toml")))?;
            let file = File::read(&text)?;
            let parent =
                file.parent.as_ref().and_then(|parent| all.iter().find(|known| known.name == *parent)).cloned();
            let contract = Contract::new(name, file, |schema| read(&format!("{name}/{schema}")), parent)?;
            all.push(Arc::new(contract));
        }
        Ok(all)
    }

    /// A contract of that name; `schema` gives the text of each of [`SCHEMAS`] that it has, which must be valid schemas:
    /// they are compiled when they are first wanted.
    ///
    /// # Errors
    /// If its parent is not the one handed in, or a fact or a schema is missing that no parent has.
    pub fn new(
        name: &str,
        file: File,
        schema: impl Fn(&str) -> Option<Cow<'static, str>>,
        parent: Option<Arc<Contract>>,
    ) -> Result<Contract, FileError> {
        if let (Some(wanted), None) = (&file.parent, &parent) {
            return Err(FileError::new(format!("{name}: no dialect is called {wanted:?}")));
        }
        let root = match &parent {
            Some(parent) => parent.root,
            None => Root::named(name).ok_or_else(|| FileError::new(format!("{name} has no parent")))?,
        };
        let mut levels = parent.as_ref().map(|parent| parent.levels.clone()).unwrap_or_default();
        levels.extend(file.levels());
        let facts = file.facts.over(parent.as_ref().map(|parent| &parent.facts));
        let facts = facts.map_err(|fact| FileError::new(format!("{name} has no fact {fact:?}")))?;
        let parents = parent.as_ref().map(|parent| &parent.schemas);
        let schemas = Schemas {
            request: joined("request.json", &schema, file.schemas, parents.map(|schemas| &schemas.request))?,
            response: joined("response.json", &schema, file.schemas, parents.map(|schemas| &schemas.response))?,
            chunk: joined("chunk.json", &schema, file.schemas, parents.map(|schemas| &schemas.chunk))?,
            error: joined("error.json", &schema, file.schemas, parents.map(|schemas| &schemas.error))?,
        };
        let name = name.to_owned();
        Ok(Contract {
            name,
            about: file.about,
            folder: None,
            parent,
            root,
            api: file.api,
            facts,
            schemas,
            levels,
            words: OnceLock::new(),
            metadata: OnceLock::new(),
        })
    }

    /// The same contract with overlays that replies must satisfy as well: `schema` gives their texts, as in
    /// [`Contract::new`].
    #[must_use]
    pub fn tightened(&self, schema: impl Fn(&str) -> Option<Cow<'static, str>>) -> Contract {
        let with = |name: &str, own: &Schema| match schema(name) {
            Some(text) => own.tightened(text),
            None => own.sibling(),
        };
        let schemas = Schemas {
            request: self.schemas.request.sibling(),
            response: with("response.json", &self.schemas.response),
            chunk: with("chunk.json", &self.schemas.chunk),
            error: with("error.json", &self.schemas.error),
        };
        Contract {
            name: self.name.clone(),
            about: self.about.clone(),
            folder: self.folder.clone(),
            parent: self.parent.clone(),
            root: self.root,
            api: self.api,
            facts: self.facts.clone(),
            schemas,
            levels: self.levels.clone(),
            words: OnceLock::new(),
            metadata: OnceLock::new(),
        }
    }

    /// The same contract, as read from a folder of a user's.
    #[must_use]
    pub fn in_folder(self, folder: &str) -> Contract {
        Contract { folder: Some(folder.to_owned()), ..self }
    }

    /// The name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What names it in a profile or a flag: its name, or its folder.
    pub fn written(&self) -> &str {
        self.folder.as_deref().unwrap_or(&self.name)
    }

    /// What it is, in one line.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The contracts that it inherits from, the nearest first.
    pub fn parents(&self) -> impl Iterator<Item = &Contract> {
        std::iter::successors(self.parent.as_deref(), |contract| contract.parent.as_deref())
    }

    /// The root that it inherits from, or is.
    pub fn root(&self) -> Root {
        self.root
    }

    /// Levels other than the root's, by the id of the rule: its own over its parents'.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The schema of a request body.
    pub fn request(&self) -> &Schema<SerdeJson> {
        &self.schemas.request
    }

    /// The schema of a whole 200 reply.
    pub fn response(&self) -> &Schema {
        &self.schemas.response
    }

    /// The schema of one data payload of a stream.
    pub fn chunk(&self) -> &Schema {
        &self.schemas.chunk
    }

    /// The schema of an error body.
    pub fn error(&self) -> &Schema {
        &self.schemas.error
    }

    /// The part of the response schema that describes metadata, where that names it.
    pub fn metadata(&self) -> Option<&Validator<Parsed>> {
        let compiled = || offline_for_replies(self.response().document().pointer("/properties/metadata")?).ok();
        self.metadata.get_or_init(compiled).as_ref()
    }

    /// Whether some object of its replies has a member of that name.
    pub fn names_member(&self, name: &str) -> bool {
        [self.response(), self.chunk(), self.error()].into_iter().any(|schema| schema.names_member(name))
    }

    /// Whether its schemas have a text, whatever the case of its letters.
    pub fn has_words(&self, text: &str) -> bool {
        let words = self.words.get_or_init(|| {
            let Schemas { request, response, chunk, error } = &self.schemas;
            let replies = [response, chunk, error].into_iter().flat_map(Schema::texts);
            request.texts().chain(replies).collect::<Vec<_>>().join("\n").to_lowercase()
        });
        words.contains(&text.to_lowercase())
    }
}

/// A schema of a contract: its own, its parent's, or its parent's with an overlay.
fn joined<F: Json>(
    name: &str,
    schema: &impl Fn(&str) -> Option<Cow<'static, str>>,
    manner: Manner,
    parent: Option<&Schema<F>>,
) -> Result<Schema<F>, FileError> {
    match (schema(name), parent) {
        (Some(text), Some(parent)) if manner == Manner::Overlay => Ok(parent.tightened(text)),
        (Some(text), _) => Ok(Schema::whole(text)),
        (None, Some(parent)) => Ok(parent.sibling()),
        (None, None) => Err(FileError::new(format!("there is no {name}, and no parent that has one"))),
    }
}

impl PartialEq for Contract {
    fn eq(&self, other: &Contract) -> bool {
        let [ours, theirs] = [self, other].map(|contract| &contract.schemas);
        std::ptr::eq(self, other)
            || self.name == other.name
                && self.facts == other.facts
                && self.levels == other.levels
                && self.parent == other.parent
                && ours.request.is_same(&theirs.request)
                && ours.response.is_same(&theirs.response)
                && ours.chunk.is_same(&theirs.chunk)
                && ours.error.is_same(&theirs.error)
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Contract").field(&self.name).finish()
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

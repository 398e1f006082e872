//! The file of a contract: `contract.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;

use super::facts::Changes;
use super::level::{Levels, Spelt};

/// `contract.toml`, read and not yet joined with its parent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The name in reports; that of the folder without it.
    pub name: Option<String>,
    /// What it is, in one line.
    #[serde(default)]
    pub about: String,
    /// The contract that it changes; none for a root.
    pub parent: Option<String>,
    /// What is asked of the endpoint.
    #[serde(default)]
    pub(super) api: Api,
    /// What schema files beside it are.
    #[serde(default)]
    pub(super) schemas: Manner,
    #[serde(default)]
    pub(super) facts: Changes,
    #[serde(default)]
    levels: BTreeMap<String, Spelt>,
}

/// What is asked of the endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// `POST /chat/completions`.
    #[default]
    ChatCompletions,
}

/// What the schema files of a contract are to those of its parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Manner {
    /// They must hold as well.
    #[default]
    Overlay,
    /// They take the place of the parent's.
    Whole,
}

/// What is wrong with a contract's file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FileError {
    /// In words.
    pub message: String,
    /// Where in its text, in bytes, if anywhere in particular.
    pub span: Option<Range<usize>>,
}

impl FileError {
    pub(super) fn new(message: String) -> FileError {
        FileError { message, span: None }
    }
}

impl File {
    /// Reads the text of a `contract.toml`.
    ///
    /// # Errors
    /// The first fault of the text.
    pub fn read(text: &str) -> Result<File, FileError> {
        toml::from_str(text).map_err(|error| FileError { message: error.message().to_owned(), span: error.span() })
    }

    /// The levels that it changes, by the id of the rule.
    pub fn levels(&self) -> Levels {
        self.levels.iter().map(|(id, level)| (id.clone(), level.level())).collect()
    }
}

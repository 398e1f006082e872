//! The root contracts and the strict one by name, so that tests can say which they mean.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use jsonschema::json::SerdeJson;
use proofload::profile::contracts;
use proofload::wire::Contract;
use proofload::wire::schema::Schema;

/// A built-in dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dialect {
    Pulze,
    OpenAi,
    OpenAiStrict,
}

impl Dialect {
    pub(crate) const ALL: [Dialect; 3] = [Dialect::Pulze, Dialect::OpenAi, Dialect::OpenAiStrict];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Dialect::Pulze => "pulze",
            Dialect::OpenAi => "openai",
            Dialect::OpenAiStrict => "openai-strict",
        }
    }

    pub(crate) fn contract(self) -> Arc<Contract> {
        contracts::find(self.name()).expect("it is built in")
    }

    /// Whether it is OpenAI's API, tolerant or strict.
    pub(crate) fn is_openai(self) -> bool {
        self != Dialect::Pulze
    }

    fn built_in(self) -> &'static Contract {
        contracts::all().iter().find(|contract| contract.name() == self.name()).expect("it is built in")
    }

    pub(crate) fn request(self) -> &'static Schema<SerdeJson> {
        self.built_in().request()
    }

    pub(crate) fn response(self) -> &'static Schema {
        self.built_in().response()
    }

    pub(crate) fn chunk(self) -> &'static Schema {
        self.built_in().chunk()
    }

    pub(crate) fn error(self) -> &'static Schema {
        self.built_in().error()
    }
}

impl Deref for Dialect {
    type Target = Contract;

    fn deref(&self) -> &Contract {
        self.built_in()
    }
}

impl From<Dialect> for Arc<Contract> {
    fn from(dialect: Dialect) -> Arc<Contract> {
        dialect.contract()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

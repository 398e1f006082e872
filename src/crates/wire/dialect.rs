//! The dialects of the contract, each with its four JSON Schemas, compiled once.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use jsonschema::Validator;
use jsonschema::json::{Json, SerdeJson};
use serde_json::Value;

use super::names::Names;
use crate::json::{self, Members, Parsed};

/// Whose contract the endpoint is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// Pulze's API: the seed page, tolerant where it is silent.
    Pulze,
    /// OpenAI's published file, tolerant of its kin (vLLM, llama.cpp, `LiteLLM`).
    OpenAi,
    /// OpenAI's published file to the letter, with its `nullable` spelt as JSON Schema 2020-12 reads it.
    OpenAiStrict,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Dialect; 3] = [Dialect::Pulze, Dialect::OpenAi, Dialect::OpenAiStrict];

    /// The name users write.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Pulze => "pulze",
            Dialect::OpenAi => "openai",
            Dialect::OpenAiStrict => "openai-strict",
        }
    }

    /// The dialect of that name.
    pub fn named(name: &str) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// The schema of a request body.
    pub fn request(self) -> &'static Schema<SerdeJson> {
        match self {
            Dialect::Pulze => &PULZE_REQUEST,
            Dialect::OpenAi => &OPENAI_REQUEST,
            Dialect::OpenAiStrict => &OPENAI_STRICT_REQUEST,
        }
    }

    /// The schema of a whole 200 reply.
    pub fn response(self) -> &'static Schema {
        match self {
            Dialect::Pulze => &PULZE_RESPONSE,
            Dialect::OpenAi => &OPENAI_RESPONSE,
            Dialect::OpenAiStrict => &OPENAI_STRICT_RESPONSE,
        }
    }

    /// The schema of one data payload of a stream.
    pub fn chunk(self) -> &'static Schema {
        match self {
            Dialect::Pulze => &PULZE_CHUNK,
            Dialect::OpenAi => &OPENAI_CHUNK,
            Dialect::OpenAiStrict => &OPENAI_STRICT_CHUNK,
        }
    }

    /// The schema of an error body.
    pub fn error(self) -> &'static Schema {
        match self {
            Dialect::Pulze => &PULZE_ERROR,
            Dialect::OpenAi => &OPENAI_ERROR,
            Dialect::OpenAiStrict => &OPENAI_STRICT_ERROR,
        }
    }

    /// Whether some object of its replies has a member of that name.
    pub fn names_member(self, name: &str) -> bool {
        [self.response(), self.chunk(), self.error()].into_iter().any(|schema| names(schema.document(), name))
    }

    /// Whether it is OpenAI's API, tolerant or strict.
    pub fn is_openai(self) -> bool {
        match self {
            Dialect::Pulze => false,
            Dialect::OpenAi | Dialect::OpenAiStrict => true,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! schema {
    ($name:ident, $file:literal) => {
        schema!($name, $file, Parsed);
    };
    ($name:ident, $file:literal, $values:ident) => {
        static $name: LazyLock<Schema<$values>> =
            LazyLock::new(|| Schema::read(include_str!(concat!("../../../schemas/", $file, ".json"))));
    };
}
schema!(PULZE_REQUEST, "pulze/request", SerdeJson);
schema!(PULZE_RESPONSE, "pulze/response");
schema!(PULZE_CHUNK, "pulze/chunk");
schema!(PULZE_ERROR, "pulze/error");
schema!(OPENAI_REQUEST, "openai/request", SerdeJson);
schema!(OPENAI_RESPONSE, "openai/response");
schema!(OPENAI_CHUNK, "openai/chunk");
schema!(OPENAI_ERROR, "openai/error");
schema!(OPENAI_STRICT_REQUEST, "openai-strict/request", SerdeJson);
schema!(OPENAI_STRICT_RESPONSE, "openai-strict/response");
schema!(OPENAI_STRICT_CHUNK, "openai-strict/chunk");
schema!(OPENAI_STRICT_ERROR, "openai-strict/error");

/// One schema: the document, and what is made of it once it is wanted, for few of a process's schemas ever are. It
/// judges replies as they are read; those of requests judge what users write.
#[derive(Debug)]
pub struct Schema<F: Json = Parsed> {
    document: Value,
    /// By its address, or whoever asks a schema would hold the code that compiles them once more: it is large.
    compile: Compile<F>,
    validator: OnceLock<Validator<F>>,
    names: OnceLock<Names>,
    overlay: OnceLock<Overlay<F>>,
}

type Compile<F> = fn(&Value, bool) -> Result<Validator<F>, String>;

/// A schema of the user's own that must hold beside the dialect's.
#[derive(Debug)]
struct Overlay<F: Json> {
    validator: Validator<F>,
    document: Value,
}

/// One place at which a value breaks a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// JSON pointer of the value at fault; the empty pointer is the root.
    pub pointer: String,
    /// The keyword that is broken: `type`, `required`, `enum`, ...
    pub keyword: String,
    /// The rule and the value, in words.
    pub message: String,
}

impl<F: Json> Schema<F> {
    /// Reads one of the embedded schema files.
    fn read(text: &str) -> Schema<F> {
        let document: Value = serde_json::from_str(text).expect("embedded schemas are JSON");
        Schema {
            document,
            compile: compiled,
            validator: OnceLock::new(),
            names: OnceLock::new(),
            overlay: OnceLock::new(),
        }
    }

    /// The compiled schema.
    ///
    /// # Panics
    /// If the file is not a valid schema, which a test excludes for every embedded one.
    fn validator(&self) -> &Validator<F> {
        self.validator.get_or_init(|| (self.compile)(&self.document, false).expect("embedded schemas are valid"))
    }

    /// The schema file itself.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Whether the value satisfies the schema: the cheap question, for the hot path.
    pub fn is_valid(&self, value: F::Node<'_>) -> bool {
        self.validator().is_valid(value.clone())
            && self.overlay.get().is_none_or(|overlay| overlay.validator.is_valid(value))
    }

    /// Every violation, in the order of the validator.
    pub fn violations<'v>(&'v self, value: F::Node<'v>) -> Vec<Violation> {
        let mut found = violations(self.validator(), value.clone());
        if let Some(overlay) = self.overlay.get() {
            found.extend(violations(&overlay.validator, value));
        }
        found
    }

    /// Lets another schema hold beside this one, for as long as the process runs: a process holds endpoints to one
    /// contract for each dialect.
    ///
    /// # Errors
    /// If the other schema does not compile, or a third one comes.
    pub fn tighten(&self, document: &Value) -> Result<(), String> {
        let validator = (self.compile)(document, false)?;
        let kept = self.overlay.get_or_init(|| Overlay { validator, document: document.clone() });
        if kept.document == *document { Ok(()) } else { Err("another schema tightens this dialect already".to_owned()) }
    }
}

impl Schema {
    /// Adds the paths of the members the schema does not name, with `[]` for any index, each once and up to 20 of them.
    pub fn unnamed_members(&self, value: &json::Value, found: &mut Vec<String>) {
        self.names.get_or_init(|| Names::of(&self.document)).unnamed(value, found);
    }
}

/// Whether a schema, or one inside it, names a property so.
fn names(schema: &Value, name: &str) -> bool {
    match schema {
        Value::Object(parts) => {
            parts.member("properties").is_some_and(|named| named.get(name).is_some())
                || parts.values().any(|part| names(part, name))
        }
        Value::Array(parts) => parts.iter().any(|part| names(part, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Compiles a schema that may come from outside; a `$ref` to another document is an error, never fetched.
///
/// # Errors
/// What is wrong with the schema, in words.
pub fn offline(schema: &Value) -> Result<Validator, String> {
    compiled(schema, false)
}

/// The same, to judge what is read of replies.
///
/// # Errors
/// What is wrong with the schema, in words.
pub fn offline_for_replies(schema: &Value) -> Result<Validator<Parsed>, String> {
    compiled(schema, false)
}

/// The same, and `format` binds, which JSON Schema 2020-12 leaves to the reader.
///
/// # Errors
/// What is wrong with the schema, in words.
pub fn offline_with_formats(schema: &Value) -> Result<Validator<Parsed>, String> {
    compiled(schema, true)
}

fn compiled<F: Json>(schema: &Value, formats: bool) -> Result<Validator<F>, String> {
    jsonschema::options_for::<F>()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(formats)
        .offline()
        .build(schema)
        .map_err(|error| error.to_string())
}

/// Every violation of a compiled schema.
pub fn violations<'v, F: Json>(validator: &'v Validator<F>, value: F::Node<'v>) -> Vec<Violation> {
    validator
        .iter_errors(value)
        .map(|error| Violation {
            pointer: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            message: error.to_string(),
        })
        .collect()
}

//! The JSON Schemas of a contract, each compiled once, when it is first wanted.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use jsonschema::json::Json;
use serde_json::Value;

use super::names::Names;
use crate::json::{self, Members, Parsed};

/// One schema of a contract: a document, and overlays that must hold as well. It judges replies as they are read; those
/// of requests judge what users write.
#[derive(Debug)]
pub struct Schema<F: Json = Parsed> {
    base: Arc<Document<F>>,
    overlays: Vec<Arc<Document<F>>>,
    names: OnceLock<Names>,
}

/// The text of one schema, and what is made of it once it is wanted, for few of a process's schemas ever are.
#[derive(Debug)]
struct Document<F: Json> {
    text: Cow<'static, str>,
    value: OnceLock<Value>,
    /// A function pointer, so that the compiler code is instantiated once: it is large.
    compile: Compile<F>,
    validator: OnceLock<Validator<F>>,
}

type Compile<F> = fn(&Value, bool) -> Result<Validator<F>, String>;

impl<F: Json> Document<F> {
    fn new(text: Cow<'static, str>) -> Document<F> {
        Document { text, value: OnceLock::new(), compile: compiled, validator: OnceLock::new() }
    }

    /// The document.
    ///
    /// # Panics
    /// If it is not JSON, which a test excludes for the built-in ones and the profile for those of users.
    fn value(&self) -> &Value {
        self.value.get_or_init(|| serde_json::from_str(&self.text).expect("schemas are JSON"))
    }

    /// The compiled document.
    ///
    /// # Panics
    /// As [`Document::value`], if it is not a valid schema.
    fn validator(&self) -> &Validator<F> {
        self.validator.get_or_init(|| (self.compile)(self.value(), false).expect("schemas are valid"))
    }
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
    /// The schema of a text that was checked before.
    pub(super) fn whole(text: Cow<'static, str>) -> Schema<F> {
        Schema { base: Arc::new(Document::new(text)), overlays: Vec::new(), names: OnceLock::new() }
    }

    /// The same schema, of which what was compiled is shared.
    pub(super) fn sibling(&self) -> Schema<F> {
        Schema { base: Arc::clone(&self.base), overlays: self.overlays.clone(), names: OnceLock::new() }
    }

    /// The same schema with an overlay that must hold as well.
    pub(super) fn tightened(&self, text: Cow<'static, str>) -> Schema<F> {
        let mut schema = self.sibling();
        schema.overlays.push(Arc::new(Document::new(text)));
        schema
    }

    /// The document that overlays are added to.
    pub fn document(&self) -> &Value {
        self.base.value()
    }

    /// All documents: the one that overlays are added to, and the overlays.
    pub fn documents(&self) -> impl Iterator<Item = &Value> {
        self.parts().map(Document::value)
    }

    /// The members that a schema of an object names at its top, with what it says of each.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        let named = self.documents().filter_map(|document| document.get("properties")?.as_object());
        named.flatten().map(|(name, schema)| (name.as_str(), schema))
    }

    /// Whether the value satisfies the schema: the cheap question, for the hot path.
    #[expect(clippy::needless_pass_by_value, reason = "a node is a reference; validators take it by value")]
    pub fn is_valid(&self, value: F::Node<'_>) -> bool {
        self.base.validator().is_valid(value.clone())
            && self.overlays.iter().all(|overlay| overlay.validator().is_valid(value.clone()))
    }

    /// Every violation, in the order of the validators.
    #[expect(clippy::needless_pass_by_value, reason = "a node is a reference; validators take it by value")]
    pub fn violations<'v>(&'v self, value: F::Node<'v>) -> Vec<Violation> {
        self.parts().flat_map(|part| violations(part.validator(), value.clone())).collect()
    }

    fn parts(&self) -> impl Iterator<Item = &Document<F>> {
        std::iter::once(&self.base).chain(&self.overlays).map(Arc::as_ref)
    }

    /// The texts of its documents.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts().map(|part| &*part.text)
    }

    /// Whether both were made from the same texts.
    pub(super) fn is_same(&self, other: &Schema<F>) -> bool {
        self.parts().map(|part| &part.text).eq(other.parts().map(|part| &part.text))
    }

    /// Whether it, or a schema inside it, names a property so.
    pub(super) fn names_member(&self, name: &str) -> bool {
        self.documents().any(|document| names(document, name))
    }
}

impl Schema {
    /// Adds the paths of the members the schema does not name, with `[]` for any index, each once and up to 20 of them.
    pub fn unnamed_members(&self, value: &json::Value, found: &mut Vec<String>) {
        let all = || {
            let mut names = Names::of(self.document());
            self.documents().skip(1).for_each(|overlay| names.add(Names::of(overlay)));
            names
        };
        self.names.get_or_init(all).unnamed(value, found);
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

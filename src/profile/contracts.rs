//! The built-in contracts, from the files of `schemas/`, and the only place that embeds them.
//!
//! A dialect is a folder there with a `contract.toml`, and a line here that names the folder and the schemas in it.

use std::sync::{Arc, LazyLock};

use crate::plan::goal::nearest;
use crate::wire::Contract;

macro_rules! dialects {
    ($($name:literal: $($schema:literal)*;)*) => {
        /// The folders, parents first.
        const NAMES: &[&str] = &[$($name),*];

        /// The text of each file, by its path.
        const FILES: &[(&str, &str)] = &[$(
            (concat!($name, "/contract.toml"), include_str!(concat!("../../schemas/", $name, "/contract.toml"))),
            $((concat!($name, "/", $schema), include_str!(concat!("../../schemas/", $name, "/", $schema))),)*
        )*];
    };
}

dialects! {
    "pulze": "request.json" "response.json" "chunk.json" "error.json";
    "openai": "request.json" "response.json" "chunk.json" "error.json";
    "openai-strict": "request.json" "response.json" "chunk.json" "error.json";
    "vllm": "request.json" "response.json" "chunk.json" "error.json";
    "azure": "request.json" "response.json" "chunk.json" "error.json";
}

static ALL: LazyLock<Vec<Arc<Contract>>> = LazyLock::new(|| {
    let read = |path: &str| FILES.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).into());
    Contract::read_all(NAMES, read).expect("a test reads the built-in contracts")
});

/// Every built-in contract, parents first.
pub fn all() -> &'static [Arc<Contract>] {
    &ALL
}

/// Their names.
pub fn names() -> &'static [&'static str] {
    NAMES
}

/// The built-in contract of that name.
pub fn find(name: &str) -> Option<Arc<Contract>> {
    ALL.iter().find(|contract| contract.name() == name).cloned()
}

/// The contract of an endpoint that names none.
///
/// # Panics
/// Never: both are built in.
pub fn usual(builtin: bool) -> Arc<Contract> {
    find(if builtin { "pulze" } else { "openai" }).expect("it is built in")
}

/// Whether a dialect is written as a folder, and not as a name.
pub fn is_folder(written: &str) -> bool {
    find(written).is_none() && (written.starts_with('.') || written.contains(['/', '\\']))
}

/// What to say of a name that no contract has.
pub fn unknown(name: &str) -> String {
    let near = nearest(name, NAMES).map_or(String::new(), |near| format!("did you mean {near}? "));
    format!("{near}the dialects are {}; a folder of your own is written as ./NAME", NAMES.join(", "))
}

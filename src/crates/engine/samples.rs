//! Contracts for the unit tests of this crate, from the files of the repository.

use std::path::Path;
use std::sync::Arc;

use crate::wire::Contract;

/// OpenAI's.
pub(crate) fn openai() -> Arc<Contract> {
    named("openai")
}

fn named(name: &str) -> Arc<Contract> {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("schemas"));
    let schemas = above.find(|folder| folder.join(name).is_dir()).expect("the schemas of the repository");
    let read = |file: &str| std::fs::read_to_string(schemas.join(file)).ok().map(Into::into);
    let mut all = Contract::read_all(&[name], read).expect("contracts");
    all.remove(0)
}

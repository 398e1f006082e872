//! Tokenizers that a profile names: those that are built in, and files.

use std::sync::Arc;

use super::CaseTable;
use super::files::Kind;
use super::resolve::Resolver;
use crate::plan::prompt::synthetic::Manner;
use crate::plan::prompt::tokenizer::{NAMES, Tokenizer, is_file};

/// Takes each word for a token.
const WORDS: &str = "words";
/// Asks the endpoint.
const ENDPOINT: &str = "endpoint";

impl Resolver<'_> {
    /// The tokenizer of the target, if it names one.
    pub(super) fn target_tokenizer(&mut self, name: Option<&str>) -> Option<Arc<Tokenizer>> {
        self.tokenizer("/target/tokenizer", name?, "")
    }

    /// How a case's prompts are said, and whether the endpoint is to be asked how it counts them.
    pub(super) fn manner(&mut self, at: &str, table: &CaseTable, of_target: Option<&Tokenizer>) -> (Manner, bool) {
        let manner = match (table.tokenizer.as_deref(), of_target) {
            (None, Some(tokenizer)) if table.input_tokens.is_some() => self.manner_of(tokenizer),
            (None | Some(WORDS | ENDPOINT), _) => Manner::default(),
            (Some(name), _) => {
                let known = format!("{WORDS}, {ENDPOINT}, ");
                let tokenizer = self.tokenizer(&format!("{at}/tokenizer"), name, &known);
                tokenizer.map_or_else(Manner::default, |tokenizer| self.manner_of(&tokenizer))
            }
        };
        (manner, table.tokenizer.as_deref() == Some(ENDPOINT))
    }

    /// What a tokenizer asks for, which takes a while to find out.
    fn manner_of(&mut self, tokenizer: &Tokenizer) -> Manner {
        self.manners.entry(tokenizer.name().to_owned()).or_insert_with(|| Manner::of(tokenizer)).clone()
    }

    /// The tokenizer of a name: one that is built in, or else a file. Each is read once.
    fn tokenizer(&mut self, pointer: &str, name: &str, known: &str) -> Option<Arc<Tokenizer>> {
        if let Some(read) = self.tokenizers.get(name) {
            return read.clone();
        }
        let read = if is_file(name) {
            self.file(pointer, name, Kind::TOKENIZER).map(|json| Tokenizer::read(name, &json))
        } else {
            Some(Tokenizer::built_in(name))
        };
        let tokenizer = match read? {
            Ok(tokenizer) => Some(Arc::new(tokenizer)),
            Err(error) if is_file(name) => {
                let help = "it takes a tokenizer.json with a model of type BPE, Unigram or WordPiece".to_owned();
                self.fault(pointer, format!("{name:?} is not a tokenizer"), error, help);
                None
            }
            Err(_) => {
                let help = format!("known are {known}{}, or the path of a tokenizer.json", NAMES.join(", "));
                self.fault(pointer, format!("there is no tokenizer {name:?}"), "", help);
                None
            }
        };
        self.tokenizers.insert(name.to_owned(), tokenizer.clone());
        tokenizer
    }
}

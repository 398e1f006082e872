//! Values that never reach a file, a log, a curl line or a report.
//!
//! [`is_secret`] decides by its name whether a header or a query parameter holds a secret. A [`Redactor`] knows all
//! secrets of a target ([`crate::plan::target::Target::redactor`]), and whatever is kept or printed passes it. It finds a
//! secret in every form in which servers repeat one (`fold`, `forms`), also in pieces over the events of a stream
//! (`pieces`).

mod address;
mod fold;
mod forms;
mod name;
mod pieces;
mod redactor;
mod spans;
mod vocabulary;
mod written;

pub use crate::check::secret::Secret;
pub use address::{secret_spans, secrets_of, shown, shown_text};
pub use name::{is_secret, is_variable_name, may_cross};
pub use redactor::Redactor;
pub use spans::{masked_by_spans, merged};
pub use vocabulary::is_word_of_protocol;
pub use written::spans_written;

/// What is written for a secret.
const STARS: &str = "***";

//! What is chat completions and nothing else: the one place that knows the members of its requests, replies and events.
//!
//! | question | answer |
//! |---|---|
//! | what does a request ask? | [`request::ChatRequest`], [`tool::Tool`] |
//! | how is a request written? | [`request`], [`message`] |
//! | what are the outputs of a reply? | [`output::Choice`], [`usage::Usage`] |
//! | what does an event bring? | [`chunk::Update`], and in it [`content::Content`]: text, reasoning, refusal, audio, calls |
//! | how does a stream end? | [`finish`]: finish reasons and `[DONE]` |
//! | which events make one output? | [`joined::Joined`] |
//! | how does an answer become history? | [`history`] |
//! | is a body an error in place of an answer? | [`error`] |
//!
//! It states facts and judges nothing. Rules and the reference endpoint may walk the JSON themselves, since what is to be
//! judged is the very form that is read leniently here; nobody else does (`tests/it/chat_in_one_place.rs`).

mod audio;
mod call;
pub mod chunk;
pub mod content;
pub mod error;
pub mod finish;
pub mod history;
pub mod joined;
pub mod lone;
pub mod message;
pub mod output;
pub mod reply;
pub mod request;
pub mod tool;
pub mod usage;

pub use audio::Audio;
pub use call::CallPiece;

//! What prompts are made of: lengths, words, tokens, text from data files, and recordings of what others sent.

pub mod conversation;
mod guard;
pub mod length;
pub mod synthetic;
pub mod table;
pub mod tokenizer;
pub mod trace;

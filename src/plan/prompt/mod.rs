//! What prompts are made of: lengths, words, and recordings of what others sent.

pub mod length;
pub mod synthetic;
pub mod trace;

//! A completion as chunks, in the order in which they become ready.

use std::time::Duration;

use serde::Serialize;

use super::completion::{About, Frame, Logprobs, Member, of_tokens, shows_reasoning};
use super::say::{Said, Token};
use super::token;
use super::tool::Call;
use super::usage::Usage;
use super::wire::Write;
use crate::wire::Dialect;

#[derive(Debug, Serialize)]
struct Piece<'a> {
    index: usize,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    logprobs: Member<Logprobs<'a>>,
}

/// What a chunk adds to its choice.
#[derive(Debug, Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Debug, Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<CustomDelta<'a>>,
}

#[derive(Debug, Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Debug, Serialize)]
struct CustomDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    input: &'a str,
}

/// A step of a choice: one token of it, or the head of a call.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Hidden,
    Reasoning(&'a Token<'a>),
    Text(&'a Token<'a>),
    Head(usize, &'a Call<'a>),
    Arguments(usize, &'a Call<'a>, &'a str),
}

/// How long a chunk is, about, in bytes.
const CHUNK: usize = 256;

/// What is streamed.
pub(super) struct Streamed<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) choices: &'a [Said<'a>],
    pub(super) usage: &'a Usage,
    /// Whether a last chunk states the usage, where the dialect leaves that to the request.
    pub(super) include_usage: bool,
    pub(super) metadata: Option<About<'a>>,
    pub(super) logprobs: bool,
}

/// How many steps a choice takes.
pub(super) fn steps_of(said: &Said<'_>) -> usize {
    steps(said, Dialect::OpenAi).len()
}

fn steps<'a>(said: &'a Said<'a>, dialect: Dialect) -> Vec<Step<'a>> {
    let shown = shows_reasoning(said, dialect);
    let reasoning = said.reasoning.iter().map(|token| if shown { Step::Reasoning(token) } else { Step::Hidden });
    let mut steps: Vec<Step<'_>> = reasoning.chain(said.text.iter().map(Step::Text)).collect();
    for (index, call) in said.calls.iter().enumerate() {
        steps.push(Step::Head(index, call));
        steps.extend(token::tokens(&call.arguments).map(|piece| Step::Arguments(index, call, piece)));
    }
    steps
}

/// A piece of a call; the first one names it.
fn piece_of<'a>(index: usize, call: &'a Call<'_>, first: bool, text: &'a str) -> Delta<'a> {
    let name = first.then_some(call.name);
    let piece = CallDelta {
        index,
        id: first.then_some(&*call.id),
        r#type: first.then_some(call.kind()),
        function: (!call.custom).then_some(FunctionDelta { name, arguments: text }),
        custom: call.custom.then_some(CustomDelta { name, input: text }),
    };
    Delta { tool_calls: Some([piece]), ..Delta::default() }
}

impl Streamed<'_> {
    /// The chunks with their instants, choices side by side: role, pieces, finish; usage at the end, in the openai
    /// dialect where asked, in Pulze's with the metadata in the last chunk.
    pub(super) fn chunks(&self, due: &[Duration]) -> Vec<Write> {
        let at = |step: usize| due.get(step).or(due.last()).copied().unwrap_or_default();
        let choices: Vec<Vec<Step<'_>>> = self.choices.iter().map(|said| steps(said, self.frame.dialect)).collect();
        let mut chunks = Vec::new();
        for index in 0..choices.len() {
            let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
            chunks.push(Write { at: at(0), bytes: self.piece(index, delta, None, Member::Null) });
        }
        for step in 0..choices.iter().map(Vec::len).max().unwrap_or(0) {
            for (index, steps) in choices.iter().enumerate() {
                if let Some(bytes) = steps.get(step).and_then(|step| self.step(index, step)) {
                    chunks.push(Write { at: at(step), bytes });
                }
            }
        }
        let end = due.last().copied().unwrap_or_default();
        for (index, said) in self.choices.iter().enumerate() {
            let piece = [self.bare(index, Delta::default(), Some(said.finish), Member::Null)];
            let last = index + 1 == self.choices.len() && self.frame.dialect == Dialect::Pulze;
            let bytes = if last { self.chunk(&piece, self.stated(), self.metadata) } else { self.inner(&piece) };
            chunks.push(Write { at: end, bytes });
        }
        if self.frame.dialect.is_openai() && self.include_usage {
            chunks.push(Write { at: end, bytes: self.chunk(&[], self.stated(), None) });
        }
        chunks
    }

    fn step(&self, index: usize, step: &Step<'_>) -> Option<Vec<u8>> {
        let (delta, logprobs) = match step {
            // A token that is not shown takes its time and no chunk.
            Step::Hidden => return None,
            Step::Reasoning(token) => {
                (Delta { reasoning_content: Some(&token.text), ..Delta::default() }, Member::Null)
            }
            Step::Text(token) => {
                let logprobs =
                    if self.logprobs { Member::There(of_tokens(std::slice::from_ref(*token))) } else { Member::Null };
                (Delta { content: Some(&token.text), ..Delta::default() }, logprobs)
            }
            Step::Head(number, call) => (piece_of(*number, call, true, ""), Member::Null),
            Step::Arguments(number, call, piece) => (piece_of(*number, call, false, piece), Member::Null),
        };
        Some(self.piece(index, delta, None, logprobs))
    }

    fn piece<'s>(
        &'s self,
        index: usize,
        delta: Delta<'s>,
        finish: Option<&'static str>,
        logprobs: Member<Logprobs<'s>>,
    ) -> Vec<u8> {
        self.inner(&[self.bare(index, delta, finish, logprobs)])
    }

    fn bare<'s>(
        &self,
        index: usize,
        delta: Delta<'s>,
        finish_reason: Option<&'static str>,
        logprobs: Member<Logprobs<'s>>,
    ) -> Piece<'s> {
        let logprobs = if self.frame.dialect.is_openai() { logprobs } else { Member::Absent };
        Piece { index, delta, finish_reason, logprobs }
    }

    /// A chunk that does not state the usage.
    fn inner(&self, pieces: &[Piece<'_>]) -> Vec<u8> {
        let later = self.frame.dialect.is_openai() && self.include_usage;
        self.chunk(pieces, if later { Member::Null } else { Member::Absent }, None)
    }

    fn stated(&self) -> Member<&Usage> {
        Member::There(self.usage)
    }

    fn chunk(&self, pieces: &[Piece<'_>], usage: Member<&Usage>, metadata: Option<About<'_>>) -> Vec<u8> {
        self.frame.around("chat.completion.chunk", pieces, usage, metadata, CHUNK)
    }
}

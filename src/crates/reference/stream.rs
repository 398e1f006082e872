//! A completion as chunks, in the order in which they become ready.

use std::time::Duration;

use super::completion::{About, Frame, Member, shows_reasoning, write_logprobs};
use super::json::Json;
use super::say::{Said, Token};
use super::token;
use super::tool::Call;
use super::transcript::Write;
use super::usage::Usage;

/// What a chunk adds to its choice.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Role,
    Hidden,
    Reasoning(&'a Token<'a>),
    Text(&'a Token<'a>),
    Head(usize, &'a Call<'a>),
    Arguments(usize, &'a Call<'a>, &'a str),
    Finish(&'static str),
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

/// How many steps a choice takes: one for each token of it, and for the head of each call.
pub(super) fn steps_of(said: &Said<'_>) -> usize {
    steps(said, true).len()
}

fn steps<'a>(said: &'a Said<'a>, shown: bool) -> Vec<Step<'a>> {
    let reasoning = said.reasoning.iter().map(|token| if shown { Step::Reasoning(token) } else { Step::Hidden });
    let mut steps: Vec<Step<'_>> = reasoning.chain(said.text.iter().map(Step::Text)).collect();
    for (index, call) in said.calls.iter().enumerate() {
        steps.push(Step::Head(index, call));
        steps.extend(token::tokens(&call.arguments).map(|piece| Step::Arguments(index, call, piece)));
    }
    steps
}

impl Streamed<'_> {
    /// The chunks with their instants, choices side by side: role, pieces, finish; usage at the end, in the openai
    /// dialect where asked, in Pulze's with the metadata in the last chunk.
    pub(super) fn chunks(&self, due: &[Duration]) -> Vec<Write> {
        let at = |step: usize| due.get(step).or(due.last()).copied().unwrap_or_default();
        let shown = |said| shows_reasoning(said, self.frame.contract);
        let choices: Vec<Vec<Step<'_>>> = self.choices.iter().map(|said| steps(said, shown(said))).collect();
        let mut chunks = Vec::new();
        for index in 0..choices.len() {
            chunks.push(Write { at: at(0), bytes: self.piece(index, Step::Role) });
        }
        for step in 0..choices.iter().map(Vec::len).max().unwrap_or(0) {
            for (index, steps) in choices.iter().enumerate() {
                // A token that is not shown takes its time and no chunk.
                if let Some(shown) = steps.get(step).filter(|step| !matches!(step, Step::Hidden)) {
                    chunks.push(Write { at: at(step), bytes: self.piece(index, *shown) });
                }
            }
        }
        let end = due.last().copied().unwrap_or_default();
        for (index, said) in self.choices.iter().enumerate() {
            let last = index + 1 == self.choices.len() && !self.frame.contract.facts.stream_options;
            let (usage, metadata) = if last { (self.stated(), self.metadata) } else { (self.unstated(), None) };
            let finish = |json: &mut Json| self.write(json, index, Step::Finish(said.finish));
            chunks.push(Write { at: end, bytes: self.chunk(Some(finish), usage, metadata) });
        }
        if self.frame.contract.facts.stream_options && self.include_usage {
            chunks.push(Write { at: end, bytes: self.chunk(None::<fn(&mut Json)>, self.stated(), None) });
        }
        chunks
    }

    /// A chunk with one step of one choice.
    fn piece(&self, index: usize, step: Step<'_>) -> Vec<u8> {
        self.chunk(Some(|json: &mut Json| self.write(json, index, step)), self.unstated(), None)
    }

    fn chunk(&self, piece: Option<impl Fn(&mut Json)>, usage: Member<&Usage>, metadata: Option<About<'_>>) -> Vec<u8> {
        let pieces = |json: &mut Json| _ = json.list(piece, |json, write| write(json));
        self.frame.around("chat.completion.chunk", pieces, usage, metadata, CHUNK)
    }

    fn stated(&self) -> Member<&Usage> {
        Member::There(self.usage)
    }

    /// Of a chunk that does not state the usage.
    fn unstated(&self) -> Member<&Usage> {
        if self.frame.contract.facts.stream_options && self.include_usage { Member::Null } else { Member::Absent }
    }

    /// Writes a step of a choice.
    fn write(&self, json: &mut Json, index: usize, step: Step<'_>) {
        json.raw(r#"{"index":"#).value(&index).raw(r#","delta":{"#);
        match step {
            Step::Role => _ = json.raw(r#""role":"assistant","content":"""#),
            Step::Reasoning(token) => _ = json.raw(r#""reasoning_content":"#).text([&*token.text]),
            Step::Text(token) => _ = json.raw(r#""content":"#).text([&*token.text]),
            Step::Head(number, call) => write_piece(json, number, call, true, ""),
            Step::Arguments(number, call, piece) => write_piece(json, number, call, false, piece),
            Step::Hidden | Step::Finish(_) => {}
        }
        let (finish, token) = match step {
            Step::Finish(reason) => (Some(reason), None),
            Step::Text(token) => (None, Some(token).filter(|_| self.logprobs)),
            Step::Role | Step::Hidden | Step::Reasoning(_) | Step::Head(..) | Step::Arguments(..) => (None, None),
        };
        json.raw(r#"},"finish_reason":"#);
        match finish {
            Some(reason) => json.text([reason]),
            None => json.raw("null"),
        };
        if self.frame.contract.facts.logprobs {
            json.raw(r#","logprobs":"#);
            match token {
                Some(token) => write_logprobs(json, std::slice::from_ref(token)),
                None => _ = json.raw("null"),
            }
        }
        json.raw("}");
    }
}

/// Writes a piece of a call; the first one names it.
fn write_piece(json: &mut Json, index: usize, call: &Call<'_>, first: bool, text: &str) {
    let (kind, input) = (call.kind(), call.input_name());
    json.raw(r#""tool_calls":[{"index":"#).value(&index).raw(",");
    if first {
        json.raw(r#""id":"#).text([&*call.id]).raw(r#","type":"#).text([kind]).raw(",");
    }
    json.text([kind]).raw(":{");
    if first {
        json.raw(r#""name":"#).text([call.name]).raw(",");
    }
    json.text([input]).raw(":").text([text]).raw("}}]");
}

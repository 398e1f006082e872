//! What one choice says: its reasoning, its text and its calls, token by token, and why it ends.
//!
//! A message that has "Repeat exactly:" in it is answered with what follows, one that has "Repeat my first message" with
//! the first message of the user, results of tools are quoted, a wanted format is kept; any other answer opens with the
//! first words of the prompt and goes on in the words of the language model.

use std::borrow::Cow;

use memchr::memmem;
use rand_pcg::Pcg64;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::ask::{Ask, Format};
use super::example::Example;
use super::language::{SIZE, Speaker, Word, logprob};
use super::refuse::Refusal;
use super::token;
use super::tool::{Call, Calling};

/// How many opening words of the prompt an answer repeats.
const ECHOED: usize = 6;

/// Probability of a token that is given rather than drawn.
const GIVEN: f64 = 0.9;

/// The order to repeat what follows.
const REPEAT: &str = "Repeat exactly:";

/// The order to repeat what was said first.
const RECALL: &str = "Repeat my first message";

/// What one choice says.
#[derive(Debug)]
pub(super) struct Said<'r> {
    pub(super) reasoning: Vec<Token<'r>>,
    pub(super) text: Vec<Token<'r>>,
    pub(super) calls: Vec<Call<'r>>,
    pub(super) finish: &'static str,
}

/// A token as it is said.
#[derive(Debug, Clone)]
pub(super) struct Token<'r> {
    pub(super) text: Cow<'r, str>,
    probability: f64,
    /// The likeliest tokens in its place, best first, as many as were asked for.
    pub(super) top: Vec<(Cow<'r, str>, f64)>,
}

impl Token<'_> {
    /// Its log probability.
    pub(super) fn logprob(&self) -> f64 {
        logprob(self.probability)
    }
}

impl Said<'_> {
    /// Tokens generated, reasoning included. A call costs those of its name and its arguments.
    pub(super) fn tokens(&self) -> usize {
        self.reasoning.len() + self.text.len() + self.calls.iter().map(tokens_of).sum::<usize>()
    }

    /// How likely a token of it was, on average; what `best_of` compares.
    pub(super) fn score(&self) -> f64 {
        let sum: f64 = self.text.iter().map(Token::logprob).sum();
        sum / self.text.len().max(1) as f64
    }
}

fn tokens_of(call: &Call<'_>) -> usize {
    token::tokens(call.name).count() + token::tokens(&call.arguments).count()
}

/// What all choices of a request share.
#[derive(Debug)]
pub(super) struct Topic<'a, 'r> {
    pub(super) ask: &'a Ask<'r>,
    calling: Option<Calling<'r>>,
    schema: Option<Example<'r>>,
    /// Tokens of an answer that nothing else ends.
    tokens: usize,
}

impl<'a, 'r> Topic<'a, 'r> {
    /// Decides what is to be said.
    ///
    /// # Errors
    /// If the schema of a tool or of the format is none.
    pub(super) fn of(ask: &'a Ask<'r>, tokens: u64) -> Result<Topic<'a, 'r>, Refusal> {
        let calling = Calling::of(ask)?;
        let schema = match ask.format {
            Format::Schema(schema) => Some(Example::new(schema).map_err(|error| unformatted(ask, &error))?),
            Format::Text | Format::JsonObject => None,
        };
        Ok(Topic { ask, calling, schema, tokens: usize::try_from(tokens).unwrap_or(usize::MAX) })
    }

    /// One choice.
    pub(super) fn say(&self, random: &mut Pcg64) -> Result<Said<'r>, Refusal> {
        let ask = self.ask;
        let mut room = ask.cap.unwrap_or(usize::MAX);
        let mut speaker = Speaker::new(&ask.sampling, start(&ask.request.texts));
        let mut reasoning = Vec::new();
        speak(&mut reasoning, ask.reasoning.min(room), &mut speaker, 0, random);
        room -= reasoning.len();
        let cut = reasoning.len() < ask.reasoning;
        let mut said =
            Said { reasoning, text: Vec::new(), calls: Vec::new(), finish: if cut { "length" } else { "stop" } };
        if cut {
            return Ok(said);
        }
        if let Some(calling) = &self.calling {
            said.calls = calling.calls(random)?;
            let whole = shorten(&mut said.calls, room);
            said.finish = if whole { "tool_calls" } else { "length" };
            return Ok(said);
        }
        let (text, whole) = self.text(room, &mut speaker, random)?;
        let ended = if ask.stops.is_empty() { None } else { stop_at(&text, &ask.stops) };
        said.finish = if whole || ended.is_some() { "stop" } else { "length" };
        said.text = ended.unwrap_or(text);
        Ok(said)
    }

    /// The text as far as there is room for it, and whether that is all of it.
    fn text(
        &self,
        room: usize,
        speaker: &mut Speaker<'_>,
        random: &mut Pcg64,
    ) -> Result<(Vec<Token<'r>>, bool), Refusal> {
        let given = match (&self.schema, self.ask.format) {
            (Some(schema), _) => {
                let value = schema.value(random);
                let value = value.ok_or_else(|| unformatted(self.ask, "no value that satisfies it was found"))?;
                Some(Cow::Owned(value.to_string()))
            }
            (None, Format::JsonObject) => Some(Cow::Owned(self.object(speaker, random).to_string())),
            (None, Format::Text | Format::Schema(_)) => self.given(),
        };
        let Some(given) = given else { return Ok(self.words(room, speaker, random)) };
        let mut tokens = self.all_of(given, speaker);
        let whole = tokens.len() <= room;
        tokens.truncate(room);
        Ok((tokens, whole))
    }

    /// An object with an answer in it.
    fn object(&self, speaker: &mut Speaker<'_>, random: &mut Pcg64) -> Value {
        let answer: String = self.words(self.tokens, speaker, random).0.iter().map(|token| &*token.text).collect();
        json!({"answer": answer})
    }

    /// A text that the messages give.
    fn given(&self) -> Option<Cow<'r, str>> {
        if !self.ask.results.is_empty() {
            return Some(Cow::Owned(format!("The tool says: {}", self.ask.results.join("; "))));
        }
        if self.ask.asked.contains(RECALL) {
            return Some(Cow::Borrowed(self.ask.opened));
        }
        let at = memmem::find(self.ask.asked.as_bytes(), REPEAT.as_bytes())?;
        let exact = &self.ask.asked[at + REPEAT.len()..];
        Some(Cow::Borrowed(exact.strip_prefix(' ').unwrap_or(exact)))
    }

    /// The opening words of the prompt, then words of the model.
    fn words(&self, room: usize, speaker: &mut Speaker<'_>, random: &mut Pcg64) -> (Vec<Token<'r>>, bool) {
        let most = self.tokens.min(room);
        let mut text = Vec::with_capacity(most.min(1 << 16));
        if !self.ask.sampling.forces() {
            self.echo(&mut text, most, speaker);
        }
        let left = most - text.len();
        speak(&mut text, left, speaker, self.ask.logprobs.unwrap_or(0), random);
        (text, self.tokens <= room)
    }

    /// The opening words, and one with other letters than ASCII's if there is any further on.
    fn echo(&self, text: &mut Vec<Token<'r>>, most: usize, speaker: &Speaker<'_>) {
        let last = self.ask.request.texts.last().copied().unwrap_or_default();
        let opening = opening(last);
        text.extend(token::tokens(opening).take(most).filter_map(|t| self.aside(Cow::Borrowed(t), speaker)));
        if opening.is_ascii() && !last.is_ascii() {
            let foreign = last.split_whitespace().find(|word| !word.is_ascii()).unwrap_or_default();
            let foreign = format!(" {foreign}");
            let tokens = token::tokens(&foreign).take(most - text.len());
            text.extend(tokens.filter_map(|token| self.aside(Cow::Owned(token.to_owned()), speaker)));
        }
    }

    fn all_of(&self, text: Cow<'r, str>, speaker: &Speaker<'_>) -> Vec<Token<'r>> {
        match text {
            Cow::Borrowed(text) => {
                token::tokens(text).filter_map(|token| self.aside(Cow::Borrowed(token), speaker)).collect()
            }
            Cow::Owned(text) => {
                token::tokens(&text).filter_map(|token| self.aside(Cow::Owned(token.to_owned()), speaker)).collect()
            }
        }
    }

    /// A token that was not drawn, unless the bias bans it; what the model would have said shares the rest.
    fn aside(&self, text: Cow<'r, str>, speaker: &Speaker<'_>) -> Option<Token<'r>> {
        if self.ask.sampling.bans(&text) {
            return None;
        }
        let top = match self.ask.logprobs {
            None | Some(0) => Vec::new(),
            Some(top) => {
                let rest = speaker.likeliest(top - 1).into_iter();
                let rest = rest.map(|word| (Cow::Borrowed(word.token), logprob(word.probability) + (1.0 - GIVEN).ln()));
                std::iter::once((text.clone(), GIVEN.ln())).chain(rest).collect()
            }
        };
        Some(Token { text, probability: GIVEN, top })
    }
}

/// Where the words begin: the same prompt begins with the same ones, so that without chance the answer is the same.
fn start(texts: &[&str]) -> usize {
    usize::try_from(xxh3_64(texts.join("\n").as_bytes()) % SIZE as u64).unwrap_or(0)
}

fn unformatted(ask: &Ask<'_>, message: &str) -> Refusal {
    Refusal::parameter(ask.contract, "/response_format/json_schema/schema", message)
}

/// The opening words of a text.
pub(super) fn opening(text: &str) -> &str {
    let text = text.trim_start();
    let mut words = text.split_whitespace();
    let last = words.nth(ECHOED - 1);
    match last {
        // The word is a part of the text, so its end is a place in it.
        Some(word) => &text[..word.as_ptr().addr() - text.as_ptr().addr() + word.len()],
        None => text.trim_end(),
    }
}

/// Goes on in words of the model; the first word of a text has no space before it.
fn speak(text: &mut Vec<Token<'_>>, count: usize, speaker: &mut Speaker<'_>, top: usize, random: &mut Pcg64) {
    for _ in 0..count {
        let (word, best) = speaker.next(top, random);
        let written = |word: Word| Cow::Borrowed(if text.is_empty() { word.token.trim_start() } else { word.token });
        // Hardly any request asks for alternatives, and collecting none costs more than asking.
        let top = match top {
            0 => Vec::new(),
            _ => best.into_iter().map(|word| (written(word), logprob(word.probability))).collect(),
        };
        let word = Token { text: written(word), probability: word.probability, top };
        text.push(word);
    }
}

/// Cuts the calls to the tokens that there is room for; whether they are whole.
fn shorten(calls: &mut Vec<Call<'_>>, room: usize) -> bool {
    let mut left = room;
    for place in 0..calls.len() {
        let name = token::tokens(calls[place].name).count();
        let arguments = token::tokens(&calls[place].arguments).count();
        if name + arguments > left {
            let kept: String = token::tokens(&calls[place].arguments).take(left.saturating_sub(name)).collect();
            calls[place].arguments = kept;
            // A call of which not even the name fits is not begun.
            calls.truncate(place + usize::from(left >= name));
            return false;
        }
        left -= name + arguments;
    }
    true
}

/// The tokens before the first stop sequence, which is not part of the text; none where there is none.
fn stop_at<'r>(tokens: &[Token<'r>], stops: &[&str]) -> Option<Vec<Token<'r>>> {
    let text: String = tokens.iter().map(|token| &*token.text).collect();
    let mut left = stops.iter().filter_map(|stop| text.find(stop)).min()?;
    let mut kept = Vec::new();
    for token in tokens {
        if left == 0 {
            break;
        }
        let mut token = token.clone();
        if token.text.len() > left {
            // A stop sequence begins at a character, so the cut is at one.
            token.text = Cow::Owned(token.text[..left].to_owned());
        }
        left -= token.text.len();
        kept.push(token);
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn said(body: &Value) -> (String, &'static str, usize) {
        let contract = crate::samples::openai();
        let ask = Ask::of(body, &contract).expect("a good request");
        let topic = Topic::of(&ask, 20).expect("good schemas");
        let said = topic.say(&mut Pcg64::seed_from_u64(1)).expect("an answer");
        (said.text.iter().map(|token| &*token.text).collect(), said.finish, said.tokens())
    }

    fn body(message: &str) -> Value {
        json!({"model": "m", "messages": [{"role": "user", "content": message}]})
    }

    #[test]
    fn an_answer_opens_with_the_prompt_and_ends_at_its_tokens() {
        let (text, finish, tokens) = said(&body("one two  three four five six seven"));
        assert!(text.starts_with("one two  three four five six ") && !text.contains("seven"), "{text}");
        assert_eq!((finish, tokens), ("stop", 20));
        assert!(said(&body("please say 世界 when all is well again, über alles")).0.contains("世界"));
        assert!(said(&body("a b c d e f g 世界 h")).0.contains("f 世界"));
    }

    #[test]
    fn the_cap_counts_tokens_and_the_stop_is_not_in_the_text() {
        let capped = |cap| {
            let mut body = body("one two three four five six");
            body["max_tokens"] = json!(cap);
            said(&body)
        };
        assert_eq!(capped(3), ("one two three".to_owned(), "length", 3));
        assert_eq!((capped(20).1, capped(19).1), ("stop", "length"));
        let mut stopped = body("one two three four five six");
        stopped["stop"] = json!(["six", "ur f"]);
        assert_eq!(said(&stopped), ("one two three fo".to_owned(), "stop", 4));
    }

    #[test]
    fn what_is_to_be_repeated_is_repeated_exactly() {
        let exact = "  Grüße,\n\t世界 🌍👩‍👩‍👧 \u{301}  ";
        assert_eq!(said(&body(&format!("x Repeat exactly: {exact}"))).0, exact);
    }

    #[test]
    fn capped_calls_are_cut_in_their_arguments() {
        let call = || Call { id: "c".into(), name: "get", arguments: "{\"city\":\"Paris\"}".into(), custom: false };
        let mut calls = vec![call(), call()];
        assert!(shorten(&mut calls, tokens_of(&call()) * 2));
        assert!(!shorten(&mut calls, tokens_of(&call()) + 3));
        assert_eq!((calls.len(), calls[1].arguments.as_str()), (2, "{\""));
        assert!(!shorten(&mut calls, 0) && calls.is_empty());
    }
}

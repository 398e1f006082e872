//! The outputs of a stream, put together from the pieces that its events bring.

use std::collections::BTreeMap;

use super::call::CallPiece;
use super::chunk::updates;
use super::content::Content;
use super::lone::Part;
use super::output::{Call, Choice, Fragment, Spoken};
use crate::json::Value;

/// The choices on their way, in the order in which they came. They are large, so that a map holds their places only.
#[derive(Debug, Default)]
pub struct Joined {
    all: Vec<Joining>,
    places: BTreeMap<u64, usize>,
}

impl Joined {
    /// Adds what the chunk of an event brings.
    pub fn add(&mut self, chunk: &Value, event: usize) {
        for (position, update) in updates(chunk).enumerate() {
            let index = update.index();
            let joining = self.entry(index);
            joining.choice.index = index;
            if let Some(reason) = update.finish() {
                joining.choice.finish = Some(reason.to_owned());
            }
            if let Some(content) = update.content() {
                joining.append(content, event, position);
            }
        }
    }

    /// Adds a text to a choice of which something came before.
    pub fn add_text(&mut self, choice: u64, part: Part, text: &str) {
        let place = self.places.get(&choice).copied();
        if let Some(Joining { choice, .. }) = place.and_then(|place| self.all.get_mut(place)) {
            let joined = match part {
                Part::Content => &mut choice.content,
                Part::Reasoning => &mut choice.reasoning,
            };
            joined.push_str(text);
        }
    }

    /// The choices, by index.
    pub fn choices(self) -> Vec<Choice> {
        let mut choices: Vec<Choice> = self.all.into_iter().map(|joining| joining.choice).collect();
        choices.sort_by_key(|choice| choice.index);
        choices
    }

    /// The choice of an index, a new one where there is none yet.
    fn entry(&mut self, index: u64) -> &mut Joining {
        let place = *self.places.entry(index).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push(Joining::default());
        }
        &mut self.all[place]
    }
}

/// A choice on its way. However many pieces it has, each finds its call at once.
#[derive(Debug, Default)]
struct Joining {
    choice: Choice,
    /// The newest call of each index.
    by_index: BTreeMap<u64, usize>,
    /// Which fragment of each call first had an id.
    named: Vec<Option<usize>>,
}

/// What comes behind the end of a spoken answer takes that end back.
fn append_audio(spoken: &mut Option<Spoken>, content: Content<'_>) {
    let Some(audio) = content.audio() else {
        if let Some(spoken) = spoken.as_mut().filter(|_| content.says_something()) {
            spoken.expires = false;
        }
        return;
    };
    let spoken = spoken.get_or_insert_default();
    spoken.transcript.push_str(audio.transcript);
    spoken.data += audio.data.len();
    spoken.expires = audio.expires && !content.says_something();
}

impl Joining {
    fn append(&mut self, content: Content<'_>, event: usize, choice_at: usize) {
        let choice = &mut self.choice;
        choice.content.extend(content.texts());
        choice.reasoning.extend(content.thoughts());
        choice.refusal.push_str(content.refusal().unwrap_or_default());
        if let Some([name, arguments]) = content.function_call() {
            let call = choice.function_call.get_or_insert_default();
            call.name = call.name.take().or_else(|| name.map(str::to_owned));
            call.arguments.get_or_insert_default().push_str(arguments.unwrap_or_default());
        }
        append_audio(&mut choice.audio, content);
        for (number, piece) in content.calls().enumerate() {
            self.append_call(piece, event, [choice_at, number]);
        }
    }

    fn append_call(&mut self, piece: CallPiece<'_>, event: usize, place: [usize; 2]) {
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let [name, arguments] = piece.called();
        let fragment = Fragment {
            event,
            place,
            index: piece.index(),
            id: filled(piece.id()),
            kind: filled(piece.kind()),
            name: filled(name),
        };
        let position = self.position(&fragment);
        if position == self.choice.calls.len() {
            self.choice.calls.push(Call::default());
            self.named.push(None);
            fragment.index.and_then(|index| self.by_index.insert(index, position));
        }
        let call = &mut self.choice.calls[position];
        call.id = call.id.take().or_else(|| piece.id().map(str::to_owned));
        call.kind = call.kind.take().or_else(|| fragment.kind.clone());
        call.name = call.name.take().or_else(|| fragment.name.clone());
        if let Some(arguments) = arguments {
            call.arguments.get_or_insert_default().push_str(arguments);
        }
        if fragment.id.is_some() {
            self.named[position].get_or_insert(call.fragments.len());
        }
        call.fragments.push(fragment);
    }

    /// Which call a fragment belongs to: that of its index, unless it opens another under the same index with a new id
    /// (Ollama, ollama/ollama#15457); without an index, the last one, unless it brings a new id.
    fn position(&self, fragment: &Fragment) -> usize {
        let calls = &self.choice.calls;
        let candidate = match fragment.index {
            Some(index) => self.by_index.get(&index).copied(),
            None => calls.len().checked_sub(1),
        };
        let opens_another = |position: usize| {
            let known = self.named[position].and_then(|named| calls[position].fragments[named].id.as_ref());
            fragment.id.is_some() && fragment.name.is_some() && known.is_some() && known != fragment.id.as_ref()
        };
        candidate.filter(|position| !opens_another(*position)).unwrap_or(calls.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn pieces_become_choices_by_index() {
        let mut joined = Joined::default();
        joined.add(&made!({"choices": [{"index": 1, "delta": {"content": "b"}}, {"delta": {"reasoning": "a"}}]}), 0);
        joined.add_text(1, Part::Content, "c");
        joined.add_text(0, Part::Reasoning, "d");
        joined.add_text(7, Part::Content, "of a choice that never came");
        joined.add(&made!({"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}), 3);
        let choices = joined.choices();
        let read: Vec<_> =
            choices.iter().map(|c| (c.index, c.texts().collect::<String>(), c.finish.as_deref())).collect();
        assert_eq!(read, [(0, "ad".to_owned(), None), (1, "bc".to_owned(), Some("stop"))]);
    }

    #[test]
    fn a_new_id_opens_another_call_also_under_the_index_of_one() {
        let piece = |id: &str, name: &str, arguments: &str| {
            made!({"choices": [{"delta": {"tool_calls": [
                {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}]}}]})
        };
        let mut joined = Joined::default();
        for (event, chunk) in [piece("a", "f", "{"), piece("", "", "}"), piece("b", "g", "[]")].iter().enumerate() {
            joined.add(chunk, event);
        }
        let choices = joined.choices();
        let calls: Vec<_> =
            choices[0].calls.iter().map(|call| (call.id.as_deref(), call.arguments.as_deref())).collect();
        assert_eq!(calls, [(Some("a"), Some("{}")), (Some("b"), Some("[]"))]);
        assert_eq!(choices[0].calls[0].fragments.len(), 2);
    }
}

//! Rules about stop sequences.
//!
//! The same question is asked without any (`stop-control`): what that answer does not have cannot end the other one.

use crate::book::{accepted, each, sent};
use crate::exchange::Choice;
use crate::probe::Probe;
use crate::request::probes::{STOP_CONTROL, STOP1, STOP1_STREAM, STOPN};
use crate::source::Source;
use crate::wire::json::{Members, Value};
use crate::{Book, Check, INCOMPLETE, Judge, NO_COMPLETION, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "req-stop-string",
        rule: "nothing comes behind a stop sequence",
        levels: levels("S/M"),
        tier: tier("C*"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&STOP_CONTROL, &STOP1], |book| judged(book, &STOP1, goes_on)),
        across: None,
    },
    Check {
        id: "req-stop-array",
        rule: "the earliest of several stop sequences ends the text",
        levels: levels("S/M"),
        tier: tier("F*"),
        sources: &[Source::PULZE_SDKS.note("union"), Source::OPENAI],
        judge: Judge::Probes(&[&STOP_CONTROL, &STOPN], |book| judged(book, &STOPN, goes_on)),
        across: None,
    },
    Check {
        id: "req-stop-excluded",
        rule: "the stop sequence is not in the text",
        levels: levels("S/M"),
        tier: tier("C*"),
        sources: &[
            Source::OPENAI.note("\"will not contain the stop sequence\""),
            Source::issue("huggingface/text-generation-inference", 1724),
        ],
        judge: Judge::Probes(&[&STOP_CONTROL, &STOP1], |book| judged(book, &STOP1, contains)),
        across: None,
    },
    Check {
        id: "req-stop-reason",
        rule: "a text that a stop sequence ends has finish_reason stop",
        levels: levels("S/M"),
        tier: tier("C*"),
        sources: &[Source::OPENAI, Source::issue("Blaizzy/mlx-vlm", 1044).note("ignored")],
        judge: Judge::Probes(&[&STOP_CONTROL, &STOP1], |book| judged(book, &STOP1, other_reason)),
        across: None,
    },
    Check {
        id: "req-stop-stream",
        rule: "a stream shows neither the stop sequence nor the beginning of it",
        levels: levels("S/M"),
        tier: tier("F*"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&STOP_CONTROL, &STOP1_STREAM], |book| judged(book, &STOP1_STREAM, shows_a_part)),
        across: None,
    },
];

/// What is wrong with a choice that one of these sequences should have ended.
type Fault = fn(&Choice, &[String]) -> Option<String>;

fn judged(book: &Book<'_>, probe: &Probe, fault: Fault) -> Verdict {
    let free = book.reply(&STOP_CONTROL).and_then(|reading| reading.choices.first());
    each(book.replies(probe), |reading| {
        if !reading.success() {
            return accepted(std::slice::from_ref(reading));
        }
        if !reading.complete() {
            return Verdict::Skip(INCOMPLETE);
        }
        let Some(choice) = reading.choices.first() else { return Verdict::Skip(NO_COMPLETION) };
        let stops = sequences(&sent(reading));
        if !free.is_some_and(|free| stops.iter().any(|stop| free.content.contains(stop.as_str()))) {
            return Verdict::Skip("the text without stop has no stop sequence either");
        }
        match fault(choice, &stops) {
            Some(detail) => Verdict::broken("/choices/0", detail),
            None => Verdict::Pass,
        }
    })
}

/// The stop sequences of a request.
fn sequences(body: &Value) -> Vec<String> {
    let list = match body.member("stop") {
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        Some(list) => list.as_array().map_or(&[][..], Vec::as_slice),
        None => &[],
    };
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The first of the sequences in the text: where it begins, and where it ends.
fn first(text: &str, stops: &[String]) -> Option<(usize, usize)> {
    stops.iter().filter_map(|stop| text.find(stop.as_str()).map(|at| (at, at + stop.len()))).min()
}

fn goes_on(choice: &Choice, stops: &[String]) -> Option<String> {
    let (_, end) = first(&choice.content, stops)?;
    let rest = choice.content[end..].trim();
    (!rest.is_empty()).then(|| format!("{rest:?} comes behind the stop sequence"))
}

fn contains(choice: &Choice, stops: &[String]) -> Option<String> {
    first(&choice.content, stops).map(|_| format!("the stop sequence is in {:?}", choice.content))
}

fn other_reason(choice: &Choice, _: &[String]) -> Option<String> {
    let finish = choice.finish.as_deref().unwrap_or("none");
    (finish != "stop").then(|| format!("expected finish_reason \"stop\", got {finish:?}"))
}

fn shows_a_part(choice: &Choice, stops: &[String]) -> Option<String> {
    if let Some(detail) = contains(choice, stops) {
        return Some(detail);
    }
    let beginnings = stops.iter().flat_map(|stop| stop.char_indices().skip(1).map(|(end, _)| &stop[..end]));
    let shown = beginnings.filter(|part| choice.content.ends_with(part)).max_by_key(|part| part.len())?;
    Some(format!("{shown:?}, with which the stop sequence begins, ends {:?}", choice.content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json::made;

    fn choice(content: &str) -> Choice {
        Choice { content: content.to_owned(), finish: Some("stop".to_owned()), ..Choice::default() }
    }

    #[test]
    fn a_stop_sequence_ends_the_text_and_is_not_in_it() {
        let stops = ["STOPHERE".to_owned(), "omega".to_owned()];
        for fault in [goes_on as Fault, contains, other_reason, shows_a_part] {
            assert_eq!(fault(&choice("alpha "), &stops), None);
        }
        assert!(goes_on(&choice("alpha STOPHERE omega"), &stops).is_some());
        assert!(goes_on(&choice("alpha STOPHERE "), &stops).is_none());
        assert!(contains(&choice("alpha STOPHERE "), &stops).is_some());
        assert!(shows_a_part(&choice("alpha STOP"), &stops).is_some());
        let cut = Choice { finish: Some("length".to_owned()), ..choice("alpha ") };
        assert!(other_reason(&cut, &stops).is_some());
    }

    #[test]
    fn one_sequence_is_a_list_of_one() {
        assert_eq!(sequences(&made!({"stop": "x"})), ["x"]);
        assert_eq!(sequences(&made!({"stop": ["x", "y"]})), ["x", "y"]);
        assert!(sequences(&made!({"stop": null})).is_empty());
    }
}

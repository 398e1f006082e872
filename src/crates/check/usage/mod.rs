//! Rules about token counts.

use super::{Check, Fault, Finding, Judge, NO_COMPLETION, Verdict, levels, shown, tier};
use crate::exchange::{Choice, Reading};
use crate::source::Source;
use crate::wire::api::usage::Usage;
use crate::wire::contract::facts::Counts;
use crate::wire::json;
use crate::wire::json::{Members, Value};

pub(super) mod probed;
pub(crate) mod probes;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "usage-present",
        rule: "a whole completion has usage",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI.note("schema: optional")],
        judge: Judge::Reply(present),
        across: None,
    },
    Check {
        id: "usage-numbers",
        rule: "the three counts are numbers of 0 or more, and integers",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::SEED.note("numbers"),
            Source::OPENAI.note("integers"),
            Source::pull("huggingface/text-generation-inference", 3003),
        ],
        judge: Judge::Reply(numbers),
        across: None,
    },
    Check {
        id: "usage-total-is-sum",
        rule: "total_tokens is prompt_tokens plus completion_tokens",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::issue("langgenius/dify", 19175),
            Source::issue("mozilla-ai/any-llm", 1290),
            Source::issue("QuantumNous/new-api", 1358),
        ],
        judge: Judge::Reply(total_is_sum),
        across: None,
    },
    Check {
        id: "usage-prompt-positive",
        rule: "prompt_tokens is more than 0",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::project("ollama/ollama").note("0 when the prompt is cached"),
            Source::PULZE_SDKS.note("default 0"),
        ],
        judge: Judge::Reply(prompt_positive),
        across: None,
    },
    Check {
        id: "usage-completion-positive",
        rule: "completion_tokens is more than 0 where text came",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("default 0")],
        judge: Judge::Reply(completion_positive),
        across: None,
    },
    Check {
        id: "usage-within-cap",
        rule: "completion_tokens is at most the cap asked for, times n",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(within_cap),
        across: None,
    },
    Check {
        id: "usage-cap-hit-length",
        rule: "an answer that the cap ended has as many tokens as the cap",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Reply(cap_hit_length),
        across: None,
    },
    Check {
        id: "usage-length-cap-hit",
        rule: "an answer of as many tokens as the cap that breaks off has finish_reason length",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::issue("MiaAI-Lab/DeepSeek-v4-Flash-DSpark-2x-DGX-Spark", 55)],
        judge: Judge::Reply(length_cap_hit),
        across: None,
    },
    Check {
        id: "usage-details-bounds",
        rule: "details are 0 or more, cached tokens at most the prompt's, reasoning tokens at most the completion's",
        levels: levels("-/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Reply(details_bounds),
        across: None,
    },
    Check {
        id: "usage-plausible-size",
        rule: "completion_tokens is between characters / 12 and characters + 16",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(plausible_size),
        across: None,
    },
];

const NO_USAGE: &str = "the reply states no usage";
const MEMBERS: [&str; 3] = ["prompt_tokens", "completion_tokens", "total_tokens"];

/// The last `usage` object of the reply, whatever is in it.
fn raw<'r>(reading: &'r Reading<'_>) -> Option<&'r Value> {
    reading.bodies().rev().find_map(|body| body.member("usage").filter(|usage| !usage.is_null()))
}

fn present(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let usage = completion.member("usage");
    Verdict::holds(usage.is_some_and(Value::is_object), "/usage", || {
        format!("expected an object, got {}", shown(usage))
    })
}

/// Counts that are no integers are broken in the openai dialect and a warning in Pulze's, whose schema says `number`.
fn numbers(reading: &Reading<'_>) -> Verdict {
    let Some(usage) = raw(reading) else { return Verdict::Skip(NO_USAGE) };
    let any = reading.exchange.asked.wanted.contract.facts.usage_counts == Counts::Number;
    let mut wrong = Vec::new();
    let mut fractional = None;
    for member in MEMBERS {
        let place = format!("/usage/{member}");
        match usage.get(member) {
            None | Some(Value::Null) if any => {}
            count => match count.and_then(Value::as_f64) {
                Some(number) if number >= 0.0 && number.fract() == 0.0 => {}
                Some(number) if number >= 0.0 && any => fractional = Some((place, number)),
                _ => wrong.push(Finding::new(place, format!("expected an integer of 0 or more, got {}", shown(count)))),
            },
        }
    }
    match fractional {
        Some((place, number)) if wrong.is_empty() => Verdict::warning(place, format!("{number} is no integer")),
        _ => Verdict::of(wrong),
    }
}

fn total_is_sum(reading: &Reading<'_>) -> Verdict {
    let Some(usage) = reading.usage else { return Verdict::Skip(NO_USAGE) };
    let sum = usage.prompt + usage.completion;
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
    if near(usage.total, sum) {
        return Verdict::Pass;
    }
    let (prompt, completion, total) = (usage.prompt, usage.completion, usage.total);
    let detail = format!("expected {sum}, as {prompt} + {completion}, got {total}");
    if usage.reasoning.is_some_and(|reasoning| near(usage.total, sum + reasoning)) {
        return Verdict::warning("/usage/total_tokens", format!("additive reasoning: {detail}"));
    }
    Verdict::broken("/usage/total_tokens", detail)
}

fn prompt_positive(reading: &Reading<'_>) -> Verdict {
    let Some(usage) = reading.usage else { return Verdict::Skip(NO_USAGE) };
    Verdict::holds(usage.prompt > 0.0, "/usage/prompt_tokens", || format!("got {}", usage.prompt))
}

fn completion_positive(reading: &Reading<'_>) -> Verdict {
    let Some(usage) = reading.usage else { return Verdict::Skip(NO_USAGE) };
    if characters(reading) == 0 {
        return Verdict::Skip("the answer is empty");
    }
    Verdict::holds(usage.completion > 0.0, "/usage/completion_tokens", || {
        format!("text came, but got {}", usage.completion)
    })
}

fn within_cap(reading: &Reading<'_>) -> Verdict {
    let Some(usage) = reading.usage else { return Verdict::Skip(NO_USAGE) };
    let asked = &reading.exchange.asked;
    let Some(cap) = asked.cap else { return Verdict::Skip("no cap was asked for") };
    let limit = cap.saturating_mul(asked.wanted.n) as f64;
    Verdict::holds(usage.completion <= limit, "/usage/completion_tokens", || {
        format!("at most {limit}, got {}", usage.completion)
    })
}

/// The tokens that were generated and the most that there may be, of a reply with usage under a cap.
fn against_cap(reading: &Reading<'_>) -> Result<(Usage, f64), &'static str> {
    let usage = reading.usage.ok_or(NO_USAGE)?;
    let asked = &reading.exchange.asked;
    let cap = asked.cap.ok_or("no cap was asked for")?;
    Ok((usage, cap.saturating_mul(asked.wanted.n) as f64))
}

/// The smallest context window that a model is served with; beyond it, the window may have ended the answer.
const SMALLEST_WINDOW: f64 = 256.0;

/// One token less is the one that ends a text. A call's markup is not counted everywhere, nor is reasoning.
fn cap_hit_length(reading: &Reading<'_>) -> Verdict {
    let (usage, limit) = match against_cap(reading) {
        Ok(found) => found,
        Err(reason) => return Verdict::Skip(reason),
    };
    if reading.choices.is_empty() || !reading.choices.iter().all(Choice::is_cut) {
        return Verdict::Skip("the cap ended no answer, or not all");
    }
    let reasoned = usage.reasoning.is_some_and(|tokens| tokens > 0.0);
    if reasoned || reading.choices.iter().any(|choice| !choice.calls.is_empty() || !choice.reasoning.is_empty()) {
        return Verdict::Skip("the reply is more than text");
    }
    let slack = reading.choices.len() as f64;
    if usage.completion + slack < limit && usage.total >= SMALLEST_WINDOW {
        return Verdict::Skip("the context may have ended the answer");
    }
    let hit = usage.completion + slack >= limit && usage.completion <= limit;
    Verdict::holds(hit, "/usage/completion_tokens", || {
        format!("finish_reason says that the cap was reached: expected {limit}, got {}", usage.completion)
    })
}

/// An answer may happen to end at the cap, so only one that breaks off shows that it was cut.
fn length_cap_hit(reading: &Reading<'_>) -> Verdict {
    let (usage, limit) = match against_cap(reading) {
        Ok(found) => found,
        Err(reason) => return Verdict::Skip(reason),
    };
    let [choice] = reading.choices.as_slice() else { return Verdict::Skip("not one choice") };
    if usage.completion < limit {
        return Verdict::Skip("fewer tokens than the cap were used");
    }
    let finish = choice.finish.as_deref().unwrap_or("none");
    let ended = matches!(finish, "stop" | "tool_calls");
    Verdict::holds(!(ended && breaks_off(choice)), "/choices/0/finish_reason", || {
        format!("{} tokens under a cap of {limit}, and the answer breaks off: got {finish:?}", usage.completion)
    })
}

/// Whether the last call has arguments that are no JSON, or the text ends in the middle of a sentence.
fn breaks_off(choice: &Choice) -> bool {
    match choice.calls.last() {
        Some(call) => call.arguments.as_deref().is_some_and(|arguments| json::read(arguments.as_bytes()).is_err()),
        None => choice.content.trim_end().ends_with(char::is_alphanumeric),
    }
}

/// Where the total counts reasoning beside the completion, so does that rule, as a warning.
fn details_bounds(reading: &Reading<'_>) -> Verdict {
    let (Some(usage), Some(raw)) = (reading.usage, raw(reading)) else { return Verdict::Skip(NO_USAGE) };
    let (mut any, mut findings) = (false, Vec::new());
    for details in ["prompt_tokens_details", "completion_tokens_details"] {
        for (name, count) in raw.get(details).and_then(Value::as_object).into_iter().flatten() {
            any = true;
            if count.as_f64().is_some_and(|count| count < 0.0) {
                let detail = format!("expected 0 or more, got {count}");
                findings.push(Finding::new(format!("/usage/{details}/{name}"), detail).kind(Fault::WrongValue));
            }
        }
    }
    if !any {
        return Verdict::Skip("the usage has no details");
    }
    if let Some(cached) = usage.cached.filter(|cached| *cached > usage.prompt) {
        let detail = format!("expected at most the {} tokens of the prompt, got {cached}", usage.prompt);
        let place = "/usage/prompt_tokens_details/cached_tokens";
        findings.push(Finding::new(place, detail).kind(Fault::Contradiction));
    }
    let Some(reasoning) = usage.reasoning.filter(|reasoning| *reasoning > usage.completion) else {
        return Verdict::distinct(findings);
    };
    let place = "/usage/completion_tokens_details/reasoning_tokens";
    let detail = format!("expected at most the {} tokens of the completion, got {reasoning}", usage.completion);
    if usage.total < usage.prompt + usage.completion + reasoning {
        findings.push(Finding::new(place, detail).kind(Fault::Contradiction));
    } else if findings.is_empty() {
        return Verdict::warning(place, detail).kind(&Fault::Contradiction);
    }
    Verdict::distinct(findings)
}

/// Characters of everything the model produced.
fn characters(reading: &Reading<'_>) -> usize {
    let count = |text: &str| text.chars().count();
    reading
        .choices
        .iter()
        .map(|choice| {
            let calls =
                choice.calls.iter().flat_map(|call| [call.name.as_deref(), call.arguments.as_deref()]).flatten();
            count(&choice.content) + count(&choice.reasoning) + count(&choice.refusal) + calls.map(count).sum::<usize>()
        })
        .sum()
}

/// The ratio says nothing of reasoning that is not shown, of tool calls, whose markup is not shown either, nor of
/// scripts whose characters take several tokens.
fn plausible_size(reading: &Reading<'_>) -> Verdict {
    let Some(usage) = reading.usage else { return Verdict::Skip(NO_USAGE) };
    if usage.reasoning.is_some_and(|tokens| tokens > 0.0)
        || reading.choices.iter().any(|choice| !choice.reasoning.is_empty())
    {
        return Verdict::Skip("the reply has reasoning");
    }
    if reading.choices.iter().any(|choice| !choice.calls.is_empty()) {
        return Verdict::Skip("the reply has tool calls");
    }
    if reading.choices.iter().any(|choice| choice.content.chars().any(|c| !is_latin(c))) {
        return Verdict::Skip("the text is not Latin alone");
    }
    let characters = characters(reading) as f64;
    if characters == 0.0 {
        return Verdict::Skip("the answer is empty");
    }
    let plausible = (characters / 12.0..=characters + 16.0).contains(&usage.completion);
    Verdict::holds(plausible, "/usage/completion_tokens", || {
        format!("{} tokens for {characters} characters", usage.completion)
    })
}

/// ASCII, Latin-1, Latin Extended and general punctuation.
fn is_latin(c: char) -> bool {
    c <= '\u{24F}' || ('\u{2000}'..='\u{206F}').contains(&c)
}

//! Rules about how much is answered: the cap on tokens, and the number of choices.

use std::collections::BTreeSet;

use crate::book::{accepted, came, each, refused};
use crate::exchange::Reading;
use crate::request::probes::{BEST_OF, BEST_OF_LT_N, CAP1, CAP5, CAP5_STREAM, CAPC5, N2};
use crate::source::Source;
use crate::wire::api::reply::choices;
use crate::wire::api::usage::Usage;
use crate::wire::json::{Members, Value};
use crate::{Book, Check, INCOMPLETE, Judge, NO_COMPLETION, Verdict, levels, shown, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "req-max-tokens-honoured",
        rule: "an answer has at most max_tokens tokens",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::PULZE_REFERENCE, Source::OPENAI, Source::issue("vllm-project/vllm-omni", 445)],
        judge: Judge::Probes(&[&CAP5], |book| each(book.replies(&CAP5), capped)),
        across: None,
    },
    Check {
        id: "req-max-tokens-length-reason",
        rule: "an answer that the cap ends has finish_reason length",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_REFERENCE.note("list (length, max_tokens)"),
            Source::OPENAI,
            Source::pull("ikawrakow/ik_llama.cpp", 2321).note("\"stop\" at cap"),
        ],
        judge: Judge::Probes(&[&CAP5], |book| {
            each(book.replies(&CAP5), |reading| length_reason(reading, reading.usage))
        }),
        across: None,
    },
    Check {
        id: "req-max-tokens-length-reason-stream",
        rule: "a stream that the cap ends has finish_reason length",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_REFERENCE.note("list (length, max_tokens)"),
            Source::OPENAI,
            Source::pull("ikawrakow/ik_llama.cpp", 2321).note("\"stop\" at cap"),
        ],
        judge: Judge::Probes(&[&CAP5, &CAP5_STREAM], length_reason_stream),
        across: None,
    },
    Check {
        id: "req-max-completion-tokens",
        rule: "an answer has at most max_completion_tokens tokens",
        levels: levels("-/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::issue("ggml-org/llama.cpp", 13700),
            Source::pull("ggml-org/llama.cpp", 19831),
            Source::issue("vllm-project/vllm", 28266),
        ],
        judge: Judge::Probes(&[&CAPC5], |book| each(book.replies(&CAPC5), capped)),
        across: None,
    },
    Check {
        id: "req-max-tokens-one",
        rule: "max_tokens 1 is accepted and kept",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::PULZE_REFERENCE, Source::OPENAI],
        judge: Judge::Probes(&[&CAP1], |book| each(book.replies(&CAP1), capped)),
        across: None,
    },
    Check {
        id: "req-n-count",
        rule: "n = 2 gets exactly two choices",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::SEED.note("n"),
            Source::PULZE_REFERENCE.note("supports_n"),
            Source::OPENAI,
            Source::issue("ollama/ollama", 7518),
            Source::pull("ollama/ollama", 6948),
            Source::issue("vllm-project/vllm-omni", 4269),
            Source::issue("abetlen/llama-cpp-python", 1906),
        ],
        judge: Judge::Probes(&[&N2], |book| each(book.replies(&N2), |reading| has_choices(reading, 2))),
        across: None,
    },
    Check {
        id: "req-n-indices",
        rule: "n = 2 gets the indices 0 and 1, each once",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::PULZE_SDKS.note("index required"), Source::OPENAI],
        judge: Judge::Probes(&[&N2], |book| each(book.replies(&N2), indices)),
        across: None,
    },
    Check {
        id: "req-best-of-accepted",
        rule: "best_of 2 with n = 1 is accepted and gets one choice",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::SEED, Source::PULZE_REFERENCE],
        judge: Judge::Probes(&[&BEST_OF], |book| each(book.replies(&BEST_OF), |reading| has_choices(reading, 1))),
        across: None,
    },
    Check {
        id: "req-best-of-lt-n",
        rule: "best_of below n is refused",
        levels: levels("Y/-"),
        tier: tier("F"),
        sources: &[
            Source::PULZE_REFERENCE.note("\"return the best n\""),
            Source::OPENAI.note("/completions: must be >= n"),
        ],
        judge: Judge::Probes(&[&BEST_OF, &BEST_OF_LT_N], |book| refused(book.replies(&BEST_OF_LT_N))),
        across: None,
    },
];

/// Characters that a token has at most, on average of an answer, where no usage counts tokens.
const WIDEST: u64 = 8;

fn capped(reading: &Reading<'_>) -> Verdict {
    let Some(cap) = reading.exchange.asked.cap.filter(|_| reading.success()) else {
        return accepted(std::slice::from_ref(reading));
    };
    if let Some(usage) = reading.usage {
        return Verdict::holds(usage.completion <= cap as f64, "/usage/completion_tokens", || {
            format!("expected at most {cap}, got {}", usage.completion)
        });
    }
    let characters =
        |choice: &crate::exchange::Choice| choice.content.chars().count() + choice.reasoning.chars().count();
    let most = reading.choices.iter().map(characters).max().unwrap_or(0) as u64;
    Verdict::holds(most <= cap * WIDEST, "/choices", || format!("{most} characters under a cap of {cap} tokens"))
}

/// Streams seldom state usage; the same question, whole, then tells whether it takes more than the cap.
fn length_reason_stream(book: &Book<'_>) -> Verdict {
    let whole = book.reply(&CAP5).and_then(|reading| reading.usage);
    each(book.replies(&CAP5_STREAM), |reading| length_reason(reading, reading.usage.or(whole)))
}

fn length_reason(reading: &Reading<'_>, usage: Option<Usage>) -> Verdict {
    let Some(choice) = reading.choices.first().filter(|_| reading.success()) else {
        return Verdict::Skip(NO_COMPLETION);
    };
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    let cap = reading.exchange.asked.cap.unwrap_or(0) as f64;
    match usage {
        None => Verdict::Skip("no usage says whether the cap was reached"),
        Some(usage) if usage.completion < cap => Verdict::Skip("fewer tokens than the cap were used"),
        Some(_) => {
            let finish = choice.finish.as_deref().unwrap_or("none");
            let known = &reading.exchange.asked.wanted.contract.facts.cap_finish_reasons;
            Verdict::holds(known.iter().any(|reason| reason == finish), "/choices/0/finish_reason", || {
                format!("expected \"length\" at the cap of {cap} tokens, got {finish:?}")
            })
        }
    }
}

fn has_choices(reading: &Reading<'_>, count: usize) -> Verdict {
    let Some(completion) = reading.completion() else {
        return Verdict::broken("", format!("expected a completion, got {}", came(reading)));
    };
    let found = choices(completion).len();
    Verdict::holds(found == count, "/choices", || format!("expected {count}, got {found}"))
}

fn indices(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let said: Vec<Option<&Value>> = choices(completion).iter().map(|choice| choice.member("index")).collect();
    let known: BTreeSet<u64> = said.iter().filter_map(|index| index.and_then(Value::as_u64)).collect();
    Verdict::holds(said.len() == 2 && known == BTreeSet::from([0, 1]), "/choices", || {
        let said: Vec<String> = said.into_iter().map(shown).collect();
        format!("expected the indices 0 and 1, got {}", said.join(", "))
    })
}

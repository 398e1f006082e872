//! Rules about token counts that take requests of their own.

use crate::basic::probes::BASIC;
use crate::book::each;
use crate::exchange::Reading;
use crate::request::probes::N2;
use crate::source::Source;
use crate::usage::probes::{PROMPT_KNOWN, PROMPT_LONG, TWIN, TWIN_STREAM};
use crate::wire::api::usage::Usage;
use crate::{Book, Check, Judge, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "usage-prompt-monotone",
        rule: "a longer prompt has more tokens",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&BASIC, &PROMPT_LONG], monotone),
        across: None,
    },
    Check {
        id: "usage-prompt-repeatable",
        rule: "the same prompt has the same number of tokens",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&TWIN], repeatable),
        across: None,
    },
    Check {
        id: "usage-prompt-same-in-stream",
        rule: "a prompt has as many tokens in a stream as in a whole reply",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&TWIN, &TWIN_STREAM], same_in_stream),
        across: None,
    },
    Check {
        id: "usage-n-sums",
        rule: "completion_tokens counts all choices",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("billing over all choices")],
        judge: Judge::Probes(&[&N2], |book| each(book.replies(&N2), n_sums)),
        across: None,
    },
    Check {
        id: "usage-ground-truth",
        rule: "prompts of a known length have as many tokens as are known, and at most 3 more",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::project("MoonshotAI/Kimi-Vendor-Verifier").note("the expected number, and up to 3 more")],
        judge: Judge::Probes(&[&PROMPT_KNOWN], ground_truth),
        across: None,
    },
];

const NO_USAGE: &str = "a reply states no usage";
const PROMPT: &str = "/usage/prompt_tokens";

fn monotone(book: &Book<'_>) -> Verdict {
    let usage = |probe| book.reply(probe).and_then(|reading| reading.usage);
    let (Some(short), Some(long)) = (usage(&BASIC), usage(&PROMPT_LONG)) else { return Verdict::Skip(NO_USAGE) };
    each(book.replies(&PROMPT_LONG), |_| {
        Verdict::holds(long.prompt > short.prompt, PROMPT, || {
            format!("{} tokens, and {} for a prompt of a twentieth", long.prompt, short.prompt)
        })
    })
}

/// Some count only what they did not have in a cache (Ollama); where a cache is in play, nothing can be said.
fn is_cached(usage: &Usage) -> bool {
    usage.prompt == 0.0 || usage.cached.is_some_and(|cached| cached > 0.0)
}

/// Holds the prompt tokens of a reply against those of the same prompt.
fn equals(reading: &Reading<'_>, other: Option<Usage>) -> Verdict {
    let (Some(usage), Some(other)) = (reading.usage, other) else { return Verdict::Skip(NO_USAGE) };
    if (usage.prompt - other.prompt).abs() < 0.5 {
        return Verdict::Pass;
    }
    if is_cached(&usage) || is_cached(&other) {
        return Verdict::Skip("the prompt came from a cache");
    }
    Verdict::broken(PROMPT, format!("{} tokens, and {} for the same prompt", usage.prompt, other.prompt))
}

fn repeatable(book: &Book<'_>) -> Verdict {
    let first = book.reply(&TWIN).and_then(|reading| reading.usage);
    each(book.replies(&TWIN), |reading| equals(reading, first))
}

fn same_in_stream(book: &Book<'_>) -> Verdict {
    let whole = book.reply(&TWIN).and_then(|reading| reading.usage);
    each(book.replies(&TWIN_STREAM), |reading| equals(reading, whole))
}

/// A choice that the cap ended has as many tokens as the cap, give or take the one that ends a text.
fn n_sums(reading: &Reading<'_>) -> Verdict {
    let (Some(usage), Some(cap)) = (reading.usage, reading.exchange.asked.cap) else {
        return Verdict::Skip(NO_USAGE);
    };
    let cut = reading.choices.iter().filter(|choice| choice.is_cut()).count();
    if cut < 2 {
        return Verdict::Skip("the cap ended fewer than two choices, so their tokens are not known");
    }
    let least = cut as f64 * cap.saturating_sub(1) as f64;
    Verdict::holds(usage.completion >= least, "/usage/completion_tokens", || {
        format!("expected at least {least} for {cut} choices of {cap} tokens, got {}", usage.completion)
    })
}

/// Models whose tokenizer gives these counts, by the beginning of their name.
const MODELS: [&str; 3] = ["gpt-3.5", "gpt-4", "chatgpt-4o"];

/// Prompts, with their tokens by `OpenAI`'s own account: 3 for a message, 1 for its role, its text, and 3 for the reply.
const KNOWN: [(&str, f64); 2] = [("Hello!", 9.0), ("You are a helpful assistant.\nHello!", 19.0)];

/// What templates may add.
const TOLERANCE: f64 = 3.0;

fn ground_truth(book: &Book<'_>) -> Verdict {
    let name = book.facts.model.rsplit('/').next().unwrap_or_default();
    if !MODELS.iter().any(|known| name.starts_with(known)) {
        return Verdict::Skip("no token counts are known for the model");
    }
    each(book.replies(&PROMPT_KNOWN), |reading| {
        let known = KNOWN.iter().find(|(prompt, _)| *prompt == reading.exchange.asked.wanted.prompt);
        let (Some((prompt, expected)), Some(usage)) = (known, reading.usage) else { return Verdict::Skip(NO_USAGE) };
        let right = (*expected..=expected + TOLERANCE).contains(&usage.prompt);
        Verdict::holds(right, PROMPT, || format!("expected {expected} for {prompt:?}, got {}", usage.prompt))
    })
}

//! Rules about the parameters that shape how tokens are drawn.

use std::collections::{BTreeMap, BTreeSet};

use crate::basic::probes::BASIC;
use crate::book::{accepted, broken_at, each, first_text, refused, sent};
use crate::exchange::Reading;
use crate::sampling::probes::{
    LOGIT_BIAS, LOGIT_BIAS_BAN, LOGIT_BIAS_RANGE, N3, PENALTIES, PENALTIES_RANGE, SEED3, TEMPERATURE_MAX,
    TEMPERATURE_NEGATIVE, TEMPERATURE_OVER_MAX, TOP_P_RANGE, WARM, WARM_NARROW,
};
use crate::source::Source;
use crate::usage::probes::TWIN;
use crate::wire::json::{At, Members, Value};
use crate::{Book, Check, Judge, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "sampling-temperature-zero",
        rule: "temperature 0 is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("[0,1]"), Source::OPENAI],
        judge: Judge::Probes(&[&BASIC], |book| accepted(book.replies(&BASIC))),
        across: None,
    },
    Check {
        id: "sampling-temperature-max",
        rule: "the highest published temperature is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("max 1"), Source::OPENAI.note("max 2")],
        judge: Judge::Probes(&[&TEMPERATURE_MAX], |book| accepted(book.replies(&TEMPERATURE_MAX))),
        across: None,
    },
    Check {
        id: "sampling-temperature-over-max",
        rule: "a temperature above the highest published is refused",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&TEMPERATURE_OVER_MAX], |book| refused(book.replies(&TEMPERATURE_OVER_MAX))),
        across: None,
    },
    Check {
        id: "sampling-temperature-negative",
        rule: "a negative temperature is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&TEMPERATURE_NEGATIVE], |book| refused(book.replies(&TEMPERATURE_NEGATIVE))),
        across: None,
    },
    Check {
        id: "sampling-top-p-range",
        rule: "top_p outside 0 to 1 is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::PULZE_REFERENCE.note("prose"), Source::OPENAI.note("[0,1]")],
        judge: Judge::Probes(&[&TOP_P_RANGE], |book| refused(book.replies(&TOP_P_RANGE))),
        across: None,
    },
    Check {
        id: "sampling-top-p-effect",
        rule: "a tiny top_p makes answers alike",
        levels: levels("Y/Y"),
        tier: tier("X*"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&WARM, &WARM_NARROW], top_p_effect),
        across: None,
    },
    Check {
        id: "sampling-temperature-effect",
        rule: "a high temperature makes answers differ",
        levels: levels("Y/Y"),
        tier: tier("X*"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&WARM], |book| differ(&answers(book.replies(&WARM)))),
        across: None,
    },
    Check {
        id: "sampling-greedy-repeatable",
        rule: "at temperature 0 the same request gets the same text",
        levels: levels("Y/Y"),
        tier: tier("F*"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&TWIN], greedy_repeatable),
        across: None,
    },
    Check {
        id: "sampling-seed-repeatable",
        rule: "the same seed and system_fingerprint give the same text",
        levels: levels("-/S"),
        tier: tier("F*"),
        sources: &[Source::OPENAI.note("\"best effort\"")],
        judge: Judge::Probes(&[&SEED3], seed_repeatable),
        across: None,
    },
    Check {
        id: "sampling-penalties-accepted",
        rule: "penalties of -2, 0 and 2 are accepted",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[Source::SEED.note("[-2,2]"), Source::OPENAI],
        judge: Judge::Probes(&[&PENALTIES], |book| accepted(book.replies(&PENALTIES))),
        across: None,
    },
    Check {
        id: "sampling-penalties-range",
        rule: "a penalty of 2.1 or -2.1 is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&PENALTIES, &PENALTIES_RANGE], |book| refused(book.replies(&PENALTIES_RANGE))),
        across: None,
    },
    Check {
        id: "sampling-logit-bias-accepted",
        rule: "an empty logit_bias is accepted",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[Source::SEED.note("`{}`"), Source::OPENAI],
        judge: Judge::Probes(&[&LOGIT_BIAS], |book| accepted(book.replies(&LOGIT_BIAS))),
        across: None,
    },
    Check {
        id: "sampling-logit-bias-effect",
        rule: "a token with a bias of -100 does not come",
        levels: levels("-/Y"),
        tier: tier("X*"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&LOGIT_BIAS, &LOGIT_BIAS_BAN], |book| each(book.replies(&LOGIT_BIAS_BAN), banned)),
        across: None,
    },
    Check {
        id: "sampling-logit-bias-range",
        rule: "a bias of 101 is refused",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("[-100,100]")],
        judge: Judge::Probes(&[&LOGIT_BIAS, &LOGIT_BIAS_RANGE], |book| refused(book.replies(&LOGIT_BIAS_RANGE))),
        across: None,
    },
    Check {
        id: "sampling-n-choices-independent",
        rule: "the choices of one request are drawn one by one",
        levels: levels("Y/Y"),
        tier: tier("X*"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&N3], |book| each(book.replies(&N3), independent)),
        across: None,
    },
    Check {
        id: "sampling-metadata-temperature-echo",
        rule: "metadata.temperature is the temperature asked for",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("\"Temperature used\"")],
        judge: Judge::Reply(temperature_echo),
        across: None,
    },
];

/// The texts of the replies that have one.
fn answers<'b>(replies: &'b [Reading<'_>]) -> Vec<&'b str> {
    replies
        .iter()
        .filter(|reading| reading.success())
        .filter_map(|reading| reading.choices.first().map(|choice| choice.content.as_str()))
        .filter(|text| !text.is_empty())
        .collect()
}

fn distinct(answers: &[&str]) -> usize {
    answers.iter().collect::<BTreeSet<_>>().len()
}

const TOO_FEW: &str = "too few answers to compare";

fn differ(answers: &[&str]) -> Verdict {
    if answers.len() < 2 {
        return Verdict::Skip(TOO_FEW);
    }
    Verdict::holds(distinct(answers) > 1, "", || format!("{} times {:?}", answers.len(), answers[0]))
}

/// Where the answers are alike anyway, there is nothing that `top_p` could do.
fn top_p_effect(book: &Book<'_>) -> Verdict {
    let [wide, narrow] = [&WARM, &WARM_NARROW].map(|probe| answers(book.replies(probe)));
    if wide.len() != narrow.len() || wide.len() < 2 {
        return Verdict::Skip(TOO_FEW);
    }
    let [wide, narrow] = [distinct(&wide), distinct(&narrow)];
    if wide == 1 && narrow == 1 {
        return Verdict::Skip("the answers are alike without top_p, too");
    }
    Verdict::holds(narrow < wide, "", || format!("{narrow} different answers with top_p 0.0001, {wide} without"))
}

fn greedy_repeatable(book: &Book<'_>) -> Verdict {
    let answers = answers(book.replies(&TWIN));
    if answers.len() < 2 {
        return Verdict::Skip(TOO_FEW);
    }
    Verdict::holds(distinct(&answers) == 1, "", || format!("{:?} and {:?}", answers[0], answers[1]))
}

/// Without a fingerprint nothing says that it was the same backend that answered.
fn seed_repeatable(book: &Book<'_>) -> Verdict {
    let mut texts: BTreeMap<Option<String>, &str> = BTreeMap::new();
    let mut noted = Verdict::Pass;
    for reading in book.replies(&SEED3).iter().filter(|reading| reading.success()) {
        let (Some(completion), Some(choice)) = (reading.completion(), reading.choices.first()) else { continue };
        let fingerprint = completion.member("system_fingerprint").and_then(Value::as_str).map(str::to_owned);
        let before = *texts.entry(fingerprint.clone()).or_insert(&choice.content);
        if before == choice.content {
            continue;
        }
        let detail = format!("{before:?} and {:?}", choice.content);
        match fingerprint {
            Some(same) => return broken_at(reading, "/choices/0", format!("under fingerprint {same:?}: {detail}")),
            None => noted = Verdict::Noted(format!("no system_fingerprint, and the texts differ: {detail}")),
        }
    }
    if texts.is_empty() { Verdict::Skip(TOO_FEW) } else { noted }
}

/// The word whose tokens the request bans stands in quotes in its question.
fn banned(reading: &Reading<'_>) -> Verdict {
    let asked = sent(reading);
    let question = asked.at("/messages/0/content").and_then(Value::as_str).unwrap_or_default();
    let (Some(word), Some(text)) = (question.split('"').nth(1), first_text(reading)) else {
        return Verdict::Skip("no answer to judge");
    };
    Verdict::holds(!text.contains(word), "/choices/0/message/content", || {
        format!("{word:?} is in {text:?} although its tokens are banned")
    })
}

fn independent(reading: &Reading<'_>) -> Verdict {
    let texts: Vec<&str> = reading.choices.iter().map(|choice| choice.content.as_str()).collect();
    differ(&texts)
}

fn temperature_echo(reading: &Reading<'_>) -> Verdict {
    let Some(asked) = reading.exchange.asked.wanted.temperature else {
        return Verdict::Skip("no temperature was asked for");
    };
    match reading.metadata().and_then(|metadata| metadata.member("temperature")).and_then(Value::as_f64) {
        None => Verdict::Skip("metadata has no temperature"),
        Some(said) => Verdict::holds((said - asked).abs() <= 1e-6, "/metadata/temperature", || {
            format!("asked for {asked}, got {said}")
        }),
    }
}

//! The rules of the contract: what is judged on any reply, and what takes a request of its own.
//!
//! Each rule is one [`Check`] with the id it has in the conformance catalogue, in the file of its area. A rule that any
//! reply can break is judged on every reply of a load run and of the conformance suite alike; one that spans the run
//! also says what it remembers of each exchange ([`Across`]), and the summary keeps that, bounded and mergeable. A rule
//! that takes certain requests names the probes that send them and is judged on the [`Book`] of their replies. Rules
//! know no clock, no I/O and no report.

use crate::exchange::Reading;
use crate::probe::Probe;
use wire::Dialect;

mod auth;
mod basic;
pub mod book;
mod error;
pub mod exchange;
mod fault;
mod finding;
pub mod follows;
mod format;
mod http;
mod load;
mod logprobs;
mod markup;
mod metadata;
mod negative;
pub mod pointed;
pub mod probe;
mod request;
mod said;
mod sampling;
pub mod secret;
mod since;
mod stream;
mod tools;
mod usage;
mod verdict;

pub use auth::WRONG_KEY;
pub use book::{Book, Facts};
pub use fault::Fault;
pub use finding::{Finding, Signature};
pub use metadata::headers::LABELS;
pub use negative::TRAVERSAL;
pub use proofload_wire as wire;
pub use stream::probed::REPEATED;
pub use tools::{CITY, NAMED_TOOL, RESULT};
pub use verdict::{DISTINCT, Verdict};

/// How binding a rule is. The level decides what a broken rule means, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Broken means the run fails.
    Must,
    /// Broken is a warning.
    Should,
    /// Reported, never a fault.
    May,
}

impl Level {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::May => "may",
        }
    }

    /// The level of that name.
    pub fn named(name: &str) -> Option<Level> {
        [Level::Must, Level::Should, Level::May].into_iter().find(|level| level.name() == name)
    }
}

/// One rule of the contract.
#[derive(Debug)]
pub struct Check {
    /// Stable id, that of the conformance catalogue; never renamed.
    pub id: &'static str,
    /// The rule in one line.
    pub rule: &'static str,
    /// Level in the pulze, the openai and the openai-strict dialect; none where the rule does not apply.
    levels: [Option<Level>; 3],
    /// Which part of the catalogue it belongs to.
    pub tier: Tier,
    /// Where the rule comes from, in words: what is published, an RFC or WHATWG HTML with the section, the public issue
    /// that proves it worth having, or a client that breaks. A MUST has one that says so.
    pub source: &'static str,
    /// How it is judged.
    pub judge: Judge,
    /// What of each exchange is remembered for the run, for rules that span it.
    pub across: Option<Across>,
}

/// How a rule is judged.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// On any reply.
    Reply(fn(&Reading<'_>) -> Verdict),
    /// On the replies to these probes.
    Probes(&'static [&'static Probe], fn(&Book<'_>) -> Verdict),
    /// On the replies to this probe, a request with one defect, which is in this member of its body. The name is empty
    /// if it is in none.
    Defect(&'static Probe, &'static str, fn(&[Reading<'_>]) -> Verdict),
    /// On the replies to all requests with a defect, as far into the catalogue as the rule itself stands.
    Defects(fn(&Book<'_>) -> Verdict),
    /// On the figures of a load run, by the summary.
    Run,
}

/// Which part of the catalogue a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// How far into the catalogue one must go for it.
    pub depth: Depth,
    /// Whether it depends on the model's cooperation, so that some of several tries are enough.
    pub by_model: bool,
}

/// How far into the catalogue a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Judged by default.
    Core,
    /// Judged by a full check.
    Full,
    /// Judged on request only: costly, or rude to the endpoint.
    Intrusive,
    /// Judged on a load run only.
    Load,
}

impl Depth {
    /// Name in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Depth::Core => "core",
            Depth::Full => "full",
            Depth::Intrusive => "intrusive",
            Depth::Load => "load",
        }
    }
}

impl Check {
    /// Judges one exchange; a rule that takes more than any one reply says nothing of it.
    pub fn judge(&self, reading: &Reading<'_>) -> Verdict {
        match self.judge {
            Judge::Reply(judge) => judge(reading),
            Judge::Probes(..) | Judge::Defect(..) | Judge::Defects(_) | Judge::Run => {
                Verdict::Skip("one reply alone does not tell")
            }
        }
    }

    /// Judges the replies of a conformance run; a rule on any reply, or on a load, says nothing of them together.
    pub fn judge_book(&self, book: &Book<'_>) -> Verdict {
        match self.judge {
            Judge::Probes(_, judge) | Judge::Defects(judge) => judge(book),
            Judge::Defect(probe, _, judge) => judge(book.replies(probe)),
            Judge::Reply(_) | Judge::Run => Verdict::Skip("judged on each reply, or on a load run"),
        }
    }

    /// The probes that it is judged on; none for a rule on any reply.
    pub fn probes(&self, dialect: Dialect) -> Vec<&'static Probe> {
        match self.judge {
            Judge::Probes(probes, _) => probes.to_vec(),
            Judge::Defect(probe, ..) => vec![probe],
            Judge::Defects(_) => negative::all()
                .filter(|(check, ..)| check.level(dialect).is_some() && check.tier.depth <= self.tier.depth)
                .map(|(_, probe, _)| probe)
                .collect(),
            Judge::Reply(_) | Judge::Run => Vec::new(),
        }
    }

    /// The area of the catalogue it belongs to, which its id begins with.
    pub fn area(&self) -> &'static str {
        let prefix = self.id.split('-').next().unwrap_or_default();
        AREAS.iter().find(|(known, _)| *known == prefix).map_or(prefix, |(_, area)| *area)
    }

    /// How binding the rule is in a dialect; none where it does not apply.
    pub fn level(&self, dialect: Dialect) -> Option<Level> {
        match dialect {
            Dialect::Pulze => self.levels[0],
            Dialect::OpenAi => self.levels[1],
            Dialect::OpenAiStrict => self.levels[2],
        }
    }
}

/// What a rule that spans the run remembers of an exchange.
#[derive(Debug, Clone, Copy)]
pub enum Across {
    /// Values none of which may come twice.
    Unique(Level, fn(&Reading<'_>) -> Vec<String>),
    /// Values most of which must differ, in a run of 20 or more.
    Distinct(Level, fn(&Reading<'_>) -> Option<String>),
    /// A key and a value: under one key, the run may see one value only.
    Constant(Level, fn(&Reading<'_>) -> Option<(String, String)>),
    /// A value that must not be the same throughout a run of 20 exchanges or more.
    Varied(Level, fn(&Reading<'_>) -> Option<String>),
}

/// Levels as the catalogue writes them, `M/S` for MUST in pulze and SHOULD in openai; `Y` is MAY, `-` not applicable.
/// The strict dialect takes openai's level, unless a third letter raises it (spec, ruling 10).
const fn levels(text: &str) -> [Option<Level>; 3] {
    let bytes = text.as_bytes();
    [one_level(bytes[0]), one_level(bytes[2]), one_level(bytes[if bytes.len() > 4 { 4 } else { 2 }])]
}

const fn one_level(letter: u8) -> Option<Level> {
    match letter {
        b'M' => Some(Level::Must),
        b'S' => Some(Level::Should),
        b'Y' => Some(Level::May),
        _ => None,
    }
}

/// Tiers as the catalogue writes them: `C`, `F`, `X` or `L`, with `*` for what depends on the model.
const fn tier(text: &str) -> Tier {
    let bytes = text.as_bytes();
    let depth = match bytes[0] {
        b'C' => Depth::Core,
        b'F' => Depth::Full,
        b'X' => Depth::Intrusive,
        _ => Depth::Load,
    };
    Tier { depth, by_model: bytes.len() > 1 }
}

/// What ids begin with, and the area that stands for.
pub const AREAS: [(&str, &str); 14] = [
    ("auth", "auth"),
    ("req", "request"),
    ("sampling", "sampling"),
    ("resp", "format"),
    ("fmt", "format"),
    ("stream", "stream"),
    ("tool", "tools"),
    ("logprobs", "logprobs"),
    ("usage", "usage"),
    ("meta", "metadata"),
    ("err", "error"),
    ("http", "http"),
    ("neg", "negative"),
    ("load", "load"),
];

/// Every rule, in the order of the catalogue.
pub static ALL: &[&[Check]] = &[
    auth::CHECKS,
    request::CHECKS,
    request::accepted::CHECKS,
    request::limits::CHECKS,
    request::stop::CHECKS,
    sampling::CHECKS,
    format::CHECKS,
    format::response::CHECKS,
    format::structured::CHECKS,
    stream::framing::CHECKS,
    stream::chunks::CHECKS,
    stream::cumulative::CHECKS,
    stream::pieces::CHECKS,
    stream::timing::CHECKS,
    stream::probed::CHECKS,
    tools::choice::CHECKS,
    tools::shape::CHECKS,
    tools::arguments::CHECKS,
    tools::finish::CHECKS,
    tools::asked::CHECKS,
    tools::corner::CHECKS,
    tools::turns::CHECKS,
    tools::pieces::CHECKS,
    logprobs::CHECKS,
    usage::CHECKS,
    usage::probed::CHECKS,
    metadata::block::CHECKS,
    metadata::costs::CHECKS,
    metadata::routing::CHECKS,
    metadata::headers::CHECKS,
    metadata::stored::CHECKS,
    error::CHECKS,
    error::CODE,
    error::DEFECTS,
    error::LATER,
    http::CHECKS,
    http::PAGES,
    http::TRANSFER,
    http::CONTENT,
    http::CONNECTION,
    negative::SYNTAX,
    negative::SHAPE,
    negative::VALUE,
    negative::HARSH,
    load::CHECKS,
];

/// The rules that are judged on any reply and have a level in a dialect.
pub fn all(dialect: Dialect) -> impl Iterator<Item = &'static Check> {
    catalogue(dialect).filter(|check| matches!(check.judge, Judge::Reply(_)))
}

/// The rules that have a level in a dialect.
pub fn catalogue(dialect: Dialect) -> impl Iterator<Item = &'static Check> {
    ALL.iter().copied().flatten().filter(move |check| check.level(dialect).is_some())
}

/// The rule of that id.
pub fn find(id: &str) -> Option<&'static Check> {
    ALL.iter().copied().flatten().find(|check| check.id == id)
}

/// A JSON value for a message: short, on one line, and cut where no secret can be cut in two: those have neither blanks
/// nor brackets in them.
fn shown(value: Option<&wire::json::Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => {
            let is_word = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\\' | ',' | ':' | '{' | '}' | '[' | ']');
            format!("{}...", text[..end].trim_end_matches(is_word))
        }
        None => text,
    }
}

/// Whether a rule was skipped since the reply is of a kind that it says nothing of. Where another reply is of that kind, the
/// reason for skipping that one says more.
pub fn is_of_another_kind(skipped: &str) -> bool {
    [error::NO_ERROR, NO_COMPLETION, NO_STREAM].contains(&skipped)
}

const NO_COMPLETION: &str = "no whole completion to judge";
const NO_STREAM: &str = "no stream to judge";
const INCOMPLETE: &str = "the transfer did not complete";

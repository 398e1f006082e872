//! What a rule is: a constant that says what it asks, how binding that is, and how it is judged.

use crate::catalogue::AREAS;
use crate::exchange::Reading;
use crate::probe::Probe;
use crate::source::{self, Source};
use crate::wire::Contract;
use crate::wire::contract::{Level, Root};
use crate::{Book, Verdict, negative};

/// One rule of the contract.
#[derive(Debug)]
pub struct Check {
    /// Stable id; never renamed.
    pub id: &'static str,
    /// The rule in one line.
    pub rule: &'static str,
    /// Level in the root contracts pulze and openai; none where the rule does not apply.
    pub(crate) levels: [Option<Level>; 2],
    /// Which part of the catalogue it belongs to.
    pub tier: Tier,
    /// Where the rule comes from: what is published, an RFC or the HTML standard with the section, the public issue
    /// that proves it worth having, or a client that breaks. A MUST has one that says so.
    pub sources: &'static [Source],
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
    pub fn probes(&self, contract: &Contract) -> Vec<&'static Probe> {
        match self.judge {
            Judge::Probes(probes, _) => probes.to_vec(),
            Judge::Defect(probe, ..) => vec![probe],
            Judge::Defects(_) => negative::all()
                .filter(|(check, ..)| check.level(contract).is_some() && check.tier.depth <= self.tier.depth)
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

    /// Where the rule comes from, in words on one line.
    pub fn source(&self) -> String {
        source::words(self.sources)
    }

    /// How binding the rule is in a contract; none where it does not apply.
    pub fn level(&self, contract: &Contract) -> Option<Level> {
        match contract.levels().get(self.id) {
            Some(own) => *own,
            None => self.root_level(contract.root()),
        }
    }

    /// How binding the rule is in a root contract.
    pub fn root_level(&self, root: Root) -> Option<Level> {
        match root {
            Root::Pulze => self.levels[0],
            Root::OpenAi => self.levels[1],
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
/// A contract with a parent takes its parent's level, unless its own file changes it.
pub(crate) const fn levels(text: &str) -> [Option<Level>; 2] {
    let bytes = text.as_bytes();
    [one_level(bytes[0]), one_level(bytes[2])]
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
pub(crate) const fn tier(text: &str) -> Tier {
    let bytes = text.as_bytes();
    let depth = match bytes[0] {
        b'C' => Depth::Core,
        b'F' => Depth::Full,
        b'X' => Depth::Intrusive,
        _ => Depth::Load,
    };
    Tier { depth, by_model: bytes.len() > 1 }
}

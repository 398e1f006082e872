//! What each rule asks, why a client cares, an example that breaks it and one that keeps it, and how servers usually cure
//! it: for people, in Markdown, one file for each area of the catalogue.
//!
//! A file is read when somebody asks about one of its rules; judging never touches it.

use super::Check;

/// The areas of the catalogue with their texts.
const TEXTS: [(&str, &str); 13] = [
    ("auth", include_str!("explain/auth.md")),
    ("request", include_str!("explain/request.md")),
    ("sampling", include_str!("explain/sampling.md")),
    ("format", include_str!("explain/format.md")),
    ("stream", include_str!("explain/stream.md")),
    ("tools", include_str!("explain/tools.md")),
    ("logprobs", include_str!("explain/logprobs.md")),
    ("usage", include_str!("explain/usage.md")),
    ("metadata", include_str!("explain/metadata.md")),
    ("error", include_str!("explain/error.md")),
    ("http", include_str!("explain/http.md")),
    ("negative", include_str!("explain/negative.md")),
    ("load", include_str!("explain/load.md")),
];

/// The explanation of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation<'t> {
    /// What is judged, on which replies, with which tolerances.
    pub asks: &'t str,
    /// What goes wrong in a client when the rule is broken.
    pub why: &'t str,
    /// An example that breaks the rule.
    pub breaks: Example<'t>,
    /// An example that keeps the rule.
    pub keeps: Example<'t>,
    /// How servers usually cure it.
    pub cure: &'t str,
}

/// An example of a rule that is broken or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example<'t> {
    /// Requests and replies as they are on the wire.
    Exchanges(&'t str),
    /// What no exchange can show, such as the figures of a load run.
    Sketch(&'t str),
}

/// The parts of an explanation, in their order.
const PARTS: [&str; 5] = ["**Asks.**", "**Why.**", "**Breaks.**", "**Keeps.**", "**Cure.**"];
const FENCE: &str = "```";

impl Check {
    /// What its area's file says of the rule; `None` if the file says nothing, or not in the right form.
    pub fn explanation(&self) -> Option<Explanation<'static>> {
        let (_, text) = TEXTS.iter().find(|(area, _)| *area == self.area())?;
        let (_, section) = sections(text).find(|(id, _)| *id == self.id)?;
        Explanation::read(section)
    }
}

/// Area and id of all that the texts explain, in their order.
pub fn explained() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXTS.iter().flat_map(|(area, text)| sections(text).map(|(id, _)| (*area, id)))
}

/// The sections of a text: what each heading says, and what is below it.
fn sections(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut fenced = false;
    let mut offset = 0;
    let mut starts = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with(FENCE) {
            fenced = !fenced;
        } else if line.starts_with("# ") && !fenced {
            starts.push(offset);
        }
        offset += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let (heading, below) = text[start..end].split_once('\n').unwrap_or((&text[start..end], ""));
        (heading.trim_start_matches('#').trim(), below)
    })
}

impl<'t> Explanation<'t> {
    /// Reads what is below a heading: each part once, in order, and none of them empty.
    fn read(section: &'t str) -> Option<Explanation<'t>> {
        let (before, mut rest) = section.split_once(PARTS[0])?;
        let mut part = |next: &str| {
            let (own, after) = rest.split_once(next)?;
            rest = after;
            Some(own.trim()).filter(|own| !own.is_empty())
        };
        let [asks, why, breaks, keeps] = [part(PARTS[1])?, part(PARTS[2])?, part(PARTS[3])?, part(PARTS[4])?];
        let cure = rest.trim();
        let is_whole = before.trim().is_empty() && !cure.is_empty() && !PARTS.iter().any(|part| cure.contains(part));
        let (breaks, keeps) = (Example::read(breaks)?, Example::read(keeps)?);
        is_whole.then_some(Explanation { asks, why, breaks, keeps, cure })
    }
}

impl<'t> Example<'t> {
    fn read(fenced: &'t str) -> Option<Example<'t>> {
        let (kind, rest) = fenced.strip_prefix(FENCE)?.split_once('\n')?;
        let text = rest.strip_suffix(FENCE)?;
        let is_whole = text.ends_with('\n') && !text.lines().any(|line| line.starts_with(FENCE));
        match kind.trim() {
            "http" if is_whole => Some(Example::Exchanges(text)),
            "text" if is_whole => Some(Example::Sketch(text)),
            _ => None,
        }
    }

    /// The example as it is written.
    pub fn text(&self) -> &'t str {
        match self {
            Example::Exchanges(text) | Example::Sketch(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\n**Asks.** What.\n\n**Why.** Since.\n\n**Breaks.**\n\n```http\n# no heading\n```\n\n**Keeps.**\n\n```text\na\n\n```\n\n**Cure.** So.\n\n";

    #[test]
    fn a_section_is_read_to_the_letter() {
        let text = format!("# one\n{WHOLE}# two\n");
        let read: Vec<(&str, &str)> = sections(&text).collect();
        assert_eq!(read, [("one", WHOLE), ("two", "")]);
        let expected = Explanation {
            asks: "What.",
            why: "Since.",
            breaks: Example::Exchanges("# no heading\n"),
            keeps: Example::Sketch("a\n\n"),
            cure: "So.",
        };
        assert_eq!(Explanation::read(WHOLE), Some(expected));
    }

    #[test]
    fn what_is_not_whole_is_no_explanation() {
        for part in ["**Why.**", "Since.", "```text\n", "```\n\n**Keeps", "So.", "**Asks.**"] {
            assert_eq!(Explanation::read(&WHOLE.replace(part, "")), None, "{part}");
        }
        let doubled = WHOLE.replace("So.", "So.\n\n**Why.** Again.");
        let stray = format!("Stray.{WHOLE}");
        assert_eq!((Explanation::read(&doubled), Explanation::read(&stray)), (None, None));
    }
}

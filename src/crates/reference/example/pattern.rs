//! Strings that match a regular expression: its parsed form, read as a recipe.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use regex_syntax::hir::{Class, Hir, HirKind, Look, LookSet, Repetition};

/// How much more than the minimum an open repetition repeats.
const MORE: u32 = 4;

/// Longest string that is built.
const LONGEST: usize = 10_000;

/// Most parts of the pattern that are written: repetitions of nothing would go on without a character.
const MOST_PARTS: u32 = 100_000;

/// A string that the pattern matches, within the lengths if repetitions can be stretched that far; none where the
/// pattern is not understood (backreferences, look-around). Whether it is within is for the caller to verify.
pub(super) fn matching(pattern: &str, least: usize, most: usize, random: &mut Pcg64) -> Option<String> {
    let hir = parsed(pattern).ok()?;
    (0..40).find_map(|attempt| {
        // An open repetition takes what is missing, at first all of it.
        let stretch = if attempt < 20 { least } else { least.div_ceil(2) };
        let text = written(&hir, u32::try_from(stretch).ok()?, random)?;
        (least..=most).contains(&text.chars().count()).then_some(text)
    })
}

/// A string that is all of what the pattern matches, which its parsed form alone guarantees.
///
/// # Errors
/// What is wrong with the pattern, or not understood here, in words.
pub(crate) fn exactly(pattern: &str, random: &mut Pcg64) -> Result<String, String> {
    let hir = parsed(pattern)?;
    let ends = LookSet::singleton(Look::Start).insert(Look::End);
    if !hir.properties().look_set().subtract(ends).is_empty() {
        return Err("boundaries of words and of lines are not understood here".to_owned());
    }
    (0..40).find_map(|_| written(&hir, 0, random)).ok_or_else(|| "no text that it matches was found".to_owned())
}

fn parsed(pattern: &str) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new().unicode(true).utf8(true).build();
    parser.parse(pattern).map_err(|error| error.to_string())
}

fn written(hir: &Hir, stretch: u32, random: &mut Pcg64) -> Option<String> {
    let mut recipe = Recipe { random, stretch, left: MOST_PARTS, text: String::new(), over: None };
    recipe.write(hir)?;
    recipe.over.is_none_or(|end| end == recipe.text.len()).then_some(recipe.text)
}

struct Recipe<'r> {
    random: &'r mut Pcg64,
    stretch: u32,
    left: u32,
    text: String,
    /// Length of the text where an anchor has put its end.
    over: Option<usize>,
}

impl Recipe<'_> {
    fn write(&mut self, hir: &Hir) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        if self.text.len() > LONGEST {
            return None;
        }
        match hir.kind() {
            HirKind::Look(Look::Start) if !self.text.is_empty() => return None,
            HirKind::Look(Look::End) => self.over = self.over.or(Some(self.text.len())),
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.text.push_str(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => self.class(class)?,
            HirKind::Repetition(repetition) => self.repeat(repetition)?,
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part))?,
            HirKind::Alternation(branches) => {
                let branch = self.random.random_range(0..branches.len());
                self.write(&branches[branch])?;
            }
        }
        Some(())
    }

    fn repeat(&mut self, repetition: &Repetition) -> Option<()> {
        let open = (repetition.min + MORE).max(self.stretch);
        let most = repetition.max.map_or(open, |max| max.min(open)).max(repetition.min);
        // A repetition that has something to reach goes there.
        let least = if self.stretch > repetition.min { most.min(self.stretch) } else { repetition.min };
        let times = self.random.random_range(least..=most);
        (0..times).try_for_each(|_| self.write(&repetition.sub))
    }

    /// A character of a class, from its printable ASCII if it has any: `\d` means more digits here than in ECMA-262.
    fn class(&mut self, class: &Class) -> Option<()> {
        let ranges: Vec<(char, char)> = match class {
            Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
            Class::Bytes(class) => {
                class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
            }
        };
        let printable = ranges.iter().filter_map(|(start, end)| {
            let (start, end) = ((*start).max(' '), (*end).min('~'));
            (start <= end).then_some((start, end))
        });
        let printable: Vec<(char, char)> = printable.collect();
        let among = if printable.is_empty() { &ranges } else { &printable };
        if among.is_empty() {
            return None;
        }
        let (start, end) = among[self.random.random_range(0..among.len())];
        self.text.push(self.random.random_range(start..=end));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::schema::offline;

    #[test]
    fn all_of_the_text_matches_or_there_is_none() {
        let mut random = Pcg64::seed_from_u64(1);
        for pattern in [r"^(?i)select [a-z]{1,9};$", r"\d{4}-\d{2}|now", r"(a|^b)c$", "", r"\p{Greek}+"] {
            let whole = json!({"pattern": format!("^(?:{pattern})$")});
            let whole = offline(&whole).expect("a schema");
            for _ in 0..20 {
                let text = exactly(pattern, &mut random).expect(pattern);
                assert!(whole.is_valid(&Value::from(text.clone())), "{pattern}: {text:?}");
            }
        }
        for wrong in ["(", "a^b", "a$b", r"\bword\b", "(?m)^a", r"(a)\1", "[a&&b]"] {
            assert!(exactly(wrong, &mut random).is_err(), "{wrong}");
        }
    }
}

//! What a comparison comes to, in a word and in a line.

use super::percent;
use crate::compare::quantity::Unit;
use crate::compare::{Basis, Change, Comparison, Conclusion, Sight, Verdict};

/// Changes beyond this are not worth a figure.
const TENFOLD: f64 = 9.0;

/// The word and the line.
pub(super) fn headline(change: &Change, comparison: &Comparison) -> (&'static str, String) {
    let bound = percent(Some(comparison.max_regression));
    match change.conclusion {
        Conclusion::Invalid => ("INVALID", "nothing can be told".to_owned()),
        Conclusion::NoVerdict => ("NO VERDICT", few(change)),
        Conclusion::Worse => (
            "WORSE",
            format!("by more than {bound}, or newly broken: {}; {}", change.regressions.join(", "), counts(change)),
        ),
        Conclusion::CannotTell => {
            ("CANNOT TELL", format!("{}; {}", change.sight.as_ref().map_or_else(String::new, seen), counts(change)))
        }
        Conclusion::Held => ("HELD", format!("nothing is worse by more than {bound}: {}", counts(change))),
    }
}

fn few(change: &Change) -> String {
    let runs = if change.basis == Basis::OneRunEach { "one run against one" } else { "two runs against one" };
    // Without verdicts of figures, all that is left is rules.
    match change.regressions.as_slice() {
        [] => runs.to_owned(),
        broken => format!("{runs}; newly broken: {}", broken.join(", ")),
    }
}

fn counts(change: &Change) -> String {
    let counted = Verdict::ALL.map(|verdict| (change.count(verdict), verdict.name()));
    let named = counted.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    named.collect::<Vec<_>>().join(", ")
}

/// What could have been found, and what more repetitions would find.
fn seen(sight: &Sight) -> String {
    let Sight { figure, unit, detectable, target, repetitions } = sight;
    let Some(detectable) = *detectable else { return format!("{figure} is infinite or missing in some runs") };
    let smallest = match unit {
        Unit::Us | Unit::PerS if detectable > TENFOLD => "changes below tenfold".to_owned(),
        Unit::Us | Unit::PerS | Unit::Fraction => format!("changes below {}", rounded(detectable, *unit)),
    };
    let advice = match (target, repetitions) {
        (None, _) => String::new(),
        (Some(target), Some(count)) => format!("; --repeat {count} would see {}", rounded(*target, *unit)),
        (Some(target), None) => format!("; not even --repeat 100 would see {}", rounded(*target, *unit)),
    };
    format!("{smallest} could not be seen ({figure}){advice}")
}

/// A size of a change, short.
fn rounded(change: f64, unit: Unit) -> String {
    let percent = change * 100.0;
    let decimals = usize::from(percent < 9.95 && (percent - percent.round()).abs() > 0.05);
    format!("{percent:.decimals$} {}", points(unit))
}

/// What changes of a figure are counted in.
pub(super) fn points(unit: Unit) -> &'static str {
    if unit == Unit::Fraction { "pp" } else { "%" }
}

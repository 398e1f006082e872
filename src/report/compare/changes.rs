//! What changed as a picture: a row for each figure, with the change, its interval, and the noise beside them.

use super::{moved, named};
use crate::compare::quantity::Unit;
use crate::compare::{Change, Comparison, Figure, Verdict};
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{Area, BAD, COLOURS, GOOD, Mark, OVER, PALE, THROUGHOUT};
use crate::report::chart::{Chart, Table};
use crate::report::figure::percent;

/// Height of a figure's row.
const ROW: u32 = 104;
/// The ends of the axis are within these; larger changes are drawn at its end.
const ENDS: (f64, f64) = (0.01, 1.0);
/// Verdicts with their colours and words; figures without one come last.
const VERDICTS: [(Option<Verdict>, &str, &str); 5] = [
    (Some(Verdict::Worse), BAD, "worse"),
    (Some(Verdict::Better), GOOD, "better"),
    (Some(Verdict::Held), COLOURS[0], "held"),
    (Some(Verdict::CannotTell), PALE, "cannot tell"),
    (None, COLOURS[1], "no verdict"),
];

/// How much each figure of a side changed. Shares are left out: their changes are differences, and stand in the table.
pub(super) fn changes(change: &Change, comparison: &Comparison, name: String, title: String) -> Option<Chart> {
    let drawn = |figure: &&Figure| figure.unit != Unit::Fraction && figure.change.is_some();
    let figures: Vec<&Figure> = change.figures.iter().filter(drawn).collect();
    let ends = figures.iter().flat_map(|figure| [figure.change, figure.low, figure.high]).flatten();
    let furthest = ends.map(f64::abs).fold(2.0 * comparison.noise, f64::max).clamp(ENDS.0, ENDS.1);
    let x = Axis { title: format!("change against {}", comparison.base.name), ..Axis::changes(furthest) };
    let y = Axis::rows(figures.iter().map(|figure| figure.name.replace('_', " ")));
    let height = figures.iter().map(|_| ROW).sum();
    (!figures.is_empty()).then(|| Chart {
        name,
        title,
        words: words(&figures, comparison.noise),
        height,
        marks: marks(&figures, comparison.noise, &x, &y),
        table: table(&figures, &y),
        x,
        y,
    })
}

fn marks(figures: &[&Figure], noise: f64, x: &Axis, y: &Axis) -> Vec<Mark> {
    let rows: Vec<(&Figure, f64)> = figures.iter().copied().zip(y.ticks.iter().map(|(at, _)| *at)).collect();
    let mut marks = vec![Mark::apart("noise", -noise, noise)];
    for (verdict, colour, name) in VERDICTS {
        let own = rows.iter().filter(|(figure, _)| figure.verdict == verdict);
        let boxes: Vec<Area> = own.flat_map(|(figure, at)| interval(figure, *at, x)).collect();
        if !boxes.is_empty() {
            marks.push(Mark::boxes(colour, name, boxes));
        }
    }
    marks.push(Mark::line(OVER, "", vec![(0.0, y.from), (0.0, y.to)]));
    marks
}

/// A bar over the interval, and a stroke at the change itself.
fn interval(figure: &Figure, at: f64, x: &Axis) -> Vec<Area> {
    let stroke = (x.to - x.from) * 0.004;
    let of = |from: f64, to: f64, half: f64| Area { x: (from, to), y: (at - half, at + half) };
    let bar = figure.low.zip(figure.high).map(|(low, high)| of(low, high, 0.12));
    // Beyond the end of the axis there is still a stroke to see.
    let centre = |change: f64| change.clamp(x.from + stroke, x.to - stroke);
    let mark = figure.change.map(centre).map(|change| of(change - stroke, change + stroke, 0.34));
    bar.into_iter().chain(mark).collect()
}

fn words(figures: &[&Figure], noise: f64) -> String {
    let count = |verdict| figures.iter().filter(|figure| figure.verdict == verdict).count();
    let counts = VERDICTS.map(|(verdict, _, name)| (name, count(verdict)));
    let said: Vec<String> =
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}")).collect();
    let noise = percent(Some(noise));
    format!("The change of each figure, with its interval: {}. Changes within {noise} are noise.", said.join(", "))
}

fn table(figures: &[&Figure], y: &Axis) -> Table {
    let row = |figure: &&Figure| {
        let [change, low, high] = [figure.change, figure.low, figure.high].map(|end| moved(figure, end));
        vec![figure.name.clone(), change, low, high, named(figure.verdict).to_owned()]
    };
    Table {
        head: ["figure", "change", "from", "to", "verdict"].map(str::to_owned).to_vec(),
        rows: figures.iter().map(row).collect(),
        places: y.ticks.iter().map(|(at, _)| Area { x: THROUGHOUT, y: (at - 0.5, at + 0.5) }).collect(),
    }
}

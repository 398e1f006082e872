//! What changes while a run goes on, on one time axis.

use plotters::coord::ranged1d::Ranged as _;

use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{Area, BAD, COLOURS, GOOD, Mark, OVER, PALE};
use crate::report::chart::{Chart, HEIGHT, Table};
use crate::report::columns::{Column, by_time, columns};
use crate::report::figure::{number, time};
use crate::summary::Summary;
use crate::summary::seconds::Row;
use crate::summary::sketch::Sketch;

/// Columns of a picture, and rows of a table.
const COLUMNS: u64 = 150;
const ROWS: u64 = 40;
/// Cells of a heatmap, from its fastest to its slowest time.
const CELLS: u16 = 28;
/// How strong the cells of a heatmap are, the emptiest first.
const SHADES: [f64; 6] = [0.14, 0.3, 0.46, 0.64, 0.82, 1.0];

/// What the endpoint did, what it says of itself, and how the client fared meanwhile.
pub(super) fn charts(summary: &Summary) -> [Vec<Chart>; 3] {
    let run = Run::of(summary);
    if run.columns.is_empty() {
        return Default::default();
    }
    let mut client = vec![run.in_flight()];
    client.extend(run.bands("lateness", "The client's lateness", |row| &row.lateness));
    client.extend(run.client(summary));
    [run.endpoint(), run.server(summary), client]
}

type Of = fn(&Row) -> &Sketch;
type Count = fn(&Row) -> u64;

pub(super) struct Run {
    columns: Vec<Column>,
    pub(super) rows: Vec<Column>,
    /// End of the warm-up and of the window, in seconds.
    window: (f64, f64),
    x: Axis,
}

impl Run {
    fn of(summary: &Summary) -> Run {
        let all = summary.all_seconds();
        let drawn = columns(&all, COLUMNS);
        let seconds = |us: u64| us as f64 / 1e6;
        Run {
            x: Axis::seconds(0.0, drawn.last().map_or(1.0, |last| last.to)),
            columns: drawn,
            rows: columns(&all, ROWS),
            window: (seconds(summary.ending.window_from_us), seconds(summary.ending.window_us)),
        }
    }

    fn endpoint(&self) -> Vec<Chart> {
        let mut charts = vec![self.rate(), self.outcomes()];
        charts.extend(self.bands("response-time", "Response time", |row| &row.response_time));
        charts.extend(self.heat("response-time-heat", "Response time, every request", |row| &row.response_time));
        charts.extend(self.bands("first-token", "First token", |row| &row.first_token));
        charts.extend(self.bands("token-gap", "Gaps between tokens", |row| &row.token_gap));
        charts.push(self.tokens());
        charts
    }

    /// A picture with the warm-up set apart.
    pub(super) fn chart(
        &self,
        name: &'static str,
        title: String,
        words: String,
        y: Axis,
        marks: Vec<Mark>,
        table: Table,
    ) -> Chart {
        let warmup = (self.window.0 > 0.0).then(|| Mark::apart("warm-up", 0.0, self.window.0));
        let marks = warmup.into_iter().chain(marks).collect();
        Chart { name: name.to_owned(), title, words, x: self.x.clone(), y, height: HEIGHT, marks, table }
    }

    pub(super) fn line(&self, colour: &'static str, label: &str, of: impl Fn(&Column) -> f64) -> Mark {
        Mark::line(colour, label, self.columns.iter().map(|column| (column.middle(), of(column))).collect())
    }

    /// A stroke across each column in which there was something.
    fn strokes(&self, colour: &'static str, label: &str, of: impl Fn(&Column) -> f64) -> Mark {
        const GAP: (f64, f64) = (f64::NAN, f64::NAN);
        let some = self.columns.iter().filter(|column| of(column) > 0.0);
        let strokes = some.flat_map(|column| [(column.from, of(column)), (column.to, of(column)), GAP]);
        Mark::line(colour, label, strokes.collect())
    }

    pub(super) fn highest(&self, of: impl Fn(&Column) -> f64) -> f64 {
        self.columns.iter().map(of).filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    fn table<const N: usize>(&self, head: [&str; N], cells: impl Fn(&Column) -> [String; N]) -> Table {
        by_time(head.map(str::to_owned).to_vec(), &self.rows, self.rows.iter().map(|row| cells(row).to_vec()))
    }

    fn bands(&self, name: &'static str, title: &str, of: Of) -> Option<Chart> {
        let at = |column: &Column, p| of(&column.row).percentile(p).unwrap_or(f64::NAN);
        let all = |p| self.columns.iter().map(move |column| (column, at(column, p))).filter(|(_, us)| us.is_finite());
        let lowest = all(50.0).map(|(_, us)| us).min_by(f64::total_cmp)?;
        let (slowest, highest) = all(99.0).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let band = |colour, label: &str, low, high| {
            Mark::band(colour, label, self.columns.iter().map(|c| (c.middle(), at(c, low), at(c, high))).collect())
        };
        let marks = vec![
            band(COLOURS[1], "p90 to p99", 90.0, 99.0),
            band(COLOURS[0], "p50 to p90", 50.0, 90.0),
            self.line(COLOURS[0], "p50", |column| at(column, 50.0)),
        ];
        let worst_median = all(50.0).map(|(_, us)| us).fold(0.0, f64::max);
        let whose = match name {
            "lateness" => "Every request that was sent: how late the client was, whatever the endpoint did.",
            "token-gap" => "Requests that ended ok only, by when each gap ended.",
            _ => "Requests that ended ok only, by when they were due.",
        };
        let words = format!(
            "The median lay between {} and {}; p99 was highest, {}, at {:.0} s. {whose}",
            time(Some(lowest)),
            time(Some(worst_median)),
            time(Some(highest)),
            slowest.from
        );
        let table = self.table(["samples", "p50", "p90", "p99"], |row| {
            let sketch = of(&row.row);
            let p = |p| time(sketch.percentile(p));
            [sketch.count().to_string(), p(50.0), p(90.0), p(99.0)]
        });
        Some(self.chart(name, format!("{title} over time"), words, Axis::times(lowest, highest), marks, table))
    }

    fn heat(&self, name: &'static str, title: &str, of: Of) -> Option<Chart> {
        let spreads = self.columns.iter().map(|column| of(&column.row));
        let times: Vec<f64> = spreads.clone().flat_map(|sketch| sketch.buckets().map(|(us, _)| us)).collect();
        let lowest = times.iter().copied().min_by(f64::total_cmp)?;
        let highest = times.iter().copied().max_by(f64::total_cmp)?;
        let y = Axis::times(lowest, highest);
        let height = (y.to / y.from).powf(1.0 / f64::from(CELLS));
        let edge = |cell: u16| y.from * height.powi(i32::from(cell));
        let counts: Vec<Vec<u64>> = spreads.map(|sketch| cells(sketch, &y)).collect();
        let fullest = counts.iter().flatten().copied().max().unwrap_or(1).max(1);
        let mut shades = vec![Vec::new(); SHADES.len()];
        for (column, counts) in self.columns.iter().zip(&counts) {
            let cells: Vec<(u16, Option<usize>)> = (0..CELLS).zip(counts.iter().map(|n| shade(*n, fullest))).collect();
            // Cells that lie on one another and are alike are one box.
            for alike in cells.chunk_by(|(_, below), (_, above)| below == above) {
                let ([(first, shade), ..], [.., (last, _)]) = (alike, alike) else { continue };
                let area = Area { x: (column.from, column.to), y: (edge(*first), edge(last + 1)) };
                shade.and_then(|shade| shades.get_mut(shade)).into_iter().for_each(|boxes| boxes.push(area));
            }
        }
        let label = |strength| if strength == SHADES[4] { "the stronger, the more requests" } else { "" };
        let marks = SHADES.into_iter().zip(shades);
        let marks = marks.map(|(strength, boxes)| Mark { strength, ..Mark::boxes(COLOURS[0], label(strength), boxes) });
        let marks = marks.collect();
        let words = format!(
            "Every request that ended ok, by when it was due and how long it took: from {} to {}; the fullest cell holds \
             {fullest}.",
            time(Some(lowest)),
            time(Some(highest))
        );
        let table = self.table(["samples", "fastest", "p25", "p50", "p75", "slowest"], |row| {
            let sketch = of(&row.row);
            let p = |p| time(sketch.percentile(p));
            [sketch.count().to_string(), p(0.0), p(25.0), p(50.0), p(75.0), p(100.0)]
        });
        Some(self.chart(name, title.to_owned(), words, y, marks, table))
    }

    fn rate(&self) -> Chart {
        let offered = |column: &Column| column.due_per_s(column.row.due, self.window.1);
        let achieved = |column: &Column| column.per_s(column.row.ok);
        let missed = |column: &Column| column.per_s(column.row.missed);
        let boxes = self.columns.iter().map(|c| Area { x: (c.from, c.to), y: (0.0, missed(c)) });
        let boxes: Vec<Area> = boxes.filter(|area| area.y.1 > 0.0).collect();
        let mut marks = Vec::new();
        if !boxes.is_empty() {
            marks.push(Mark::boxes(BAD, "missed", boxes));
        }
        marks.push(self.line(PALE, "due", offered));
        marks.push(self.line(COLOURS[0], "ended ok", achieved));
        let total = |of: Count| self.columns.iter().map(|column| of(&column.row)).sum::<u64>();
        let words = format!(
            "Requests per second, warm-up included: {} were due, {} ended ok, {} were missed; at most {} per second were due and {} ended ok.",
            total(|row| row.due),
            total(|row| row.ok),
            total(|row| row.missed),
            number(Some(self.highest(offered))),
            number(Some(self.highest(achieved)))
        );
        let table = self.table(["due/s", "sent/s", "ok/s", "failed/s", "missed/s"], |row| {
            let counts = [row.row.sent, row.row.ok, row.row.failed, row.row.missed];
            let [sent, ok, failed, missed] = counts.map(|count| number(Some(row.per_s(count))));
            let due = row.due_per_s(row.row.due, self.window.1);
            [number(Some(due).filter(|due| due.is_finite())), sent, ok, failed, missed]
        });
        let y = Axis::count(self.highest(offered).max(self.highest(achieved)));
        self.chart("rate", "Offered and achieved rate, per second".to_owned(), words, y, marks, table)
    }

    fn outcomes(&self) -> Chart {
        let parts: [(&'static str, &str, Count); 5] = [
            (GOOD, "good", |row| row.good),
            (COLOURS[2], "late", |row| row.late),
            (COLOURS[1], "broke a MUST", |row| row.ok.saturating_sub(row.good + row.late)),
            (BAD, "failed", |row| row.failed),
            (PALE, "missed", |row| row.missed),
        ];
        let mut floors = vec![0.0; self.columns.len()];
        let mut marks = Vec::new();
        for (colour, label, of) in parts {
            let mut boxes = Vec::new();
            for (column, floor) in self.columns.iter().zip(&mut floors) {
                let top = *floor + column.per_s(of(&column.row));
                boxes.push(Area { x: (column.from, column.to), y: (*floor, top) });
                *floor = top;
            }
            if boxes.iter().any(|area| area.y.1 > area.y.0) {
                marks.push(Mark::boxes(colour, label, boxes));
            }
        }
        let violations = |column: &Column| column.per_s(column.row.violations);
        if self.highest(violations) > 0.0 {
            marks.push(self.strokes(OVER, "replies that broke a MUST", violations));
        }
        let total = |of: Count| self.columns.iter().map(|column| of(&column.row)).sum::<u64>();
        let words = format!(
            "What became of the requests, warm-up included, per second: {} good, {} late (beyond a limit for a single request), {} ok but \
             with a broken MUST, {} failed, {} missed; {} replies in all broke a MUST.",
            total(parts[0].2),
            total(parts[1].2),
            total(parts[2].2),
            total(parts[3].2),
            total(parts[4].2),
            total(|row| row.violations)
        );
        let heads = ["good", "late", "broke a MUST", "failed", "missed", "replies that broke a MUST"];
        let table = self.table(heads, |row| {
            let [good, late, poor, failed, missed] = parts.map(|(_, _, of)| of(&row.row).to_string());
            [good, late, poor, failed, missed, row.row.violations.to_string()]
        });
        let y = Axis::count(floors.into_iter().fold(self.highest(violations), f64::max));
        self.chart("outcomes", "Outcomes and violations, per second".to_owned(), words, y, marks, table)
    }

    fn in_flight(&self) -> Chart {
        let mean = |column: &Column| column.per_s(column.row.in_flight_us) / 1e6;
        let marks = vec![self.line(COLOURS[3], "mean", mean)];
        let words =
            format!("Requests in flight, the mean of each stretch: at most {}.", number(Some(self.highest(mean))));
        let table = self.table(["mean in flight"], |row| [number(Some(mean(row)))]);
        let y = Axis::count(self.highest(mean));
        self.chart("in-flight", "Requests in flight".to_owned(), words, y, marks, table)
    }

    fn tokens(&self) -> Chart {
        let rate = |column: &Column| column.per_s(column.row.output_millitokens) / 1e3;
        let marks = vec![self.line(COLOURS[2], "output tokens", rate)];
        let words =
            format!("Output tokens per second, by when they arrived: at most {}.", number(Some(self.highest(rate))));
        let table = self.table(["output tokens/s"], |row| [number(Some(rate(row)))]);
        let y = Axis::count(self.highest(rate));
        self.chart("tokens", "Output tokens, per second".to_owned(), words, y, marks, table)
    }
}

/// How many times fall into each cell of a logarithmic axis.
fn cells(sketch: &Sketch, y: &Axis) -> Vec<u64> {
    let mut counts = vec![0; usize::from(CELLS)];
    for (us, count) in sketch.buckets() {
        let cell = usize::try_from(y.map(&us, (0, CELLS.into()))).unwrap_or(0);
        counts[cell.min(usize::from(CELLS) - 1)] += u64::from(count);
    }
    counts
}

/// The shade of a cell: by the square root, so that a few requests in the tail are seen beside thousands in the body.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the number of shades")]
fn shade(count: u64, fullest: u64) -> Option<usize> {
    let heat = count as f64 / fullest as f64;
    (count > 0).then(|| ((heat.sqrt() * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_in_the_tail_are_seen_beside_many_in_the_body() {
        assert_eq!([0, 1, 250, 1000].map(|count| shade(count, 1000)), [None, Some(0), Some(2), Some(5)]);
    }
}

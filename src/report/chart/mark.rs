//! What is drawn over the axes: lines, bands and boxes.

use plotters::prelude::{Color as _, LineSeries, Polygon, Rectangle};

use super::drawing::{Failure, Plot, ink};

/// Names of the colours: custom properties of the style.
pub const COLOURS: [&str; 8] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
/// The colour of what went wrong.
pub const BAD: &str = "bad";
/// The colour of what went well.
pub const GOOD: &str = "good";
/// The colour of a line over filled boxes.
pub const OVER: &str = "ink";
/// The colour of what is only there to compare with.
pub const PALE: &str = "pale";

/// Width of a line.
const STROKE: u32 = 8;

/// Something that is drawn over the axes.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Its colour.
    pub colour: &'static str,
    /// How much of what is below it covers, up to 1.
    pub strength: f64,
    /// What it stands for; where it is empty, it is not explained.
    pub label: String,
    /// Its form.
    pub shape: Shape,
}

/// The form of a mark.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A line through points; a point that is not finite breaks it.
    Line(Vec<(f64, f64)>),
    /// A filled band: x with the lower and the upper y. One that is not finite breaks it.
    Band(Vec<(f64, f64, f64)>),
    /// Filled boxes.
    Boxes(Vec<Area>),
}

/// A box in the units of the axes; what lies beyond their ends is not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// From left to right.
    pub x: (f64, f64),
    /// From bottom to top.
    pub y: (f64, f64),
}

/// From one end of an axis to the other.
pub const THROUGHOUT: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

impl Mark {
    /// A line.
    pub fn line(colour: &'static str, label: &str, points: Vec<(f64, f64)>) -> Mark {
        Mark { colour, strength: 1.0, label: label.to_owned(), shape: Shape::Line(points) }
    }

    /// A band through which one still sees.
    pub fn band(colour: &'static str, label: &str, points: Vec<(f64, f64, f64)>) -> Mark {
        Mark { colour, strength: 0.24, label: label.to_owned(), shape: Shape::Band(points) }
    }

    /// Boxes.
    pub fn boxes(colour: &'static str, label: &str, boxes: Vec<Area>) -> Mark {
        Mark { colour, strength: 1.0, label: label.to_owned(), shape: Shape::Boxes(boxes) }
    }

    /// A stretch of the horizontal axis that is set apart.
    pub fn apart(label: &str, from: f64, to: f64) -> Mark {
        let whole = Area { x: (from, to), y: THROUGHOUT };
        Mark { strength: 0.18, ..Mark::boxes(PALE, label, vec![whole]) }
    }

    pub(super) fn draw(&self, plot: &mut Plot<'_, '_>) -> Result<(), Failure> {
        let style = ink(self.colour, self.strength).filled();
        match &self.shape {
            Shape::Line(points) => {
                for piece in points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
                    // The last point twice: one between two gaps is a dot, by the round end of a line without length.
                    let points = piece.iter().chain(piece.last()).copied();
                    plot.draw_series(LineSeries::new(points, style.stroke_width(STROKE)))?;
                }
            }
            Shape::Band(points) => {
                let pieces = points.split(|(_, low, high)| !(low.is_finite() && high.is_finite()));
                plot.draw_series(pieces.filter(|piece| !piece.is_empty()).map(|piece| {
                    let upper = piece.iter().map(|(x, _, high)| (*x, *high));
                    let lower = piece.iter().rev().map(|(x, low, _)| (*x, *low));
                    Polygon::new(upper.chain(lower).collect::<Vec<_>>(), style)
                }))?;
            }
            Shape::Boxes(boxes) => {
                plot.draw_series(boxes.iter().filter(|area| area.y.1 > area.y.0).map(|area| {
                    let [from, to] = area.corners();
                    Rectangle::new([from, to], style)
                }))?;
            }
        }
        Ok(())
    }
}

impl Area {
    /// Its corners at the left on the bottom, and at the right on top.
    pub(super) fn corners(self) -> [(f64, f64); 2] {
        [(self.x.0, self.y.0), (self.x.1, self.y.1)]
    }
}

//! What is drawn over the axes. A mark is one path for each colour, so that even a heatmap stays small.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::axis::Axis;
use super::{Frame, px};

/// Names of the colours: classes of the style.
pub const COLOURS: [&str; 8] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
/// The colour of what went wrong.
pub const BAD: &str = "bad";
/// The colour of what went well.
pub const GOOD: &str = "good";
/// The colour of a line over filled boxes.
pub const OVER: &str = "over";
/// The colour of what is only there to compare with.
pub const PALE: &str = "pale";

/// Something that is drawn over the axes.
#[derive(Debug, Clone)]
pub enum Mark {
    /// A line through points; a point that is not finite breaks it.
    Line {
        /// Its colour.
        colour: &'static str,
        /// What it stands for.
        label: String,
        /// Its points.
        points: Vec<(f64, f64)>,
    },
    /// A filled band between two lines.
    Band {
        /// Its colour.
        colour: &'static str,
        /// What it stands for.
        label: String,
        /// x with the lower and the upper y.
        points: Vec<(f64, f64, f64)>,
    },
    /// Filled boxes.
    Boxes {
        /// Their colour.
        colour: &'static str,
        /// What they stand for.
        label: String,
        /// The boxes.
        boxes: Vec<Area>,
    },
    /// Boxes that are the darker, the more they hold.
    Heat {
        /// What is counted.
        label: String,
        /// The boxes with their share of the fullest, from 0 to 1.
        cells: Vec<(Area, f64)>,
    },
    /// A stretch of the horizontal axis that is set apart.
    Apart {
        /// What it stands for.
        label: String,
        /// Its ends.
        from: f64,
        /// Its ends.
        to: f64,
    },
}

/// A box in the units of the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// From left to right.
    pub x: (f64, f64),
    /// From bottom to top.
    pub y: (f64, f64),
}

/// Shades of a heatmap, the palest first.
const SHADES: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];

impl Mark {
    /// The class and the label that explain it.
    pub(super) fn key(&self) -> Option<(String, &str)> {
        let (class, label) = match self {
            Mark::Line { colour, label, .. } | Mark::Boxes { colour, label, .. } => ((*colour).to_owned(), label),
            Mark::Band { colour, label, .. } => (format!("band {colour}"), label),
            Mark::Heat { label, .. } => (SHADES[4].to_owned(), label),
            Mark::Apart { label, .. } => ("apart".to_owned(), label),
        };
        (!label.is_empty()).then_some((class, label))
    }

    pub(super) fn markup(&self, frame: Frame, x: &Axis, y: &Axis) -> Markup {
        let at = |(px_x, px_y): (f64, f64)| (frame.x(x, px_x), frame.y(y, px_y));
        match self {
            Mark::Line { colour, points, .. } => path("line", colour, &line(points.iter().copied(), at)),
            Mark::Band { colour, points, .. } => path("band", colour, &band(points, at)),
            Mark::Boxes { colour, boxes, .. } => path("box", colour, &rectangles(boxes.iter().copied(), at)),
            Mark::Heat { cells, .. } => html! {
                @for (number, shade) in SHADES.iter().enumerate() {
                    @let alike = cells.iter().filter(|(_, heat)| shade_of(*heat) == Some(number)).map(|(area, _)| *area);
                    (path("cell", shade, &rectangles(alike, at)))
                }
            },
            Mark::Apart { from, to, .. } => {
                let whole = Area { x: (*from, *to), y: (y.from, y.to) };
                path("box", "apart", &rectangles([whole], at))
            }
        }
    }
}

fn path(kind: &str, colour: &str, data: &str) -> Markup {
    html! { @if !data.is_empty() { path class={ (kind) " " (colour) } d=(data) {} } }
}

/// The shade of a cell: by the square root, so that a few requests in the tail are seen beside thousands in the body.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the number of shades")]
fn shade_of(heat: f64) -> Option<usize> {
    (heat > 0.0).then(|| ((heat.sqrt() * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1)
}

fn line(points: impl IntoIterator<Item = (f64, f64)>, at: impl Fn((f64, f64)) -> (f64, f64)) -> String {
    let mut data = String::new();
    let mut begun = false;
    let mut alone = false;
    for point in points {
        if !(point.0.is_finite() && point.1.is_finite()) {
            data.push_str(if alone { "h0" } else { "" });
            (begun, alone) = (false, false);
            continue;
        }
        let (x, y) = at(point);
        let _ = write!(data, "{}{} {}", if begun { 'L' } else { 'M' }, px(x), px(y));
        (begun, alone) = (true, !begun);
    }
    // A point between two gaps is drawn as a dot, by the round end of a line without length.
    data + if alone { "h0" } else { "" }
}

/// A band, in as many pieces as it has gaps.
fn band(points: &[(f64, f64, f64)], at: impl Fn((f64, f64)) -> (f64, f64)) -> String {
    let mut data = String::new();
    for piece in points.split(|(_, low, high)| !(low.is_finite() && high.is_finite())) {
        if piece.is_empty() {
            continue;
        }
        let upper = piece.iter().map(|(x, _, high)| (*x, *high));
        let lower = piece.iter().rev().map(|(x, low, _)| (*x, *low));
        data += &line(upper.chain(lower), &at);
        data.push('Z');
    }
    data
}

fn rectangles(areas: impl IntoIterator<Item = Area>, at: impl Fn((f64, f64)) -> (f64, f64)) -> String {
    let mut data = String::new();
    for area in areas {
        let ((left, bottom), (right, top)) = (at((area.x.0, area.y.0)), at((area.x.1, area.y.1)));
        if right > left && bottom > top {
            let _ = write!(data, "M{} {}H{}V{}H{}Z", px(left), px(bottom), px(right), px(top), px(left));
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(point: (f64, f64)) -> (f64, f64) {
        point
    }

    #[test]
    fn a_gap_breaks_a_line_and_a_lone_point_is_a_dot() {
        let points =
            [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0), (4.0, f64::INFINITY), (5.0, 6.0), (6.0, 6.5)];
        assert_eq!(line(points, same), "M0 1L1 2M3 4h0M5 6L6 6.5");
        assert_eq!(line([(1.0, 1.0)], same), "M1 1h0");
    }

    #[test]
    fn a_band_goes_there_above_and_back_below() {
        let points = [(0.0, 1.0, 3.0), (1.0, 1.5, 4.0), (2.0, f64::NAN, 1.0)];
        assert_eq!(band(&points, same), "M0 3L1 4L1 1.5L0 1Z");
    }

    #[test]
    fn few_in_the_tail_are_seen_beside_many_in_the_body() {
        assert_eq!([0.0, 0.001, 0.25, 1.0].map(shade_of), [None, Some(0), Some(2), Some(5)]);
    }
}

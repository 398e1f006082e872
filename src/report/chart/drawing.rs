//! A chart as plotters lays it out and draws it.
//!
//! Plotters knows colours as numbers only. Each of ours is a number that stands for its name while the drawing is made,
//! and a custom property of the page's style when it is done, so one drawing is right on a light screen, on a dark one
//! and on paper.

use std::io;

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::prelude::{ChartBuilder, Color as _, Rectangle, SVGBackend, Text};
use plotters::style::{IntoFont as _, RGBAColor, TRANSPARENT, TextStyle};

use super::Chart;
use super::axis::Axis;
use super::mark::{Area, Mark};

/// A drawing is this wide, in its own units; it is scaled to the room there is.
pub(super) const WIDTH: u32 = 2400;
/// Width of a character of the larger text, that of a phone.
const CHARACTER: u32 = 42;
/// Height of a line of the larger text.
const LINE: u32 = 88;
/// Size of the text on a wide screen; the style has that of a phone.
const TEXT: u32 = 52;
/// Between a label and what it names.
const GAP: u32 = 24;
/// Width of a swatch and the room around it.
const SWATCH: u32 = 72;

/// What the style has a colour for.
const INKS: [&str; 14] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "good", "bad", "pale", "ink", "soft", "grid"];

type Canvas<'s> = DrawingArea<SVGBackend<'s>, Shift>;
pub(super) type Plot<'c, 's> = ChartContext<'c, SVGBackend<'s>, Cartesian2d<Axis, Axis>>;
pub(super) type Failure = DrawingAreaErrorKind<io::Error>;

/// A point of a drawing.
type Point = (i32, i32);

/// A drawing that is done.
pub(super) struct Drawing {
    /// An SVG of its own.
    pub(super) svg: String,
    pub(super) height: u32,
    /// Where the rows of the chart's table stand in it, each with its upper left and its lower right corner.
    pub(super) places: Vec<[Point; 2]>,
}

/// The number that stands for a colour.
pub(super) fn ink(name: &str, strength: f64) -> RGBAColor {
    let number = (0..).zip(INKS).find(|(_, ink)| *ink == name).map_or(0, |(number, _)| number);
    RGBAColor(10, 0, number, strength)
}

/// Every number in its place as a colour of the style.
fn inked(svg: String) -> String {
    let named = |svg: String, (number, name): (u8, &str)| {
        svg.replace(&format!("\"#0A00{number:02X}\""), &format!("\"var(--{name})\""))
    };
    (0..).zip(INKS).fold(svg, named)
}

fn text(colour: &str) -> TextStyle<'static> {
    TextStyle { color: ink(colour, 1.0).to_backend_color(), ..("sans-serif", TEXT).into_font().into() }
}

fn pixels(size: u32) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

fn width(text: &str) -> u32 {
    CHARACTER * u32::try_from(text.chars().count()).unwrap_or(u32::MAX / CHARACTER)
}

impl Drawing {
    /// Draws a chart, below its title if it is to stand alone.
    pub(super) fn of(chart: &Chart, alone: bool) -> Drawing {
        let legend = legend(&chart.marks);
        let heading = if alone { LINE + GAP } else { 0 };
        let above = heading + LINE * legend.last().map_or(0, |(_, row, _)| row + 1) + GAP;
        let below = if chart.x.title.is_empty() { LINE + GAP } else { 2 * LINE + GAP };
        let height = above + chart.height + below;
        let mut svg = String::new();
        let canvas = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let (top, plot) = canvas.split_vertically(above);
        let drawn = explain(&top, alone.then_some(chart.title.as_str()), heading, &legend)
            .and_then(|()| chart.draw(&plot, below))
            .and_then(|places| canvas.present().map(|()| places));
        let places = drawn.expect("a drawing in memory cannot fail");
        drop((canvas, top, plot));
        Drawing { svg: inked(svg), height, places }
    }
}

impl Chart {
    fn draw(&self, canvas: &Canvas<'_>, below: u32) -> Result<Vec<[Point; 2]>, Failure> {
        let widest = self.y.ticks.iter().map(|(_, label)| width(label)).max().unwrap_or(0);
        let last = self.x.ticks.last().map_or(0, |(_, label)| width(label) / 2);
        let mut plot = ChartBuilder::on(canvas)
            .margin_left(GAP)
            .margin_right(last.max(GAP))
            .x_label_area_size(below)
            .y_label_area_size(widest + GAP)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let mut mesh = plot.configure_mesh();
        mesh.bold_line_style(ink("grid", 1.0).stroke_width(4))
            .light_line_style(TRANSPARENT)
            .axis_style(ink("soft", 1.0).stroke_width(4))
            .label_style(text("soft"))
            .set_all_tick_mark_size(pixels(GAP / 2));
        if !self.x.title.is_empty() {
            mesh.x_desc(&self.x.title);
        }
        mesh.draw()?;
        self.marks.iter().try_for_each(|mark| mark.draw(&mut plot))?;
        let place = |area: &Area| {
            let [from, to] = area.corners().map(|corner| plot.backend_coord(&corner));
            [(from.0, to.1), (to.0, from.1)]
        };
        Ok(self.table.places.iter().map(place).collect())
    }
}

/// Marks that are explained, each with the row and the place in it where its swatch stands.
fn legend(marks: &[Mark]) -> Vec<(u32, u32, &Mark)> {
    let (mut row, mut from) = (0, 0);
    let explained = marks.iter().filter(|mark| !mark.label.is_empty());
    let placed = explained.map(|mark| {
        let own = SWATCH + width(&mark.label);
        if from > 0 && from + own > WIDTH {
            (row, from) = (row + 1, 0);
        }
        let place = (from + GAP, row, mark);
        from += own + SWATCH;
        place
    });
    placed.collect()
}

/// The title, and what the colours stand for.
fn explain(
    canvas: &Canvas<'_>,
    title: Option<&str>,
    heading: u32,
    legend: &[(u32, u32, &Mark)],
) -> Result<(), Failure> {
    if let Some(title) = title {
        canvas.draw(&Text::new(title, (pixels(GAP), pixels(GAP)), text("ink")))?;
    }
    for (from, row, mark) in legend {
        let (from, top) = (pixels(*from), pixels(heading + LINE * row + GAP));
        let swatch = [(from, top), (from + pixels(SWATCH / 2), top + pixels(SWATCH / 2))];
        // Where it is stronger than what it explains, it is still seen.
        canvas.draw(&Rectangle::new(swatch, ink(mark.colour, mark.strength.max(0.3)).filled()))?;
        canvas.draw(&Text::new(mark.label.as_str(), (from + pixels(SWATCH), top), text("soft")))?;
    }
    Ok(())
}

//! Pictures for people: a few marks over two axes, as SVG that needs no script, with the same in words and as a table.
//!
//! Colours are CSS custom properties, so one drawing is right on a light screen, on a dark one and on paper. Text is
//! laid out with room to grow, because on a phone it is drawn larger in relation to the picture.
//!
//! No charting library draws them. Of those whose output was looked at in both schemes, plotters 0.3 and charts-rs 2.3
//! write fixed colours, so that black text stands on a dark page; kuva 0.6 takes any CSS colour, but writes lines
//! with gaps as broken paths, names no values of one's own on an axis (the percentiles), has nothing for a screen
//! reader, and spends an element on each cell of a heatmap, which a page below a megabyte cannot.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

pub mod axis;
pub mod mark;

use axis::Axis;
use mark::Mark;

/// How pictures look, for the page that holds them.
pub const STYLE: &str = include_str!("chart.css");

/// A drawing is this wide, in its own units; it is scaled to the room there is.
const WIDTH: f64 = 600.0;
/// Height of most plots, without what stands around them.
pub const HEIGHT: f64 = 200.0;
/// Width of a character of the larger text.
const CHARACTER: f64 = 10.5;
/// Height of a line of the larger text.
const LINE: f64 = 22.0;
const MARGIN: f64 = 8.0;
/// Between a label and what it names.
const GAP: f64 = 6.0;

/// A picture.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its name in flags and file names, as in `response-time`.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What is to be seen, in words.
    pub words: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// Height of the plot itself, [`HEIGHT`] or what its rows take.
    pub height: f64,
    /// What is drawn, the lowest first.
    pub marks: Vec<Mark>,
    /// The same as figures.
    pub table: Table,
}

/// Figures in rows.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Headings of the columns.
    pub head: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

/// The part of a drawing that the axes span.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn x(self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.share(value) * (self.right - self.left)
    }

    fn y(self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.share(value) * (self.bottom - self.top)
    }
}

impl Chart {
    /// The picture with its heading, its words and its table, for a page with the [`STYLE`].
    pub fn figure(&self) -> Markup {
        html! {
            figure class="chart" id=(self.name) {
                figcaption { (self.title) }
                (self.svg(None))
                p class="words" { (self.words) }
                details { summary { "As a table" } (self.table.markup()) }
            }
        }
    }

    /// The picture as a file of its own.
    pub fn file(&self) -> String {
        self.svg(Some(STYLE)).into_string() + "\n"
    }

    fn svg(&self, style: Option<&str>) -> Markup {
        let legend = Legend::of(&self.marks);
        let heading = if style.is_some() { LINE } else { 0.0 };
        let top = MARGIN + heading + legend.height();
        let frame = Frame {
            left: MARGIN + GAP + CHARACTER * self.y.widest_label() as f64,
            right: WIDTH - self.x.overhang(CHARACTER).max(2.0 * MARGIN),
            top,
            bottom: top + self.height,
        };
        let height = frame.bottom + LINE * if self.x.title.is_empty() { 1.3 } else { 2.3 };
        let (title, words) = (format!("{}-title", self.name), format!("{}-words", self.name));
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox={ "0 0 " (WIDTH) " " (px(height)) }
                aria-labelledby={ (title) " " (words) } {
                title id=(title) { (self.title) }
                desc id=(words) { (self.words) }
                @if let Some(style) = style {
                    style { (PreEscaped(style)) }
                    rect class="paper" width="100%" height="100%" {}
                    text class="heading" x=(MARGIN) y=(px(MARGIN + 0.7 * LINE)) { (self.title) }
                }
                (legend.markup(MARGIN + heading))
                (self.grid(frame))
                @for mark in &self.marks { (mark.markup(frame, &self.x, &self.y)) }
                path class="axis" d={ "M" (px(frame.left)) " " (px(frame.bottom)) "H" (px(frame.right)) } {}
            }
        }
    }

    fn grid(&self, frame: Frame) -> Markup {
        let mut lines = String::new();
        for tick in &self.y.ticks {
            let _ = write!(lines, "M{} {}H{}", px(frame.left), px(frame.y(&self.y, tick.at)), px(frame.right));
        }
        for tick in &self.x.ticks {
            let _ = write!(lines, "M{} {}V{}", px(frame.x(&self.x, tick.at)), px(frame.top), px(frame.bottom));
        }
        let below = frame.bottom + 0.9 * LINE;
        html! {
            path class="grid" d=(lines) {}
            g class="end" {
                @for tick in &self.y.ticks {
                    text class=[tick.spare.then_some("spare")] x=(px(frame.left - GAP)) y=(px(frame.y(&self.y, tick.at) + 5.0)) { (tick.label) }
                }
            }
            g class="middle" {
                @for tick in &self.x.ticks {
                    text class=[tick.spare.then_some("spare")] x=(px(frame.x(&self.x, tick.at))) y=(px(below)) { (tick.label) }
                }
                @if !self.x.title.is_empty() {
                    text x=(px(f64::midpoint(frame.left, frame.right))) y=(px(below + LINE)) { (self.x.title) }
                }
            }
        }
    }
}

/// What the colours stand for, in rows above the plot.
#[derive(Debug)]
struct Legend<'m> {
    /// Where each begins, its class and its label.
    rows: Vec<Vec<(f64, String, &'m str)>>,
}

/// Width of a swatch and the room around it.
const SWATCH: f64 = 18.0;

impl<'m> Legend<'m> {
    fn of(marks: &'m [Mark]) -> Legend<'m> {
        let mut rows: Vec<Vec<_>> = Vec::new();
        let mut from = WIDTH;
        for (class, label) in marks.iter().filter_map(Mark::key) {
            let width = 1.5 * SWATCH + CHARACTER * label.chars().count() as f64;
            if from + width > WIDTH {
                rows.push(Vec::new());
                from = MARGIN;
            }
            if let Some(row) = rows.last_mut() {
                row.push((from, class, label));
            }
            from += width + SWATCH / 2.0;
        }
        Legend { rows }
    }

    fn height(&self) -> f64 {
        LINE * self.rows.len() as f64 + if self.rows.is_empty() { 0.0 } else { MARGIN }
    }

    fn markup(&self, top: f64) -> Markup {
        html! {
            @for (number, row) in self.rows.iter().enumerate() {
                @let base = top + LINE * (number as f64 + 0.7);
                @for (from, class, label) in row {
                    rect class={ "swatch " (class) } x=(px(*from)) y=(px(base - 10.0)) width="12" height="10" rx="2" {}
                    text x=(px(from + SWATCH)) y=(px(base)) { (label) }
                }
            }
        }
    }
}

impl Table {
    /// The table on a page; its first column heads its rows.
    pub fn markup(&self) -> Markup {
        html! {
            div class="scroll" {
                table {
                    thead { tr { @for cell in &self.head { th scope="col" { (cell) } } } }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @for (number, cell) in row.iter().enumerate() {
                                    @if number == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A coordinate, to a tenth of a unit and without a needless `.0`.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

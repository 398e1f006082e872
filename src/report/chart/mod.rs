//! Pictures for people: a few marks over two axes, as SVG that needs no script, with the same in words and as a table.
//!
//! Plotters lays them out and draws them. Of the libraries whose output was looked at in both schemes, it is the one
//! that can be told which values an axis names (percentiles, minutes) and that draws bands, boxes and lines with gaps
//! alike. What it lacks is added here: colours of the reader's scheme, and title, words and roles for screen readers.

use maud::{Markup, PreEscaped, html};

pub mod axis;
mod drawing;
pub mod mark;

use axis::Axis;
use drawing::{Drawing, WIDTH};
use mark::{Area, Mark};

/// How pictures look, for the page that holds them.
pub const STYLE: &str = include_str!("chart.css");

/// Height of most plots, without what stands around them.
pub const HEIGHT: u32 = 800;

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
    pub height: u32,
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
    /// Where each row stands in the picture: a browser shows it there when it is pointed at.
    pub places: Vec<Area>,
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
        let Drawing { svg, height, places } = Drawing::of(self, style.is_some());
        let (title, words) = (format!("{}-title", self.name), format!("{}-words", self.name));
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox={ "0 0 " (WIDTH) " " (height) }
                aria-labelledby={ (title) " " (words) } {
                title id=(title) { (self.title) }
                desc id=(words) { (self.words) }
                @if let Some(style) = style {
                    style { (PreEscaped(style)) }
                    rect class="paper" width="100%" height="100%" {}
                }
                (PreEscaped(svg))
                g class="places" {
                    @for ([from, to], row) in places.iter().zip(&self.table.rows) {
                        rect x=(from.0) y=(from.1) width=(to.0 - from.0) height=(to.1 - from.1) {
                            title { (self.table.said(row)) }
                        }
                    }
                }
            }
        }
    }
}

impl Table {
    /// A row in words.
    fn said(&self, row: &[String]) -> String {
        let cells = self.head.iter().zip(row).map(|(head, cell)| format!("{head}: {cell}"));
        cells.collect::<Vec<_>>().join("\n")
    }

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

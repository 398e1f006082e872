//! Faults of what the user wrote, all of them at once, drawn as rustc draws.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A text that faults point into: a file, or one `--set` flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path or flag, as the user knows it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Puts `*` in the place of a value, byte for byte; of a flag that is what stands behind its `=`.
    pub(super) fn mask(&mut self, span: Range<usize>) {
        let written = &self.text[span.clone()];
        let behind = if written.starts_with(['"', '\'']) { 0 } else { written.find('=').map_or(0, |at| at + 1) };
        let start = span.start + behind;
        self.text.replace_range(start..span.end, &"*".repeat(span.end - start));
    }
}

/// A place in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Index of the source.
    pub source: usize,
    /// Bytes of its text.
    pub span: Range<usize>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub title: String,
    /// Where, if it is anywhere in particular.
    pub place: Option<Place>,
    /// What to say at the caret.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// All faults of a profile; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(|problem| problem.title.as_str()).collect::<Vec<_>>().join("; "))]
pub struct Problems {
    sources: Vec<Source>,
    problems: Vec<Problem>,
}

impl Problems {
    /// Faults in these sources, in the order of their places.
    pub(super) fn new(sources: Vec<Source>, mut problems: Vec<Problem>) -> Problems {
        problems.sort_by_key(|problem| {
            problem.place.as_ref().map_or((usize::MAX, 0), |place| (place.source, place.span.start))
        });
        problems.dedup();
        Problems { sources, problems }
    }

    /// A fault that is nowhere in particular, such as a file that cannot be read.
    pub(super) fn one(title: impl Into<String>, help: Option<String>) -> Problems {
        let problem = Problem { title: title.into(), place: None, label: String::new(), help };
        Problems { sources: Vec::new(), problems: vec![problem] }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// All of them as text for people, coloured where that is wanted.
    pub fn draw(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let drawn: Vec<String> = self.problems.iter().map(|problem| self.draw_one(problem, &renderer)).collect();
        drawn.join("\n\n") + "\n"
    }

    fn draw_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(&problem.title);
        let mut group = match &problem.place {
            Some(place) => {
                let source = &self.sources[place.source];
                let caret = AnnotationKind::Primary.span(place.span.clone()).label(&problem.label);
                title.element(Snippet::source(&source.text).path(&source.name).annotation(caret))
            }
            None => annotate_snippets::Group::with_title(title),
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

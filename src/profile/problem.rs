//! Faults of what the user wrote, all of them at once, drawn as rustc draws.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::wire::plain;

/// A text that faults point into: a file, or one `--set` flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path or flag, as the user knows it.
    pub name: String,
    /// Its text.
    pub text: String,
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

impl Problem {
    /// The same without control characters: its words quote what the user wrote.
    fn plain(self) -> Problem {
        let Problem { title, place, label, help } = self;
        let help = help.map(|help| plain::lines(&help));
        Problem { title: plain::line(&title), place, label: plain::line(&label), help }
    }
}

/// What sources are called that are flags.
pub(super) const COMMAND_LINE: &str = "command line";
/// Most faults that are drawn: whoever has more reads no further.
const DRAWN: usize = 100;

/// The lines of a text, found by their places: of a long text only those are drawn that a fault is in.
struct Lines<'t> {
    text: &'t str,
    /// Where each begins.
    begins: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let behind = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, begins: std::iter::once(0).chain(behind).collect() }
    }

    /// The lines that a span lies in: the number of the first, from 1, where it begins, and their text.
    fn around(&self, span: &Range<usize>) -> (usize, usize, &'t str) {
        let first = self.begins.partition_point(|begin| *begin <= span.start).max(1);
        let begin = self.begins[first - 1];
        let behind = self.begins.partition_point(|begin| *begin <= span.end);
        let end = self.begins.get(behind).copied().unwrap_or(self.text.len());
        (first, begin, &self.text[begin..end])
    }
}

/// All faults of a profile; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(|problem| problem.title.as_str()).collect::<Vec<_>>().join("; "))]
pub struct Problems {
    sources: Vec<Source>,
    problems: Vec<Problem>,
}

impl Problems {
    /// Faults in these sources, in the order of their places; those of the command line first, which was typed last.
    pub(super) fn new(mut sources: Vec<Source>, problems: Vec<Problem>) -> Problems {
        let mut problems: Vec<Problem> = problems.into_iter().map(Problem::plain).collect();
        problems.sort_by_key(|problem| {
            let of = |place: &Place| (sources[place.source].name != COMMAND_LINE, place.source, place.span.start);
            problem.place.as_ref().map_or((true, usize::MAX, 0), of)
        });
        problems.dedup();
        for source in &mut sources {
            source.name = plain::line(&source.name);
        }
        Problems { sources, problems }
    }

    /// A fault that is nowhere in particular, such as a file that cannot be read.
    pub(super) fn one(title: impl Into<String>, help: Option<String>) -> Problems {
        let problem = Problem { title: title.into(), place: None, label: String::new(), help };
        Problems { sources: Vec::new(), problems: vec![problem.plain()] }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// The first of them, up to a bound, as text for people, coloured where that is wanted.
    pub fn draw(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let lines: Vec<Lines<'_>> = self.sources.iter().map(|source| Lines::of(&source.text)).collect();
        let shown = self.problems.iter().take(DRAWN);
        let mut drawn: Vec<String> = shown.map(|problem| self.draw_one(problem, &lines, &renderer)).collect();
        if let Some(more) = self.problems.len().checked_sub(DRAWN).filter(|more| *more > 0) {
            drawn.push(format!("and {more} more faults like these or others"));
        }
        let drawn = drawn.join("\n\n") + "\n";
        // What is left of a source beside colours is what the renderer has made of it.
        if colour { drawn } else { plain::lines(&drawn) }
    }

    fn draw_one(&self, problem: &Problem, lines: &[Lines<'_>], renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(&problem.title);
        let mut group = match &problem.place {
            Some(place) => {
                let (number, begin, text) = lines[place.source].around(&place.span);
                let span = place.span.start - begin..place.span.end - begin;
                let caret = AnnotationKind::Primary.span(span).label(&problem.label);
                let snippet = Snippet::source(text).line_start(number).path(&self.sources[place.source].name);
                title.element(snippet.annotation(caret))
            }
            None => annotate_snippets::Group::with_title(title),
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, part: &str) -> Problem {
        let start = text.find(part).expect("a part");
        let place = Some(Place { source: 0, span: start..start + part.len() });
        Problem { title: format!("{part} is wrong"), place, label: "here".to_owned(), help: None }
    }

    #[test]
    fn a_fault_is_drawn_with_its_own_lines_and_their_numbers() {
        let text = "a = 1\nb = [\n  2,\n]\nc = 3\n";
        let source = Source { name: "p.toml".to_owned(), text: text.to_owned() };
        for (part, place) in [("1", "p.toml:1:5"), ("c", "p.toml:5:1"), ("[\n  2,\n]", "p.toml:2:5")] {
            let problems = Problems::new(vec![source.clone()], vec![fault(text, part)]);
            let whole = Snippet::source(text).path("p.toml");
            let span = problems.problems[0].place.clone().expect("a place").span;
            let title = Level::ERROR.primary_title(&problems.problems[0].title);
            let caret = AnnotationKind::Primary.span(span).label("here");
            let drawn = problems.draw(false);
            assert_eq!(
                drawn,
                Renderer::plain().render(&[title.element(whole.annotation(caret))]) + "\n",
                "as of the whole"
            );
            assert!(drawn.contains(place), "{drawn}");
        }
    }

    #[test]
    fn many_faults_are_counted_and_the_first_are_drawn() {
        let text = (0..500).map(|number| format!("key{number:03} = 1\n")).collect::<Vec<_>>().concat();
        let source = Source { name: "p.toml".to_owned(), text: text.clone() };
        let faults = (0..500).map(|number| fault(&text, &format!("key{number:03}"))).collect();
        let problems = Problems::new(vec![source], faults);
        let drawn = problems.draw(false);
        assert_eq!((problems.count(), drawn.matches("is wrong").count()), (500, DRAWN));
        assert!(drawn.ends_with("\n\nand 400 more faults like these or others\n"), "{drawn}");
    }
}

//! What is wrong with a file, where, and what would fix it.
//!
//! Mistakes in syntax come from the parser, through [`from_ron_error`]; mistakes in meaning from
//! whoever reads the values. Both are shown alike, as rustc shows its own. What is *not* here:
//! deciding what is wrong.
//!
//! ```
//! use brownout::scenario::diagnostic::{Diagnostic, did_you_mean, render};
//! use brownout::scenario::source::{Path, Source};
//!
//! let source = Source::new("shop.ron", "(faults: [(link: \"oders>payment\")])");
//! let place = source.nearest(&Path::root().field("faults").index(0).field("link"));
//! let known = did_you_mean("oders", ["orders", "payment"]).expect("one letter is missing");
//! let diagnostic = Diagnostic::new(place, "no node is called `oders`", "expected a node")
//!     .with_help(format!("did you mean `{known}`?"));
//! assert!(render(&source, &[diagnostic], false).contains("shop.ron:1:18"));
//! ```

mod forms;
mod screen;
mod syntax;
#[cfg(test)]
mod tests;
mod wording;

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use strsim::damerau_levenshtein;

use super::source::{Place, Source};

pub use screen::Screen;
use screen::folded;
pub use syntax::from_ron_error;

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The offending text.
    pub place: Place,
    /// What is wrong: lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// What was expected at the place; may be empty.
    pub label: String,
    /// What would fix it.
    pub help: Option<String>,
    /// It makes sense as it is, and is hardly what was meant.
    pub is_warning: bool,
}

impl Diagnostic {
    /// A mistake at `place`, without a remedy yet.
    #[must_use]
    pub fn new(place: Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        let (message, label) = (message.into(), label.into());
        Self { place, message, label, help: None, is_warning: false }
    }

    /// Something at `place` that makes sense and is hardly meant.
    #[must_use]
    pub fn warning(place: Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { is_warning: true, ..Self::new(place, message, label) }
    }

    /// The same mistake with its remedy.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// What of its place is marked: all of it, or what stands in its first line.
    pub(crate) fn marked(&self, source: &Source) -> Range<usize> {
        let text = source.text();
        let start = self.place.start.min(text.len());
        let line = text[start..].lines().next().unwrap_or("").trim_end();
        start..self.place.end.clamp(start, start + line.len())
    }
}

/// All diagnostics in the order of their places, each with the line it is about, and a blank line
/// between two. A place of several lines is marked in its first, and a line wider than the screen is
/// shown around its mark.
#[must_use]
pub fn render(source: &Source, diagnostics: &[Diagnostic], screen: impl Into<Screen>) -> String {
    let screen = screen.into();
    let renderer = if screen.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(screen.width());
    let rendered: Vec<_> = in_order(diagnostics)
        .into_iter()
        .map(|diagnostic| render_one(source, diagnostic, &renderer, screen))
        .collect();
    rendered.join("\n")
}

/// Diagnostics in the order of their places.
pub(crate) fn in_order(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<_> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| (diagnostic.place.start, diagnostic.place.end));
    sorted
}

fn render_one(
    source: &Source,
    diagnostic: &Diagnostic,
    renderer: &Renderer,
    screen: Screen,
) -> String {
    let text = source.text();
    let label = printable(&diagnostic.label);
    let mark = AnnotationKind::Primary.span(diagnostic.marked(source));
    let mark = if label.is_empty() { mark } else { mark.label(label) };
    let level = if diagnostic.is_warning { Level::WARNING } else { Level::ERROR };
    let mut group = level
        .primary_title(printable(&diagnostic.message))
        .element(Snippet::source(text).path(source.name()).annotation(mark));
    if let Some(help) = &diagnostic.help {
        // The help stands behind the number of the line and `  = help: `.
        let before = diagnostic.place.line.to_string().len() + " = help: ".len();
        let help = folded(&printable(help), screen.width().saturating_sub(before));
        group = group.element(Level::HELP.message(help));
    }
    let mut rendered = renderer.render(&[group]);
    rendered.push('\n');
    rendered
}

/// Control characters in the user's words are spelled out, lest they control the terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// The known word that `word` is most likely meant to be; the first of several as likely.
///
/// Words count as alike up to one typing mistake (a letter wrong, missing or added, or two swapped)
/// for every three letters, whatever their case.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let mistakes_max = lower.chars().count().max(3) / 3;
    known
        .into_iter()
        .map(|known| (damerau_levenshtein(&lower, &known.to_lowercase()), known))
        .filter(|(mistakes, _)| *mistakes <= mistakes_max)
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, known)| known)
}

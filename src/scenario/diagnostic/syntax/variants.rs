//! Values that come in several forms, and those that had to be texts.

use super::Reader;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::diagnostic::forms::{form, named};
use crate::scenario::diagnostic::wording::excerpt;
use crate::scenario::source::Place;

impl Reader<'_> {
    /// The name of a variant with fields, without them.
    pub(super) fn bare_variant(&self) -> Diagnostic {
        let Some(place) = self.value_before() else {
            return self.wrong_value("`(..)`");
        };
        let name = self.source.slice(place);
        let help = match form(name, &self.source.labels_around(place.start)) {
            Some(form) => format!("write `{form}`"),
            None => format!("write `{name}(` and `)`, and between them what belongs to it"),
        };
        let message = format!("`{name}` stands without its fields");
        Diagnostic::new(place, message, "expected parentheses behind it").with_help(help)
    }

    /// The dots of `Name(..)`, which stand for something.
    pub(super) fn dots(&self, found: &str) -> Diagnostic {
        let place = self.word(found);
        let name = self.source.slice(self.opening());
        let help = match form(name, &self.source.labels_around(place.start)) {
            Some(form) => format!("write `{form}`"),
            None => "write what belongs here, or leave them out".to_owned(),
        };
        let message = format!("`{found}` stands for something that is still to be written");
        Diagnostic::new(place, message, "expected the fields themselves").with_help(help)
    }

    /// The place of a word that the parser stumbled over: it stands at it, or behind.
    fn word(&self, found: &str) -> Place {
        let token = self.token();
        if self.source.slice(token).starts_with(found) {
            return token;
        }
        let read = self.source.text().get(..self.at).unwrap_or_default();
        self.source.token_at(read.rfind(found).unwrap_or(self.before))
    }

    /// A number where a name was expected.
    pub(super) fn number(&self, found: &str) -> Diagnostic {
        let place = self.word(found);
        if let Some(nameless) = self.nameless(place) {
            return nameless;
        }
        let message = format!("`{found}` is a number, and the value here has a name");
        let labels = self.source.labels_around(place.start);
        let help = match labels.last() {
            Some(&"weather") => "write `Calm` or `Seed(seed: 3)`",
            Some(&"arrivals") => {
                "write a form of arrivals, like `Every(period: \"100ms\", count: 10)`"
            }
            Some(_) | None => {
                "values that come in several forms are written by name, like `AtMost(3)`"
            }
        };
        Diagnostic::new(place, message, "expected a word").with_help(help)
    }

    /// A value without the name of its field, where fields have names.
    pub(super) fn nameless(&self, place: Place) -> Option<Diagnostic> {
        let before = self.source.text()[..place.start].trim_end();
        let behind = self.source.text()[place.end..].trim_start();
        let opening = self.source.opening_around(place.start)?;
        let values = self.source.values_around(place.start);
        if before.ends_with(':') || behind.starts_with(':') || values.is_empty() {
            return None;
        }
        let name = self.source.slice(opening);
        let form = form(name, &self.source.labels_around(place.start));
        let whose = form.map_or_else(String::new, |_| format!("of `{name}` "));
        let help = match form.filter(|form| !form.ends_with("()")) {
            Some(form) => format!("write `{}`", named(form, &values)),
            None => "write the field's name and `:` before it".to_owned(),
        };
        let message = format!(
            "fields {whose}have names, and `{}` stands without one",
            excerpt(self.source.slice(place))
        );
        Some(Diagnostic::new(place, message, "expected the name of a field").with_help(help))
    }

    /// What begins with a single quote here, up to the next one in its line.
    pub(super) fn quoted_at(&self, start: usize) -> Place {
        let line = self.source.text()[start..].lines().next().unwrap_or("");
        let closing = line.char_indices().skip(1).find(|(_, c)| *c == '\'');
        let end = closing.map_or(line.len(), |(at, _)| at + 1);
        self.source.stretch(start..start + end)
    }

    /// A text in the quotes of a character.
    pub(super) fn single_quotes(&self, place: Place) -> Diagnostic {
        let text = self.source.slice(place);
        let message = format!("`{}` stands in single quotes", excerpt(text));
        let help = format!("write `\"{}\"`", excerpt(text.trim_matches('\'')));
        Diagnostic::new(place, message, "expected double quotes").with_help(help)
    }
}

/// What to do about a value that had to be a text like the expected one.
pub(super) fn unquoted(text: &str, expected: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphabetic() || c == '/' || c == '%';
    let begins = text.starts_with(|c: char| c.is_ascii_digit());
    let is_number = begins && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_share = text.parse().is_ok_and(|percent: u32| percent <= 100);
    if (begins && text.contains(is_part)) || (is_number && expected.starts_with("a factor")) {
        format!("put it in quotes: `\"{text}\"`")
    } else if is_share && expected.starts_with("odds") {
        format!("write it as a text: `\"{text}%\"`")
    } else {
        format!("write {expected}")
    }
}

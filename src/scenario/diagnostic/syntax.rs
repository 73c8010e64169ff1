//! The parser's errors in the house's words.

mod variants;

use ron::error::{Error, SpannedError};

use super::wording::{excerpt, one_of, words};
use super::{Diagnostic, did_you_mean};
use crate::scenario::source::{Place, Source};
use variants::unquoted;

/// Lists of names up to this length fit beside the carets; longer ones go to the help.
const NAMES_BESIDE_MAX: usize = 5;

/// What the parser's error means: the same place, our words, and the remedy.
///
/// The parser knows its position only, which by kind of error is before the offending token, behind
/// the value it has just read, or on the sign that closes a struct too early.
#[must_use]
pub fn from_ron_error(source: &Source, error: &SpannedError) -> Diagnostic {
    let before = source.offset(error.span.start.line, error.span.start.col);
    let at = source.offset(error.span.end.line, error.span.end.col);
    let at = source.text().len() - source.text()[at..].trim_start().len();
    Reader { source, before, at }.diagnostic(&error.code)
}

/// What `#![enable(..)]` takes.
const EXTENSIONS: [&str; 4] =
    ["implicit_some", "unwrap_newtypes", "unwrap_variant_newtypes", "explicit_struct_names"];

struct Reader<'a> {
    source: &'a Source,
    /// Where the last token that the parser took starts, or somewhere in it.
    before: usize,
    /// Where the parser stands, behind blanks.
    at: usize,
}

impl Reader<'_> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's errors are open-ended, and the rest speak for themselves"
    )]
    fn diagnostic(&self, error: &Error) -> Diagnostic {
        match error {
            Error::NoSuchStructField { expected, found, outer } => {
                self.unknown("field", found, expected, outer.as_deref())
            }
            Error::NoSuchEnumVariant { expected, found, outer } => {
                // The house's enums are called after what they are: `Step`, `Fault`, `RouteMatch`.
                let what = outer.as_deref().map_or("variant".to_owned(), words);
                let unknown = self.unknown(&what, found, expected, None);
                match self.field_before() {
                    Some(field) => {
                        let message = format!("`{field}` cannot be `{found}`");
                        Diagnostic { message, ..unknown }
                    }
                    None => unknown,
                }
            }
            Error::ExpectedDifferentStructName { expected, found } => {
                self.other_name(expected, found)
            }
            Error::MissingStructField { field, outer } => self.missing(field, outer.as_deref()),
            Error::DuplicateStructField { field, .. } => Diagnostic::new(
                self.consumed(),
                format!("field `{field}` stands twice"),
                "expected each field once",
            )
            .with_help("remove one of the two"),
            Error::SuggestRawIdentifier(found)
                if found.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                self.number(found)
            }
            Error::SuggestRawIdentifier(found) if found.starts_with("..") => self.dots(found),
            Error::InvalidValueForType { .. } | Error::Message(_)
                if self.source.slice(self.consumed()).starts_with('\'') =>
            {
                self.single_quotes(self.consumed())
            }
            Error::InvalidValueForType { expected, found } => {
                let place = self.consumed();
                let message = format!("expected {expected}, found {found}");
                let help = unquoted(self.source.slice(place), expected);
                Diagnostic::new(place, message, format!("expected {expected}")).with_help(help)
            }
            Error::ExpectedDifferentLength { expected, found } => Diagnostic::new(
                self.opening(),
                format!("wrong number of elements: {found}"),
                format!("expected {expected}"),
            )
            .with_help(format!("write {expected}")),
            Error::IntegerOutOfBounds => {
                let place = self.consumed();
                let number = self.source.slice(place);
                let message = format!("`{number}` is out of range");
                if number.starts_with('-') {
                    Diagnostic::new(place, message, "expected a larger number")
                        .with_help("write 0 or more")
                } else {
                    Diagnostic::new(place, message, "expected a smaller number")
                        .with_help("write a number with fewer digits")
                }
            }
            Error::Message(message) => {
                // The house's errors end in their remedy, behind a semicolon.
                let (message, help) = message.split_once("; ").unwrap_or((message, ""));
                let help = (!help.is_empty()).then(|| help.to_owned());
                let expected = message.split_once("` is not ").map(|(_, expected)| expected);
                let expected = expected.unwrap_or(match message {
                    _ if message.ends_with("is out of range") => "a shorter span",
                    _ if message.ends_with("finer than a nanosecond") => "whole nanoseconds",
                    _ if message.ends_with("too many digits for odds") => "fewer digits",
                    _ => "another value",
                });
                let label = format!("expected {expected}");
                Diagnostic { help, ..Diagnostic::new(self.consumed(), message, label) }
            }
            Error::ExpectedInteger => self.wrong_value("a whole number"),
            Error::ExpectedFloat => self.wrong_value("a number"),
            Error::ExpectedBoolean => self.wrong_value("`true` or `false`"),
            Error::ExpectedString => self.wrong_value("text in quotes"),
            Error::ExpectedChar if self.source.text()[..self.token().start].ends_with('\'') => {
                self.single_quotes(self.quoted_at(self.token().start - 1))
            }
            Error::ExpectedChar => self.wrong_value("a character in single quotes"),
            Error::ExpectedArray => self.wrong_value("a list `[..]`"),
            Error::ExpectedMap => self.wrong_value("a map `{ .. }`"),
            Error::ExpectedOption => self.wrong_value("`Some(..)` or `None`"),
            Error::ExpectedUnit => self.wrong_value("`()`"),
            Error::ExpectedStructLike => self.bare_variant(),
            Error::ExpectedNamedStructLike("") => self.wrong_value("an opening `(`"),
            Error::ExpectedNamedStructLike(name) => {
                self.wrong_value(&format!("`(..)` or `{name}(..)`"))
            }
            Error::ExpectedIdentifier => self.wrong_value("a name without quotes"),
            Error::ExpectedMapColon => self.wrong_sign("a colon `:`"),
            Error::ExpectedComma => self.comma(),
            Error::ExpectedArrayEnd => self.wrong_sign("a closing `]`"),
            Error::ExpectedMapEnd => self.wrong_sign("a closing `}`"),
            Error::ExpectedStructLikeEnd | Error::ExpectedOptionEnd => {
                self.wrong_sign("a closing `)`")
            }
            Error::ExpectedStringEnd => Diagnostic::new(
                self.source.token_at(self.before),
                "this text never ends",
                "expected a closing quote",
            )
            .with_help("close it with `\"`; within text, write quotes as `\\\"`"),
            Error::TrailingCharacters => Diagnostic::new(
                self.token(),
                format!("`{}` stands behind the end", excerpt(self.text())),
                "expected nothing more",
            )
            .with_help("remove it, or the bracket that closes everything too early"),
            Error::NoSuchExtension(name) => self.unknown("extension", name, &EXTENSIONS, None),
            Error::Eof => self.too_short("more"),
            other => {
                let message = other.to_string();
                let mut rest = message.chars();
                let first = rest.next().map(|c| c.to_ascii_lowercase());
                let message: String = first.into_iter().chain(rest).collect();
                let help = match other {
                    Error::UnclosedBlockComment => "close the comment with `*/`",
                    Error::InvalidEscape(_) => "write a backslash as `\\\\`",
                    _ => "compare it with the reference of the format",
                };
                Diagnostic::new(self.consumed(), message, "expected something else").with_help(help)
            }
        }
    }

    /// The token at which the parser stands.
    fn token(&self) -> Place {
        self.source.token_at(self.at)
    }

    fn text(&self) -> &str {
        self.source.slice(self.token())
    }

    /// What the parser has just read.
    fn consumed(&self) -> Place {
        self.value_before().unwrap_or_else(|| self.source.token_at(self.before))
    }

    fn value_before(&self) -> Option<Place> {
        self.source.value_before(self.source.text()[..self.at].trim_end().len())
    }

    /// The name of the field whose value the last token begins.
    fn field_before(&self) -> Option<&str> {
        let start = self.source.token_at(self.before).start;
        let before = self.source.text()[..start].trim_end().strip_suffix(':')?.trim_end();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let field = &before[before.trim_end_matches(is_word).len()..];
        (!field.is_empty()).then_some(field)
    }

    /// What opens the struct or tuple in which the parser stands.
    fn opening(&self) -> Place {
        self.source.opening_around(self.at).unwrap_or_else(|| self.token())
    }

    fn unknown(&self, what: &str, found: &str, known: &[&str], outer: Option<&str>) -> Diagnostic {
        let place = self.source.token_at(self.before);
        let within = outer.map(|outer| format!(" in `{outer}`")).unwrap_or_default();
        let listed = one_of(known);
        let label = match known.len() {
            0 => format!("expected no {what}"),
            1..=NAMES_BESIDE_MAX => format!("expected {listed}"),
            _ => format!("expected another {what}"),
        };
        let guess = did_you_mean(found, known.iter().copied())
            .map(|guess| format!("did you mean `{guess}`?"));
        let help = match (guess, known.len()) {
            (Some(guess), _) => Some(guess),
            (None, 0) => Some("remove it".to_owned()),
            (None, _) => Some(format!("use {listed}")),
        };
        Diagnostic {
            help,
            ..Diagnostic::new(place, format!("unknown {what} `{found}`{within}"), label)
        }
    }

    fn missing(&self, field: &str, outer: Option<&str>) -> Diagnostic {
        let within = outer.map(|outer| format!(" in `{outer}`")).unwrap_or_default();
        Diagnostic::new(
            self.opening(),
            format!("missing field `{field}`{within}"),
            format!("expected `{field}: ..` in here"),
        )
        .with_help(format!("add `{field}: ..` between its parentheses"))
    }

    /// A name in front of parentheses that is not the type's, or a field where the parentheses of
    /// an inner struct are missing.
    fn other_name(&self, expected: &str, found: &str) -> Diagnostic {
        if !self.source.text()[self.at..].starts_with(':') {
            return self.unknown("name", found, &[expected], None);
        }
        Diagnostic::new(
            self.source.token_at(self.before),
            format!("field `{found}` stands outside of its struct"),
            format!("expected `(..)` or `{expected}(..)`"),
        )
        .with_help(format!("put parentheses around the fields: `{expected}({found}: ..)`"))
    }

    fn wrong_value(&self, expected: &str) -> Diagnostic {
        let found = self.text();
        if found.is_empty() {
            return self.too_short(expected);
        }
        if matches!(expected, "text in quotes" | "a name without quotes") && found.starts_with('\'')
        {
            return self.single_quotes(self.quoted_at(self.token().start));
        }
        if expected == "a name without quotes"
            && let Some(nameless) = self.nameless(self.token())
        {
            return nameless;
        }
        let message = format!("`{}` is not {expected}", excerpt(found));
        let diagnostic = Diagnostic::new(self.token(), message, format!("expected {expected}"));
        let unquoted = found.trim_matches('"');
        let is_word = !found.starts_with(['(', '[', '{', '"', '\'', ')', ']', '}', ',', ':']);
        if expected == "text in quotes" && is_word {
            return diagnostic.with_help(format!("put it in quotes: `\"{found}\"`"));
        }
        if expected == "a list `[..]`" && unquoted != found {
            return diagnostic.with_help(format!("put it in brackets: `[{}]`", excerpt(found)));
        }
        if expected == "a name without quotes" && unquoted != found {
            return diagnostic.with_help(format!("remove the quotes: `{unquoted}`"));
        }
        if expected == "a whole number" && unquoted != found && unquoted.parse::<u64>().is_ok() {
            return diagnostic.with_help(format!("remove the quotes: `{unquoted}`"));
        }
        diagnostic.with_help(format!("write {expected}"))
    }

    fn wrong_sign(&self, expected: &str) -> Diagnostic {
        let found = self.text();
        if found.is_empty() {
            return self.too_short(expected);
        }
        let message = format!("expected {expected}, found `{}`", excerpt(found));
        let diagnostic = Diagnostic::new(self.token(), message, format!("expected {expected}"));
        if found == "=" {
            return diagnostic.with_help("write `:` between a name and its value");
        }
        self.with_unclosed(diagnostic.with_help(format!("put {expected} before it")))
    }

    /// The parser has read a value and can make nothing of what follows.
    fn comma(&self) -> Diagnostic {
        let token = self.token();
        let found = self.source.slice(token);
        if found.is_empty() {
            return self.too_short("a comma or a closing bracket");
        }
        if let Some(text) = self.runaway() {
            return text;
        }
        let read = &self.source.text()[token.start..self.at.max(token.start)];
        if !read.is_empty() {
            if found[read.len()..].starts_with('.') {
                let message = format!("`{}` is not a whole number", excerpt(found));
                return Diagnostic::new(token, message, "expected a whole number")
                    .with_help("write it without a fraction");
            }
            let message = format!("`{}` is not a value that fits here", excerpt(found));
            let label = format!("expected a comma after `{read}`");
            return Diagnostic::new(token, message, label)
                .with_help(format!("put it in quotes, `\"{found}\"`, or write `{read}` alone"));
        }
        let label = "expected a comma or a closing bracket";
        let diagnostic = Diagnostic::new(token, format!("unexpected `{}`", excerpt(found)), label);
        if matches!(found, ")" | "]" | "}") {
            let closing = Diagnostic { label: "closes nothing".into(), ..diagnostic };
            return self.with_unclosed(closing.with_help("remove it"));
        }
        if matches!(found, "(" | "[" | "{") {
            let name = self.source.slice(self.source.token_at(self.at.saturating_sub(1)));
            return diagnostic.with_help(format!("`{name}` takes nothing in parentheses"));
        }
        diagnostic.with_help(format!("put a comma before `{}`", excerpt(found)))
    }

    /// A text that was meant to end in its line, and ends where the next one begins.
    fn runaway(&self) -> Option<Diagnostic> {
        let before = self.value_before()?;
        let text = self.source.slice(before);
        if !text.starts_with('"') || !text.contains('\n') {
            return None;
        }
        let message = format!("this text goes on until line {}", self.token().line);
        let diagnostic = Diagnostic::new(before, message, "expected a closing quote");
        Some(diagnostic.with_help("close it with `\"`; within text, write quotes as `\\\"`"))
    }

    fn too_short(&self, expected: &str) -> Diagnostic {
        let read = self.source.text().trim_end();
        let (message, expected, help) = if read.is_empty() {
            ("the file is empty", expected, "begin with `(` and end with `)`".to_owned())
        } else if read.ends_with([',', '(', '[', '{', '}', ']', ')']) {
            ("the text ends too early", "a closing bracket", "close what is open".to_owned())
        } else {
            ("the text ends too early", expected, format!("write {expected}"))
        };
        let label = format!("expected {expected}");
        let end = self.source.stretch(read.len()..read.len());
        self.with_unclosed(Diagnostic::new(end, message, label).with_help(help))
    }

    fn with_unclosed(&self, diagnostic: Diagnostic) -> Diagnostic {
        match self.source.unclosed() {
            Some(open) => diagnostic.with_help(format!(
                "close the `{}` of line {}, column {}",
                self.source.slice(open),
                open.line,
                open.column
            )),
            None => diagnostic,
        }
    }
}

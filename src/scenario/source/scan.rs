//! A tolerant scanner of RON: text in, a tree of ranges out, whatever the text.

use std::ops::Range;

/// How deep values may nest, as in the parser; what is deeper is one opaque value.
const DEPTH_MAX: usize = 128;

/// A value: where it stands and what stands in it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// From its name or first sign to its last.
    pub(super) range: Range<usize>,
    pub(super) shape: Shape,
    /// The struct or variant name in front of parentheses.
    pub(super) name: Option<Range<usize>>,
    /// The sign that opens it.
    pub(super) opening: Option<Range<usize>>,
    /// Whether the sign that opens it is closed; true without one.
    pub(super) closed: bool,
    pub(super) children: Vec<Child>,
    is_some: bool,
}

/// What kind of value it is, as far as its signs tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number, string, character or name; also what is missing.
    Scalar,
    /// `(..)` or `Name(..)`.
    Parens,
    /// `[..]`.
    List,
    /// `{..}`.
    Map,
}

/// A value within another.
#[derive(Clone, Debug)]
pub(super) struct Child {
    /// The field name or map key; none in lists and tuples.
    pub(super) label: Option<Label>,
    pub(super) node: Node,
}

/// A field name or map key.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// The text of a string, the spelling of anything else.
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

impl Node {
    fn scalar(range: Range<usize>) -> Self {
        let (name, opening, children) = (None, None, Vec::new());
        Self { range, shape: Shape::Scalar, name, opening, closed: true, children, is_some: false }
    }

    /// The value itself or, for `Some(x)`, x.
    pub(super) fn inside_some(&self) -> &Self {
        let mut node = self;
        while node.is_some {
            let Some(only) = node.only_value() else { break };
            node = only;
        }
        node
    }

    /// What stands in parentheses around exactly one value.
    pub(super) fn only_value(&self) -> Option<&Self> {
        match &*self.children {
            [Child { label: None, node }] if self.shape == Shape::Parens => Some(node),
            _ => None,
        }
    }
}

/// The value that `text` spells.
pub(super) fn scan(text: &str) -> Node {
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    scanner.skip_attributes();
    scanner.value().unwrap_or_else(|| Node::scalar(scanner.at..scanner.at))
}

/// The token that contains the byte at `offset`; empty at the end of a line or of the text.
pub(super) fn token_at(text: &str, offset: usize) -> Range<usize> {
    let mut start = 0;
    while start < text.len() {
        let end = start + token_length(&text[start..]);
        if offset < end {
            let blank = text[start..end].starts_with(is_blank);
            return if blank { offset..offset } else { start..end };
        }
        start = end;
    }
    text.len()..text.len()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn token(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += token_length(self.rest());
        start..self.at
    }

    fn skip_blanks_and_comments(&mut self) {
        while self.rest().starts_with(is_blank) || comment_length(self.rest()).is_some() {
            self.token();
        }
    }

    /// `#![enable(..)]`, any number of times, and a byte order mark.
    fn skip_attributes(&mut self) {
        if self.rest().starts_with('\u{feff}') {
            self.token();
        }
        self.skip_blanks_and_comments();
        while self.rest().starts_with('#') {
            self.at += self.rest().find(']').map_or(self.rest().len(), |end| end + 1);
            self.skip_blanks_and_comments();
        }
    }

    /// The next value, if one stands here.
    fn value(&mut self) -> Option<Node> {
        self.skip_blanks_and_comments();
        match self.peek()? {
            '(' => Some(self.container(Shape::Parens, ')')),
            '[' => Some(self.container(Shape::List, ']')),
            '{' => Some(self.container(Shape::Map, '}')),
            ')' | ']' | '}' | ',' | ':' => None,
            _ => Some(self.named_or_scalar()),
        }
    }

    fn named_or_scalar(&mut self) -> Node {
        let word = self.token();
        let end = self.at;
        self.skip_blanks_and_comments();
        if !is_identifier(&self.text[word.clone()]) || self.peek() != Some('(') {
            self.at = end;
            return Node::scalar(word);
        }
        let mut node = self.container(Shape::Parens, ')');
        node.is_some = &self.text[word.clone()] == "Some";
        node.range.start = word.start;
        node.name = Some(word);
        node
    }

    /// What stands between an opening sign, which is here, and its closing one.
    fn container(&mut self, shape: Shape, closing: char) -> Node {
        let opening = self.token();
        let mut children = Vec::new();
        let mut closed = false;
        self.depth += 1;
        loop {
            self.skip_blanks_and_comments();
            match self.peek() {
                None => break,
                Some(sign) if sign == closing => {
                    self.token();
                    closed = true;
                    break;
                }
                // The sign closes something further out.
                Some(')' | ']' | '}') => break,
                Some(',' | ':') => {
                    self.token();
                }
                Some(_) if self.depth > DEPTH_MAX => self.skip_balanced(),
                Some(_) => children.extend(self.child(shape)),
            }
        }
        self.depth -= 1;
        let range = opening.start..self.at;
        let opening = Some(opening);
        Node { range, shape, name: None, opening, closed, children, is_some: false }
    }

    fn child(&mut self, shape: Shape) -> Option<Child> {
        let first = self.value()?;
        let end = self.at;
        self.skip_blanks_and_comments();
        let labelled = match shape {
            Shape::Map => true,
            Shape::Parens => first.shape == Shape::Scalar && self.peek() == Some(':'),
            Shape::List | Shape::Scalar => false,
        };
        if !labelled {
            self.at = end;
            return Some(Child { label: None, node: first });
        }
        let label = Some(Label { text: self.label_text(&first.range), range: first.range });
        if self.peek() != Some(':') {
            return Some(Child { label, node: Node::scalar(end..end) });
        }
        self.token();
        let after_colon = self.at;
        let node = self.value().unwrap_or_else(|| Node::scalar(after_colon..after_colon));
        Some(Child { label, node })
    }

    fn label_text(&self, range: &Range<usize>) -> String {
        let spelling = &self.text[range.clone()];
        if let Some(raw) = spelling.strip_prefix("r#").filter(|_| !spelling.ends_with('#')) {
            return raw.to_owned();
        }
        let is_string = spelling.starts_with(['"', 'r']) && spelling.contains('"');
        let text = is_string.then(|| ron::from_str(spelling).ok()).flatten();
        text.unwrap_or_else(|| spelling.to_owned())
    }

    /// Goes behind the next token or, if that opens something, behind what closes it.
    fn skip_balanced(&mut self) {
        let mut open = 0_usize;
        while let Some(sign) = self.peek() {
            match sign {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            self.token();
            if open == 0 {
                return;
            }
        }
    }
}

/// The length in bytes of the token at the start of `rest`, which is not empty: a run of blanks, a
/// comment, a string, a character, a sign, or a run of anything else.
fn token_length(rest: &str) -> usize {
    let first = rest.chars().next().unwrap_or(' ');
    if is_blank(first) {
        return rest.find(|c| !is_blank(c)).unwrap_or(rest.len());
    }
    let special = comment_length(rest).or_else(|| string_length(rest)).or_else(|| {
        let byte = rest.strip_prefix('b').and_then(char_length).map(|length| length + 1);
        char_length(rest).or(byte)
    });
    if let Some(length) = special {
        return length;
    }
    if is_sign(first) {
        return first.len_utf8();
    }
    // A slash alone belongs to the word: odds written without quotes are one mistake.
    let ends = |&(at, c): &(usize, char)| {
        at > 0 && (is_blank(c) || is_sign(c) || comment_length(&rest[at..]).is_some())
    };
    let word = rest.char_indices().find(ends).map_or(rest.len(), |(at, _)| at);
    word.max(first.len_utf8())
}

fn comment_length(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let mut open = 1;
    let mut at = 2;
    while open > 0 && at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        let (change, step) = match tail {
            [b'/', b'*', ..] => (1, 2),
            [b'*', b'/', ..] => (-1, 2),
            _ => (0, 1),
        };
        open += change;
        at += step;
    }
    Some(at)
}

/// `"a\"b"`, `b"a"`, `r"a"`, `r#"a"b"#`, `br#"a"#`; to the end of the text when it never ends.
fn string_length(rest: &str) -> Option<usize> {
    let unprefixed = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = rest.len() - raw.len() + hashes + 1;
            let closing = format!("\"{}", "#".repeat(hashes));
            let end = rest[start..].find(&closing).map(|end| start + end + closing.len());
            return Some(end.unwrap_or(rest.len()));
        }
    }
    let body = unprefixed.strip_prefix('"')?;
    let start = rest.len() - body.len();
    Some(closing_quote(body).map_or(rest.len(), |end| start + end))
}

/// `'a'`, `'\''`, `'\u{1f600}'`; `None` when no quote closes it.
fn char_length(rest: &str) -> Option<usize> {
    /// The longest escape is `\u{10ffff}`.
    const LENGTH_MAX: usize = 10;
    let body = rest.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let length = if first == '\\' {
        // Behind the backslash comes one character more that may be a quote.
        let ends = |&(at, c): &(usize, char)| at > 1 && c == '\'';
        body.char_indices().take(LENGTH_MAX + 1).find(ends)?.0
    } else {
        first.len_utf8()
    };
    body[length..].starts_with('\'').then_some(length + 2)
}

/// The length up to and with the first double quote that no backslash escapes.
fn closing_quote(body: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if c == '"' && !escaped {
            return Some(at + 1);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}')
}

fn is_sign(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ',' | ':' | '"' | '\'')
}

fn is_identifier(word: &str) -> bool {
    let word = word.strip_prefix("r#").unwrap_or(word);
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && !word.contains(['"', '\''])
}

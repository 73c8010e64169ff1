//! Where in a RON file a value stands.
//!
//! The RON parser forgets positions once a value is read, so what is wrong in *meaning* is found
//! without them. [`Source`] scans the text once more, tolerantly, and finds the place of a value
//! from its [`Path`]. What is *not* here: reading values, and judging them.
//!
//! # How a path meets the text
//!
//! | text | path of `x` |
//! |---|---|
//! | `(a: x)`, `Name(a: x)`, `Variant(a: x)` | `.field("a")` |
//! | `Variant(Name(a: x))`, `Variant((a: x))`, `((a: x))` | `.field("a")` |
//! | `{ "k": x }`, `{ k: x }`, `Variant({ "k": x })` | `.key("k")` |
//! | `{ 5: x }` | `.key("5")` |
//! | `[x]`, `(x, y)`, `Variant(x, y)`, `Variant(x)` | `.index(0)` |
//! | `Variant([x])` | `.index(0).index(0)` |
//! | `Some(x)` | the path of `Some(x)` |
//!
//! In words: names of structs and variants add no segment. On the way to a field or a key,
//! parentheses around exactly one value are looked through; on the way to an index they are not,
//! as their one value has an index itself. `Some` is as good as not there, wherever it stands. A
//! key is the text of a string, or the spelling of anything else.
//!
//! Of several equal keys the last counts, as it does for the parser.
//!
//! ```
//! use brownout::scenario::source::{Path, Source};
//!
//! let source = Source::new("shop.ron", r#"(nodes: { "payment": Service(instances: 0) })"#);
//! let path = Path::root().field("nodes").key("payment").field("instances");
//! let place = source.find(&path).expect("the path is in the text");
//! assert_eq!(source.slice(place), "0");
//! assert_eq!((place.line, place.column), (1, 41));
//! assert_eq!(path.to_string(), r#"nodes."payment".instances"#);
//! ```

mod around;
mod scan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use scan::{Node, Shape};

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A RON text with its name and the places of everything in it.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
    root: Node,
}

/// The way from the root of a file to a value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Path(Vec<Segment>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Segment {
    Field(String),
    Key(String),
    Index(usize),
}

/// A stretch of text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The byte at which it starts.
    pub start: usize,
    /// The byte before which it ends.
    pub end: usize,
    /// The line in which it starts, from 1.
    pub line: usize,
    /// The column at which it starts, in characters from 1.
    pub column: usize,
}

impl Path {
    /// The file as a whole.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The field called `name` of the struct at this path.
    #[must_use]
    pub fn field(&self, name: impl Into<String>) -> Self {
        self.join(Segment::Field(name.into()))
    }

    /// The value of `key` in the map at this path.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.join(Segment::Key(key.into()))
    }

    /// The element at `index`, from 0, of the list or tuple at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Segment::Index(index))
    }

    fn join(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for Path {
    /// Writes `nodes."payment".instances` and `faults[2].odds`; nothing for the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            let dot = if position == 0 { "" } else { "." };
            match segment {
                Segment::Field(name) => write!(f, "{dot}{name}")?,
                Segment::Key(key) => write!(f, "{dot}{key:?}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Source {
    /// The text of the file `name`, whether it is sound RON or not.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with(BYTE_ORDER_MARK) {
            // Some editors put one in front; it is no part of the text.
            text.remove(0);
        }
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
            .collect();
        let root = scan::scan(&text);
        Self { name: name.into(), text, lines, root }
    }

    /// The text of the JSON file `name`, whether it is sound or not. Objects are read as structs: the
    /// path of `x` in `{"a": x}` is `.field("a")`.
    #[must_use]
    pub fn of_json(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut source = Self::new(name, text);
        let mut waiting = vec![&mut source.root];
        while let Some(node) = waiting.pop() {
            if node.shape == Shape::Map {
                node.shape = Shape::Parens;
            }
            waiting.extend(node.children.iter_mut().map(|child| &mut child.node));
        }
        source
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text at a place; empty for a place of another text.
    #[must_use]
    pub fn slice(&self, place: Place) -> &str {
        self.text.get(place.start..place.end).unwrap_or("")
    }

    /// The place of the value at `path`, if the text has one.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<Place> {
        let (node, rest) = self.walk(path);
        rest.is_empty().then(|| self.place_of(&node.inside_some().range))
    }

    /// The place of the field name or map key that `path` ends in, if the text has one.
    #[must_use]
    pub fn find_key(&self, path: &Path) -> Option<Place> {
        let (last, before) = path.0.split_last()?;
        let (node, rest) = walk(&self.root, before);
        if !rest.is_empty() {
            return None;
        }
        child(node, last)?.label.as_ref().map(|label| self.place_of(&label.range))
    }

    /// The place of the struct or variant name in front of the value at `path`, if it has one.
    #[must_use]
    pub fn find_name(&self, path: &Path) -> Option<Place> {
        let (node, rest) = self.walk(path);
        let name = node.inside_some().name.as_ref()?;
        rest.is_empty().then(|| self.place_of(name))
    }

    /// The place of the value at `path` or, when the text has none, of its closest ancestor.
    #[must_use]
    pub fn nearest(&self, path: &Path) -> Place {
        let (node, _) = self.walk(path);
        self.place_of(&node.inside_some().range)
    }

    /// The place of the first `part` of the text at a place; all of it where the part does not stand
    /// in it as it is.
    #[must_use]
    pub fn first_in(&self, place: Place, part: &str) -> Place {
        self.part(place, self.slice(place).find(part), part)
    }

    /// The place of the last `part` of the text at a place; all of it where the part does not stand
    /// in it as it is.
    #[must_use]
    pub fn last_in(&self, place: Place, part: &str) -> Place {
        self.part(place, self.slice(place).rfind(part), part)
    }

    fn part(&self, whole: Place, offset: Option<usize>, part: &str) -> Place {
        offset.map_or(whole, |offset| {
            let start = whole.start + offset;
            self.place_of(&(start..start + part.len()))
        })
    }

    /// Every map key that stands again later in the same map, which the parser would silently
    /// forget: the earlier and the later key, in the order of the later one.
    #[must_use]
    pub fn repeated_keys(&self) -> Vec<(Place, Place)> {
        let mut found = Vec::new();
        let mut waiting = vec![&self.root];
        while let Some(node) = waiting.pop() {
            let labels: Vec<_> = node.children.iter().filter_map(|c| c.label.as_ref()).collect();
            for (position, later) in labels.iter().enumerate() {
                let earlier = labels[..position].iter().rfind(|earlier| earlier.text == later.text);
                if let (Shape::Map, Some(earlier)) = (node.shape, earlier) {
                    found.push((self.place_of(&earlier.range), self.place_of(&later.range)));
                }
            }
            waiting.extend(node.children.iter().map(|child| &child.node));
        }
        found.sort_by_key(|(_, later)| later.start);
        found
    }

    /// The place of the word, string or sign at a line and column (in characters), both from 1;
    /// empty beyond the end of a line.
    #[must_use]
    pub fn place(&self, line: usize, column: usize) -> Place {
        self.token_at(self.offset(line, column))
    }

    /// The byte at a line and column, both from 1; the end of the line or text beyond them.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(&start) = self.lines.get(line.saturating_sub(1)) else {
            return self.text.len();
        };
        let rest = &self.text[start..];
        let length = rest.find('\n').unwrap_or(rest.len());
        let before = rest[..length].char_indices().nth(column.saturating_sub(1));
        start + before.map_or(length, |(offset, _)| offset)
    }

    /// The place of the token that contains a byte.
    pub(super) fn token_at(&self, offset: usize) -> Place {
        self.place_of(&scan::token_at(&self.text, offset))
    }

    /// The place of the smallest value that ends right before `end`.
    pub(super) fn value_before(&self, end: usize) -> Option<Place> {
        self.innermost(|node| node.range.end == end && !node.range.is_empty())
            .map(|node| self.place_of(&node.range))
    }

    /// The place that stands for the parentheses or brackets around a byte: their name or, without
    /// one, the opening sign.
    pub(super) fn opening_around(&self, offset: usize) -> Option<Place> {
        let around = |node: &Node| {
            node.shape != Shape::Scalar && node.range.start < offset && offset < node.range.end
        };
        let node = self.innermost(around)?;
        let sign = node.range.start..node.range.start + 1;
        Some(self.place_of(node.name.as_ref().unwrap_or(&sign)))
    }

    /// The place of the innermost opening sign that nothing closes.
    pub(super) fn unclosed(&self) -> Option<Place> {
        self.innermost(|node| node.opening.is_some() && !node.closed)
            .and_then(|node| node.opening.as_ref())
            .map(|opening| self.place_of(opening))
    }

    fn innermost(&self, wanted: impl Fn(&Node) -> bool) -> Option<&Node> {
        let mut found = None;
        let mut waiting = vec![&self.root];
        while let Some(node) = waiting.pop() {
            if wanted(node) {
                found = Some(node);
            }
            // Children come after their parents, the last child last.
            waiting.extend(node.children.iter().rev().map(|child| &child.node));
        }
        found
    }

    fn walk<'a, 'p>(&'a self, path: &'p Path) -> (&'a Node, &'p [Segment]) {
        walk(&self.root, &path.0)
    }

    /// The place of a stretch of the text.
    pub(super) fn stretch(&self, range: Range<usize>) -> Place {
        let end = range.end.min(self.text.len());
        self.place_of(&(range.start.min(end)..end))
    }

    fn place_of(&self, range: &Range<usize>) -> Place {
        let line = self.lines.partition_point(|&start| start <= range.start);
        let before = &self.text[self.lines[line - 1]..range.start];
        let column = before.chars().count() + 1;
        Place { start: range.start, end: range.end, line, column }
    }
}

/// Follows the segments as far as they lead; returns those that lead nowhere.
fn walk<'a, 'p>(root: &'a Node, segments: &'p [Segment]) -> (&'a Node, &'p [Segment]) {
    let mut node = root;
    for (position, segment) in segments.iter().enumerate() {
        match child(node, segment) {
            Some(child) => node = &child.node,
            None => return (node, &segments[position..]),
        }
    }
    (node, &[])
}

/// The child of a node that a segment names; the module documentation has the rules.
fn child<'a>(node: &'a Node, segment: &Segment) -> Option<&'a scan::Child> {
    let mut node = node.inside_some();
    let (shape, wanted) = match segment {
        Segment::Index(index) => {
            return node.children.iter().filter(|child| child.label.is_none()).nth(*index);
        }
        Segment::Field(name) => (Shape::Parens, name),
        Segment::Key(key) => (Shape::Map, key),
    };
    loop {
        let labelled = node
            .children
            .iter()
            .rfind(|child| child.label.as_ref().is_some_and(|label| label.text == *wanted));
        if node.shape == shape && labelled.is_some() {
            return labelled;
        }
        node = node.only_value()?.inside_some();
    }
}

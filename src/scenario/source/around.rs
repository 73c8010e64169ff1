//! What stands around a place, and every text of a file.

use std::ops::Range;

use super::{Place, Source, scan};
use scan::{Node, Shape};

impl Source {
    /// The field names and map keys on the way to a byte, the outermost first.
    pub(in crate::scenario) fn labels_around(&self, offset: usize) -> Vec<&str> {
        let (mut labels, mut node) = (Vec::new(), &self.root);
        let holds = |child: &&scan::Child| child.node.range.contains(&offset);
        while let Some(child) = node.children.iter().find(holds) {
            labels.extend(child.label.as_ref().map(|label| label.text.as_str()));
            node = &child.node;
        }
        labels
    }

    /// What stands in the parentheses around a byte, and under which names; nothing where it stands
    /// in none.
    pub(in crate::scenario) fn values_around(&self, offset: usize) -> Vec<(Option<&str>, &str)> {
        let around = |node: &Node| {
            node.shape != Shape::Scalar && node.range.start < offset && offset < node.range.end
        };
        let node = self.innermost(around).filter(|node| node.shape == Shape::Parens);
        let values = node.map_or(&[][..], |node| node.children.as_slice()).iter();
        let value = |child: &scan::Child| self.text.get(child.node.range.clone()).unwrap_or("");
        let label = |child: &'_ scan::Child| child.label.as_ref().map(|label| label.range.clone());
        values
            .map(|child| (label(child).and_then(|range| self.text.get(range)), value(child)))
            .collect()
    }

    /// Every text in quotes that does not read as it is written, or has control characters: its
    /// place, how it reads, and the labels on the way to it.
    pub(in crate::scenario) fn texts(&self) -> Vec<(Place, String, Vec<&str>)> {
        let mut texts = Vec::new();
        let mut waiting = vec![(&self.root, Vec::new())];
        let read = |range: &Range<usize>| {
            let spelling = self.text.get(range.clone()).filter(|it| it.contains('"'))?;
            // Most texts read as they are written.
            if !spelling.contains(|c: char| c == '\\' || c.is_control()) {
                return None;
            }
            ron::from_str::<String>(spelling).ok()
        };
        while let Some((node, labels)) = waiting.pop() {
            if node.shape == Shape::Scalar {
                let text = read(&node.range).map(|it| (self.place_of(&node.range), it));
                texts.extend(text.map(|(place, text)| (place, text, labels.clone())));
            }
            for child in &node.children {
                let mut labels = labels.clone();
                if let Some(label) = &child.label {
                    let text = read(&label.range).map(|it| (self.place_of(&label.range), it));
                    texts.extend(text.map(|(place, text)| (place, text, labels.clone())));
                    labels.push(label.text.as_str());
                }
                waiting.push((&child.node, labels));
            }
        }
        texts
    }
}

//! Names as small numbers: services, methods, topics, tables, clients.
//!
//! Machines compare and store names all the time and print them only in traces, so a name is a
//! number and [`Names`] knows the text. What is *not* here: any meaning of a name.

use indexmap::IndexSet;
use serde::Serialize;

/// A name, as its position in a [`Names`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(pub u32);

/// Every name in use, in the order of first mention.
#[derive(Clone, Debug, Default)]
pub struct Names {
    texts: IndexSet<String>,
}

impl Names {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of `text`, new or known.
    ///
    /// # Panics
    /// When four billion names are in use.
    pub fn intern(&mut self, text: &str) -> Name {
        let index = self
            .texts
            .get_index_of(text)
            .unwrap_or_else(|| self.texts.insert_full(text.to_owned()).0);
        Name(u32::try_from(index).expect("there are fewer than four billion names"))
    }

    /// The name of `text` if it is known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        self.texts.get_index_of(text).and_then(|index| u32::try_from(index).ok()).map(Name)
    }

    /// The text of `name`; `?` for a name of another table.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        self.texts.get_index(name.0 as usize).map_or("?", String::as_str)
    }

    /// All texts in the order of first mention.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_name_and_a_name_one_text() {
        let mut names = Names::new();
        let order = names.intern("order");
        let payment = names.intern("payment");
        assert_ne!(order, payment);
        assert_eq!(names.intern("order"), order);
        assert_eq!(names.text(payment), "payment");
        assert_eq!(names.find("order"), Some(order));
        assert_eq!(names.find("nobody"), None);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["order", "payment"]);
    }
}

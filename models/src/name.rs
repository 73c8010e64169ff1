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

/// The name of asking a registry for the instances of a service.
pub const DISCOVER: Name = Name(0);
/// The name of registering an instance.
pub const REGISTER: Name = Name(1);
/// The name of saying that an instance is alive.
pub const HEARTBEAT: Name = Name(2);
/// The name of taking an instance out of the registry.
pub const DEREGISTER: Name = Name(3);

/// The texts of the names that every table knows.
const KNOWN: [&str; 4] = ["discover", "register", "heartbeat", "deregister"];

/// Every name in use, in the order of first mention.
#[derive(Clone, Debug)]
pub struct Names {
    texts: IndexSet<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// A table of the names that every system has: the registry's operations.
    #[must_use]
    pub fn new() -> Self {
        Self { texts: KNOWN.iter().map(|text| (*text).to_owned()).collect() }
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
        assert_eq!(names.find("discover"), Some(DISCOVER));
        assert_eq!(names.find("deregister"), Some(DEREGISTER));
        assert_eq!(names.iter().skip(KNOWN.len()).collect::<Vec<_>>(), ["order", "payment"]);
    }
}

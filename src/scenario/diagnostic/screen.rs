//! What a diagnostic is shown on, and texts that fit it.

/// What a diagnostic is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether it shows colours; no.
    pub colour: bool,
    /// How many characters a line has; 80, and never taken for fewer than 40.
    pub columns: usize,
}

impl Default for Screen {
    fn default() -> Self {
        Self { colour: false, columns: 80 }
    }
}

impl From<bool> for Screen {
    /// A screen of the usual width, with colours or without.
    fn from(colour: bool) -> Self {
        Self { colour, ..Self::default() }
    }
}

impl Screen {
    /// In less room nothing can be told.
    pub(crate) const COLUMNS_MIN: usize = 40;

    /// How many characters a line has room for.
    pub(super) fn width(self) -> usize {
        self.columns.max(Self::COLUMNS_MIN)
    }
}

/// A text in lines of at most `width` characters, as far as its words allow.
pub(super) fn folded(text: &str, width: usize) -> String {
    let (mut folded, mut column) = (String::with_capacity(text.len()), 0);
    for (number, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if number > 0 && column + 1 + length > width {
            folded.push('\n');
            column = 0;
        } else if number > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += length;
    }
    folded
}

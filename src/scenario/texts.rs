//! Texts that a terminal would obey instead of showing them.

use super::check::Check;

impl Check<'_> {
    /// Reports show titles and names as they are: they have no control characters.
    pub(super) fn check_texts(&mut self) {
        let source = self.source;
        for (place, text, labels) in source.texts() {
            // What machines alone read may have anything in it.
            let is_for_machines = labels.iter().any(|it| matches!(*it, "config" | "operations"));
            let Some(control) = text.chars().find(|c| c.is_control() && !is_for_machines) else {
                continue;
            };
            let message = format!("`{}` is a control character", control.escape_default());
            let help = "write the text in one line, and without it: a terminal would obey it";
            self.note(place, message, "expected a text that can be shown", help);
        }
    }
}

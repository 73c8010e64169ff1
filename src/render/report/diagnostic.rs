//! What is wrong with a file, for machines: one document for each mistake and each warning.

use serde::Serialize;

use crate::scenario::diagnostic::{Diagnostic, in_order};
use crate::scenario::source::Source;

/// One mistake or warning; without a place where it is about the whole file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiagnosticReport<'a> {
    format: u32,
    file: &'a str,
    /// From 1.
    line: Option<usize>,
    /// In characters, from 1.
    column: Option<usize>,
    severity: &'static str,
    message: &'a str,
    /// What was expected at the place, or else to be said of it.
    label: Option<&'a str>,
    /// What would fix it.
    help: Option<&'a str>,
    /// What is marked, which ends with its line.
    text: Option<&'a str>,
}

impl<'a> DiagnosticReport<'a> {
    /// A mistake about a whole file.
    pub(crate) const fn of_file(file: &'a str, message: &'a str, help: Option<&'a str>) -> Self {
        let (line, column, label, text) = (None, None, None, None);
        Self { format: 1, file, line, column, severity: "error", message, label, help, text }
    }

    fn new(source: &'a Source, diagnostic: &'a Diagnostic) -> Self {
        let Diagnostic { place, message, label, help, is_warning } = diagnostic;
        Self {
            format: 1,
            file: source.name(),
            line: Some(place.line),
            column: Some(place.column),
            severity: if *is_warning { "warning" } else { "error" },
            message,
            label: Some(label.as_str()).filter(|label| !label.is_empty()),
            help: help.as_deref(),
            text: source.text().get(diagnostic.marked(source)),
        }
    }
}

/// Everything that is wrong with a text, in the order of its places.
pub(crate) fn diagnostic_reports<'a>(
    source: &'a Source,
    diagnostics: &'a [Diagnostic],
) -> Vec<DiagnosticReport<'a>> {
    in_order(diagnostics).into_iter().map(|it| DiagnosticReport::new(source, it)).collect()
}

//! Where text goes: results to stdout, trouble to stderr, each with colour only where it is welcome.

use std::io::{self, BufWriter, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;
use terminal_size::{Height, Width, terminal_size_of};

use super::status::Trouble;
use crate::render::{Filter, Styles};
use crate::run::Run;
use crate::scenario::Scenario;
use crate::scenario::diagnostic::Screen;

/// The results of a command, on their way to stdout.
pub(super) struct Output<'a> {
    to: Box<dyn Write + 'a>,
    /// What text should look like there.
    pub(super) styles: Styles,
}

impl Output<'_> {
    /// Results go to stdout: in colour on a terminal, unless `NO_COLOR` is set.
    pub(super) fn stdout() -> Self {
        let stdout = io::stdout().lock();
        let styles = match AutoStream::choice(&stdout) {
            ColorChoice::Never => Styles::PLAIN,
            ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => Styles::COLOURED,
        };
        // A wider terminal makes no text easier to read; who wants it says so.
        let of_terminal = || terminal_size_of(io::stdout()).map(width_of);
        let columns = wanted_columns()
            .or_else(|| of_terminal().map(|columns| columns.min(Styles::PLAIN.columns)));
        let styles = columns.map_or(styles, |columns| styles.within(columns));
        Self { to: Box::new(BufWriter::new(stdout)), styles }
    }

    /// Writes a text as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Trouble> {
        Ok(self.to.write_all(text.as_bytes())?)
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), Trouble> {
        self.text(line)?;
        self.text("\n")
    }

    /// Writes a JSON document in one line.
    pub(super) fn json(&mut self, document: &impl Serialize) -> Result<(), Trouble> {
        serde_json::to_writer(&mut self.to, document).map_err(io::Error::from)?;
        self.text("\n")
    }

    /// Everything written so far arrives.
    pub(super) fn flush(&mut self) -> Result<(), Trouble> {
        Ok(self.to.flush()?)
    }
}

/// Says on stderr what is wrong, in one sentence.
pub(super) fn complain(message: &str) {
    let style = if coloured() { Styles::COLOURED.fault } else { Styles::PLAIN.fault };
    say(&format!("{style}error{style:#}: {message}\n"));
}

/// Shows on stderr what is hardly meant in a scenario.
pub(super) fn warn_of(scenario: &Scenario) {
    say(&scenario.warnings.render(screen()));
}

/// Says on stderr which of the work that somebody wants to see never began.
pub(super) fn note_what_never_began(filter: &Filter, run: &Run) {
    note_missing(&filter.never_began(run.world()), "in this run");
}

/// The same of several runs, all of which are shown: it began in none of them.
pub(super) fn note_what_never_began_in_any<'a>(
    filter: &Filter,
    runs: impl IntoIterator<Item = &'a Run>,
) {
    let missing = runs.into_iter().map(|run| filter.never_began(run.world()));
    let in_all = missing
        .reduce(|all, of_one| all.into_iter().filter(|flow| of_one.contains(flow)).collect());
    note_missing(&in_all.unwrap_or_default(), "in any of these runs");
}

fn note_missing(flows: &[&str], runs: &str) {
    let style = if coloured() { Styles::COLOURED.strong } else { Styles::PLAIN.strong };
    for flow in flows {
        say(&format!("{style}note{style:#}: no work called `{flow}` began {runs}\n"));
    }
}

/// Shows on stderr what is wrong with a file.
pub(super) fn complain_of(render: impl FnOnce(Screen) -> String) {
    say(&render(screen()));
}

/// Text on stderr; nobody can be told that it does not arrive.
fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The terminal that stderr is, if it is one.
fn screen() -> Screen {
    let columns = wanted_columns().or_else(|| terminal_size_of(io::stderr()).map(width_of));
    let screen = Screen::from(coloured());
    Screen { columns: columns.unwrap_or(screen.columns), ..screen }
}

/// How many characters a line shall have, of terminals and pipes alike, as the environment says; nothing
/// where it says no number.
#[expect(clippy::disallowed_methods, reason = "text is laid out by it, and no run depends on it")]
fn wanted_columns() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    (columns > 0).then_some(columns)
}

/// How many characters a line of a terminal of this size has.
fn width_of((width, _): (Width, Height)) -> usize {
    usize::from(width.0)
}

fn coloured() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

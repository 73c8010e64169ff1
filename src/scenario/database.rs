//! What handlers read and write in their service's database, and who has a log to flush.

use brownout_models::Span;
use brownout_models::machine::{Add, Update, Write};

use super::check::Check;
use super::file::{AddFile, StepFile, UpdateFile, WriteFile};
use super::source::Path;
use crate::layout::named_key;

impl Check<'_> {
    /// The key of a row that requests share, by its name; none for that of the request.
    pub(super) fn row(&mut self, name: Option<&str>) -> Option<u64> {
        name.map(|name| named_key(self.name(name)))
    }

    pub(super) fn write(&mut self, path: &Path, file: &WriteFile) -> Option<Write> {
        if let Some(topic) = &file.event {
            self.needs_broker(&path.field("event"), topic)?;
        }
        let is_undone = matches!(file.add, AddFile::Undo | AddFile::Cancel);
        if let (Some(row), true) = (&file.row, is_undone) {
            let message = format!("that would undo what everybody wrote to `{row}`");
            let help = "take back what the request added: `add: Constant(-1)`, for instance";
            self.problem(&path.field("add"), message, "expected an amount", help);
        }
        if file.update == UpdateFile::LastWriteWins && is_undone {
            let message = "what undoes a write reads the row itself";
            let help = "leave `update` out, or add an amount";
            self.problem(&path.field("update"), message, "expected `Atomic`", help);
        }
        let add = match file.add {
            AddFile::Amount => Add::Amount,
            AddFile::Undo => Add::Undo,
            AddFile::Cancel => Add::Cancel,
            AddFile::Constant(amount) => Add::Constant(amount),
        };
        let update = match file.update {
            UpdateFile::Atomic => Update::Atomic,
            UpdateFile::LastWriteWins => Update::LastWriteWins,
            UpdateFile::CompareAndSet => Update::CompareAndSet,
        };
        let event = file.event.as_ref().map(|topic| self.name(topic));
        let (table, row) = (self.name(&file.table), self.row(file.row.as_deref()));
        Some(Write { table, row, add, update, once: file.once, event })
    }

    /// A node without a log has nothing to flush.
    pub(super) fn needs_log(
        &mut self,
        path: &Path,
        (flush, is_logged): (Option<Span>, bool),
        remedy: &str,
    ) {
        if flush.is_some() && !is_logged {
            let message = "nothing is flushed where nothing is kept";
            let help = format!("write `{remedy}`, or leave `flush` out");
            self.problem(&path.field("flush"), message, "expected none", help);
        }
    }

    /// A write that builds on what was read needs somebody to read it.
    pub(super) fn check_reads(&mut self, path: &Path, steps: &[StepFile]) {
        let mut read = Vec::new();
        for (index, step) in (0..).zip(steps) {
            let path = path.index(index);
            match step {
                StepFile::Read { table, row } => read.push((table, row)),
                StepFile::Write(write) => self.check_read(&path, write, &read),
                StepFile::Transaction { writes, .. } => {
                    for (index, write) in (0..).zip(writes) {
                        self.check_read(&path.field("writes").index(index), write, &read);
                    }
                }
                StepFile::Work(_)
                | StepFile::Sleep(_)
                | StepFile::Call { .. }
                | StepFile::Publish { .. }
                | StepFile::Flush
                | StepFile::Reply
                | StepFile::Fail(_) => {}
            }
        }
    }

    fn check_read(&mut self, path: &Path, write: &WriteFile, read: &[(&String, &Option<String>)]) {
        let WriteFile { table, row, update, .. } = write;
        if *update == UpdateFile::Atomic || read.contains(&(table, row)) {
            return;
        }
        let of_row = row.as_ref().map_or(String::new(), |row| format!(", row: \"{row}\""));
        let message = format!("no step before this one reads that row of `{table}`");
        let help =
            format!("put `Read(table: \"{table}\"{of_row})` before it, or leave `update` out");
        self.problem(&path.field("update"), message, "expected `Atomic`", help);
    }
}

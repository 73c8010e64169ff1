//! What steps say in vain: messages that nobody wants, requests for what no route means.

use crate::scenario::check::{Check, GroupKind, remedy};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::file::StepFile;
use crate::scenario::source::Path;

impl Check<'_> {
    /// Looks through a handler or a script; the broker may remember no message.
    pub(super) fn look_through(&mut self, path: &Path, steps: &[StepFile], forgets: bool) {
        self.find_unwanted(path, steps);
        self.find_forgotten(path, steps, forgets);
        self.find_wildcards(path, steps);
        self.find_unreached(path, steps);
    }

    /// Nothing comes behind a failure.
    fn find_unreached(&mut self, path: &Path, steps: &[StepFile]) {
        let fails = steps.iter().position(|step| matches!(step, StepFile::Fail(_)));
        let Some(behind) = fails.map(|at| at + 1).filter(|at| *at < steps.len()) else { return };
        let place = self.source.nearest(&path.index(behind));
        let message = "no run comes here: the step before it fails";
        let help = "move `Fail` to the end, or leave the steps behind it out";
        let label = "expected nothing behind `Fail`";
        self.warnings.push(Diagnostic::warning(place, message, label).with_help(help));
    }

    /// A database that flushes at once has nothing left to flush.
    pub(super) fn find_idle_flushes(&mut self, path: &Path, service: &str, steps: &[StepFile]) {
        let stores = self.places.iter().filter(|place| place.group == service);
        if stores.into_iter().any(|place| self.flushes.contains_key(&place.store)) {
            return;
        }
        for (index, step) in steps.iter().enumerate() {
            if let StepFile::Flush = step {
                let place = self.source.nearest(&path.index(index));
                let message = format!("nothing is left to flush: `{service}` flushes at once");
                let label = "expected a service with a `flush`";
                let help = "say how long its database takes, `flush: \"200ms\"` beside `handlers`, \
                            or leave the step out";
                self.warnings.push(Diagnostic::warning(place, message, label).with_help(help));
            }
        }
    }

    /// A star stands for something in routes only.
    fn find_wildcards(&mut self, path: &Path, steps: &[StepFile]) {
        for (index, step) in steps.iter().enumerate() {
            let StepFile::Call { to, method, .. } = step else { continue };
            let is_gateway =
                self.groups.get(to).is_some_and(|group| group.kind == GroupKind::Gateway);
            let Some(above) = method.strip_suffix("/*").filter(|_| is_gateway) else { continue };
            let place = self.source.nearest(&path.index(index).field("method"));
            let message = format!("this asks for `{method}` itself, star and all");
            let help = format!("write a path that a client would ask for, like `{above}/7`");
            let warning = Diagnostic::warning(place, message, "expected the path of a request");
            self.warnings.push(warning.with_help(help));
        }
    }

    /// Messages on a topic without subscribers are dropped by the broker.
    fn find_unwanted(&mut self, path: &Path, steps: &[StepFile]) {
        for (index, step) in steps.iter().enumerate() {
            let path = path.index(index);
            match step {
                StepFile::Publish { topic, .. } => self.is_wanted(&path.field("topic"), topic),
                StepFile::Write(write) => {
                    let path = path.field("event");
                    write.event.iter().for_each(|topic| self.is_wanted(&path, topic));
                }
                StepFile::Transaction { writes, .. } => {
                    for (index, write) in writes.iter().enumerate() {
                        let path = path.field("writes").index(index).field("event");
                        write.event.iter().for_each(|topic| self.is_wanted(&path, topic));
                    }
                }
                StepFile::Work(_)
                | StepFile::Sleep(_)
                | StepFile::Call { .. }
                | StepFile::Read { .. }
                | StepFile::Flush
                | StepFile::Reply
                | StepFile::Fail(_) => {}
            }
        }
    }

    /// What is published once is published as often as ever where the broker remembers nothing.
    fn find_forgotten(&mut self, path: &Path, steps: &[StepFile], forgets: bool) {
        for (index, step) in steps.iter().enumerate().filter(|_| forgets) {
            if let StepFile::Publish { once: true, .. } = step {
                let place = self.source.nearest(&path.index(index).field("once"));
                let message = "the broker remembers no message, and takes each one for a new one";
                let help = "give it a `dedup_window`, like `\"2m\"`, or leave `once` out";
                let warning = Diagnostic::warning(place, message, "this says nothing here");
                self.warnings.push(warning.with_help(help));
            }
        }
    }

    fn is_wanted(&mut self, path: &Path, topic: &String) {
        if !self.topics.contains(topic) {
            let place = self.source.nearest(path);
            let message = format!("nobody subscribes to `{topic}`: the broker drops what comes");
            let help = remedy(topic, &self.topics, "add a subscription to the broker");
            let warning = Diagnostic::warning(place, message, "expected a topic that is wanted");
            self.warnings.push(warning.with_help(help));
        }
    }
}

//! The words of a scenario: which tables are written, which topics are wanted, and what messages
//! can ask for. The rest of the file may only use these.

use brownout_models::Names;

use super::check::Check;
use super::file::{NodeFile, ScenarioFile, StepFile};

impl Check<'_> {
    /// Collects every word, in the order of the file.
    pub(super) fn find_words(&mut self, file: &ScenarioFile) {
        // Registries understand a few operations in every scenario.
        self.messages.extend(Names::new().iter().map(str::to_owned));
        for node in file.nodes.values() {
            match node {
                NodeFile::Gateway(gateway) => {
                    for route in &gateway.routes {
                        // A prefix is no request: those who ask say what they ask for.
                        if !route.path.ends_with("/*") {
                            add(&mut self.messages, &route.path);
                        }
                        add(&mut self.messages, &route.method);
                    }
                }
                NodeFile::Service(service) => {
                    for (method, steps) in &service.handlers {
                        add(&mut self.messages, method);
                        self.find_words_of_steps(steps);
                    }
                }
                NodeFile::Broker(broker) => {
                    for subscription in &broker.subscriptions {
                        add(&mut self.topics, &subscription.topic);
                        add(&mut self.messages, &subscription.topic);
                    }
                }
                NodeFile::Composition(composition) => {
                    for part in &composition.parts {
                        add(&mut self.messages, &part.method);
                    }
                }
                NodeFile::Saga(saga) => {
                    for step in &saga.steps {
                        add(&mut self.messages, &step.action.method);
                        if let Some(compensation) = &step.compensation {
                            add(&mut self.messages, &compensation.method);
                        }
                    }
                }
                NodeFile::Deployment(_) => {
                    for word in super::deployment::WORDS {
                        add(&mut self.messages, word);
                    }
                }
                NodeFile::Clients(clients) => self.find_words_of_steps(&clients.script),
                NodeFile::Registry(_)
                | NodeFile::Sidecar(_)
                | NodeFile::Drill(_)
                | NodeFile::Own(_) => {}
            }
        }
    }

    fn find_words_of_steps(&mut self, steps: &[StepFile]) {
        for step in steps {
            match step {
                StepFile::Call { method, .. } => add(&mut self.messages, method),
                StepFile::Publish { topic, .. } => add(&mut self.messages, topic),
                StepFile::Write(write) => self.find_words_of_write(&write.table, &write.event),
                StepFile::Transaction { writes, .. } => {
                    for write in writes {
                        self.find_words_of_write(&write.table, &write.event);
                    }
                }
                StepFile::Work(_)
                | StepFile::Sleep(_)
                | StepFile::Read { .. }
                | StepFile::Flush
                | StepFile::Reply
                | StepFile::Fail(_) => {}
            }
        }
    }

    fn find_words_of_write(&mut self, table: &str, event: &Option<String>) {
        add(&mut self.tables, table);
        if let Some(topic) = event {
            add(&mut self.messages, topic);
        }
    }
}

fn add(words: &mut Vec<String>, word: &str) {
    if !words.iter().any(|known| known == word) {
        words.push(word.to_owned());
    }
}

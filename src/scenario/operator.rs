//! What a person says to a deployment or to the broker.

use brownout_models::Span;
use brownout_models::policy::{BrokerWord, DispatcherOptions, OperatorWord};
use indexmap::IndexSet;

use super::check::{Check, remedy};
use super::file::{DeploymentFile, StrategyFile};
use super::source::Path;

impl Check<'_> {
    /// The words in order of time; none before the deployment begins, and none about scaling.
    pub(super) fn operator(
        &mut self,
        path: &Path,
        file: &DeploymentFile,
    ) -> Vec<(Span, OperatorWord)> {
        let path = path.field("operator");
        if let (StrategyFile::Scaling(_), false) = (&file.strategy, file.operator.is_empty()) {
            let message = "nobody decides about scaling";
            let help = "remove it: a scaler has no pauses, and nowhere to turn back to";
            self.problem(&path, message, "expected nothing here", help);
        }
        let help = "let the deployment begin before anybody speaks";
        let earliest = (file.at, "the deployment begins", help);
        self.in_order(&path, file.operator.iter().map(|word| word.at), earliest);
        file.operator.iter().map(|word| (word.at, word.says)).collect()
    }

    /// When dead letters are driven again, and those of which subscriptions; in order of time.
    pub(super) fn redrives(
        &mut self,
        path: &Path,
        options: &DispatcherOptions,
    ) -> Vec<(Span, Vec<usize>)> {
        let path = path.field("operator");
        let earliest = (Span::ZERO, "the run begins", "");
        self.in_order(&path, options.operator.iter().map(|word| word.at), earliest);
        let mut redrives = Vec::new();
        for (index, word) in options.operator.iter().enumerate() {
            let BrokerWord::Redrive { topic, subscriber } = &word.says;
            let (topic, subscriber) = (topic.as_deref(), subscriber.as_deref());
            self.can_be_dead(&path.index(index).field("says"), topic, subscriber, options);
            let known = options.subscriptions.iter().enumerate().filter(|(_, it)| {
                topic.is_none_or(|topic| it.topic == topic)
                    && subscriber.is_none_or(|subscriber| it.subscriber == subscriber)
            });
            redrives.push((word.at, known.map(|(number, _)| number).collect()));
        }
        redrives
    }

    /// Whether there can be dead letters of this topic and this subscriber.
    fn can_be_dead(
        &mut self,
        path: &Path,
        topic: Option<&str>,
        subscriber: Option<&str>,
        options: &DispatcherOptions,
    ) {
        if let Some(topic) = topic
            && self.topic(&path.field("topic"), topic).is_none()
        {
            return;
        }
        let Some(subscriber) = subscriber else { return };
        let known = options.subscriptions.iter();
        let known = known.filter(|it| topic.is_none_or(|topic| it.topic == topic));
        let known: IndexSet<String> = known.map(|it| it.subscriber.clone()).collect();
        let known: Vec<String> = known.into_iter().collect();
        if !known.iter().any(|known| known == subscriber) {
            let message = match topic {
                Some(topic) => format!("`{subscriber}` does not subscribe to `{topic}`"),
                None => format!("`{subscriber}` subscribes to nothing"),
            };
            let help = remedy(subscriber, &known, "add a subscription to the broker");
            self.problem(&path.field("subscriber"), message, "expected a subscriber", help);
        }
    }

    /// Words are said one after the other, none before something, which happens at some time.
    fn in_order<'a>(
        &mut self,
        path: &Path,
        words: impl Iterator<Item = Span>,
        mut earliest: (Span, &'a str, &'a str),
    ) {
        for (index, said) in words.enumerate() {
            let (since, what, help) = earliest;
            if said < since {
                let at = path.index(index).field("at");
                let message = format!("{what} at {since} only");
                self.problem(&at, message, format!("expected {since} or later"), help);
            }
            let help = "write the words in the order in which they are said";
            earliest = (since.max(said), "the word before it is said", help);
        }
    }
}

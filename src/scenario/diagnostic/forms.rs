//! What variants look like with everything that they need: remedies that can be followed.

use crate::scenario::source::Source;

/// Forms that several places of a file share.
const FORMS: [&str; 49] = [
    "OncePerKey(table: \"..\")",
    "LedgerBalance(tables: [\"..\", \"..\"])",
    "MessageConservation()",
    "EventPerRow(table: \"..\", topic: \"..\")",
    "RowPerEvent(table: \"..\", topic: \"..\")",
    "SagaTerminal()",
    "BreakerPath()",
    "TokenEnvelope()",
    "EveryCallEnds()",
    "Availability(at_least: \"99%\")",
    "Recovers(within: \"10s\", at_least: \"99%\")",
    "TraceIsTree()",
    "BalancerFairness()",
    "Quiescence()",
    "RolloutCapacity(deployment: \"..\", unavailable: 0, surge: 1)",
    "NoCallToStopped()",
    "TrafficShare(deployment: \"..\")",
    "DeploymentEnds(deployment: \"..\")",
    "SometimesSucceeds()",
    "Work(\"5ms\")",
    "Sleep(\"5ms\")",
    "Call(to: \"..\", method: \"..\")",
    "Publish(topic: \"..\")",
    "Read(table: \"..\")",
    "Write(table: \"..\")",
    "Transaction(writes: [(table: \"..\")])",
    "Fail(Failed)",
    "Poisson(rate: 10, during: \"60s\")",
    "Seed(seed: 3)",
    "Registry()",
    "Gateway()",
    "Service()",
    "Sidecar()",
    "Broker()",
    "Saga()",
    "Composition()",
    "Deployment(service: \"..\", strategy: Rolling())",
    "Clients(script: [])",
    "Own(kind: \"..\")",
    "Redrive()",
    "Rolling()",
    "Canary()",
    "BlueGreen()",
    "Scaling()",
    "Quota()",
    "Throttle()",
    "Concurrency()",
    "Aimd()",
    "Gradient()",
];

/// Faults: some of them are called as something else is.
const FAULTS: [&str; 16] = [
    "Lose(odds: \"1%\")",
    "Duplicate(odds: \"1%\")",
    "Delay(odds: \"1%\", by: \"10ms\")",
    "Crash(odds: \"1%\")",
    "Pause(odds: \"1%\", lasting: \"1s\")",
    "Partition(odds: \"1%\", on: \"..>..\", lasting: \"1s\")",
    "Slow(odds: \"1%\", lasting: \"1s\")",
    "Successor(odds: \"1%\")",
    "Skew(odds: \"1%\", by: \"1s\")",
    "Drift(odds: \"1%\", ppm: 100, lasting: \"1m\")",
    "Unflushed(odds: \"1%\")",
    "Silence(odds: \"1%\")",
    "Fail(odds: \"1%\")",
    "RefuseWrite(odds: \"1%\")",
    "Tie(odds: \"1%\")",
    "Own(what: \"..\", odds: \"1%\")",
];

/// What the variant of this name looks like, below these names of fields.
pub(super) fn form(name: &str, labels: &[&str]) -> Option<&'static str> {
    let is_of = |form: &&&str| form.split_once('(').is_some_and(|(known, _)| known == name);
    let last = labels.last().copied().unwrap_or_default();
    if labels.first() == Some(&"faults") {
        return FAULTS.iter().find(is_of).copied();
    }
    match (name, last) {
        ("Every", "arrivals") => Some("Every(period: \"100ms\", count: 10)"),
        ("Every", _) => None,
        ("Share", "budget") => Some("Share()"),
        _ => FORMS.iter().find(is_of).copied(),
    }
}

/// A form with these values in the place of its own, as many as it has.
pub(super) fn named(form: &str, values: &[(Option<&str>, &str)]) -> String {
    let source = Source::new("", form);
    let fields = source.values_around(form.find('(').map_or(0, |at| at + 1));
    let nameless: Vec<&str> =
        values.iter().filter(|(name, _)| name.is_none()).map(|(_, value)| *value).collect();
    if nameless.len() != values.len() || nameless.len() > fields.len() {
        return form.to_owned();
    }
    // A span or a share without its quotes would be the next mistake.
    let is_bare = |value: &str| {
        let is_part = |c: char| c.is_ascii_alphabetic() || c == '%' || c == '/';
        value.starts_with(|c: char| c.is_ascii_digit()) && value.contains(is_part)
    };
    let quoted =
        |value: &str| if is_bare(value) { format!("\"{value}\"") } else { value.to_owned() };
    let given = nameless.iter().map(|value| Some(quoted(value))).chain(std::iter::repeat(None));
    let fields = fields.iter().zip(given).map(|((name, own), given)| {
        let value = given.unwrap_or_else(|| (*own).to_owned());
        name.map_or_else(|| value.clone(), |name| format!("{name}: {value}"))
    });
    let name = form.split('(').next().unwrap_or_default();
    format!("{name}({})", fields.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_names_get_those_of_the_form() {
        let every = "Every(period: \"100ms\", count: 10)";
        let cases = [
            (every, &[(None, "\"5ms\""), (None, "3")][..], "Every(period: \"5ms\", count: 3)"),
            (every, &[(None, "\"5ms\"")], "Every(period: \"5ms\", count: 10)"),
            (every, &[(None, "1"), (None, "2"), (None, "3")], every),
            (every, &[(None, "1"), (Some("count"), "2")], every),
        ];
        for (form, values, expected) in cases {
            assert_eq!(named(form, values), expected);
        }
    }

    #[test]
    fn a_fault_is_no_step() {
        assert_eq!(form("Fail", &["faults"]), Some("Fail(odds: \"1%\")"));
        assert_eq!(form("Fail", &["nodes", "client", "script"]), Some("Fail(Failed)"));
        assert_eq!(form("Every", &["breaker", "decay"]), None);
    }
}

//! Whether a scenario knows the names in a plan: nodes, messages, what is decided and pieces of work.
//! A name that nobody knows can never apply, and a plan of such names would hold for ever. Nor can the
//! second of two answers to one decision.
//!
//! What is *not* here: whether a run comes to an address, and whether an answer is possible there;
//! the run says.

use brownout_models::machine::Arrivals;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::source::{Path, Place, Source};
use super::{Scenario, ScenarioError};
use crate::choice::{Deviation, Plan, SLOT_SHIFT, Weather, address, form, possible, read};
use crate::system::Stock;

/// What links decide: the last one is weather.
const ON_LINKS: [&str; 5] = ["lose", "duplicate", "delay", "partition", "latency"];
/// What nodes of stock machines decide, faults first.
const AT_NODES: [&str; 24] = [
    "crash",
    "pause",
    "slow",
    "skew",
    "drift",
    "silence",
    "successor",
    "unflushed",
    "tie",
    "fail",
    "write",
    "gap",
    "operation",
    "work",
    "sleep",
    "arrivals",
    "moment",
    "draw",
    "second draw",
    "zone",
    "jitter",
    "open jitter",
    "start-up",
    "warm-up",
];
/// What the weather decides.
const WEATHER: [&str; 12] = [
    "latency",
    "work",
    "sleep",
    "arrivals",
    "moment",
    "draw",
    "second draw",
    "zone",
    "jitter",
    "open jitter",
    "start-up",
    "warm-up",
];
/// Why stock machines start work, besides the arrivals of clients.
const SOURCES: [&str; 10] = [
    "heartbeat",
    "sweep",
    "slot",
    "life",
    "probe",
    "breaker",
    "step",
    "rollout",
    "look",
    "operator",
];

impl Plan {
    /// Whether anything breaks in a run of it, or could.
    pub(crate) fn has_faults(&self) -> bool {
        self.random_faults || self.deviations.iter().any(|it| !it.is_weather())
    }

    /// The same with nothing that breaks: of the same weather, what of it is written down one by one
    /// included, and the same load.
    pub(crate) fn without_faults(&self) -> Self {
        let weather = self.deviations.iter().filter(|it| it.is_weather()).cloned().collect();
        Self { random_faults: false, ..self.with_deviations(weather) }
    }
}

impl Deviation {
    /// Whether it is an answer of the weather, and no fault.
    pub(crate) fn is_weather(&self) -> bool {
        WEATHER.contains(&self.what.as_str())
    }
}

impl Scenario {
    /// Whether this scenario knows every name in a plan, which was read from a text, and the plan
    /// answers every decision once; `at` is the way to the plan there.
    ///
    /// # Errors
    /// It does not: with every name that nobody knows, and every second answer.
    pub fn check_names(
        &self,
        plan: &Plan,
        source: &Source,
        at: &Path,
    ) -> Result<(), ScenarioError> {
        let mut check = Names { scenario: self, source, problems: Vec::new() };
        if let Weather::Seed { except, .. } = &plan.weather {
            for (index, what) in except.iter().enumerate() {
                check.weather(&at.field("weather").field("except").index(index), what);
            }
        }
        for (index, flow) in plan.load.iter().flatten().enumerate() {
            check.arrival(&at.field("load").index(index), flow);
        }
        for (index, deviation) in plan.deviations.iter().enumerate() {
            let at = at.field("deviations").index(index);
            let decides = check.site(&at.field("site"), &deviation.site);
            check.what(&at.field("what"), &deviation.site, &deviation.what, decides);
            check.flow(&at.field("flow"), &deviation.flow);
            check.answer(&at.field("answer"), deviation);
            if deviation.count == 0 {
                let help = "write 1 for the first time";
                check.problem(&at.field("count"), "nothing happens a 0th time", "expected 1", help);
            }
        }
        check.answered_once(&at.field("deviations"), &plan.deviations);
        if check.problems.is_empty() {
            return Ok(());
        }
        let diagnostics = check.problems;
        Err(ScenarioError::Wrong { source: Box::new(source.clone()), diagnostics })
    }
}

/// What is decided at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    /// Nobody knows: a machine of the user's own is there, or nothing.
    Anything,
    /// What becomes of messages.
    OnLink,
    /// Weather and faults.
    AtNode,
    /// Weather only.
    Weather,
}

struct Names<'a> {
    scenario: &'a Scenario,
    source: &'a Source,
    problems: Vec<Diagnostic>,
}

impl Names<'_> {
    fn problem(&mut self, path: &Path, message: impl Into<String>, label: &str, help: &str) {
        self.note(self.source.nearest(path), message, label, help);
    }

    fn note(&mut self, place: Place, message: impl Into<String>, label: &str, help: &str) {
        self.problems.push(Diagnostic::new(place, message, label).with_help(help));
    }

    /// Something unknown at a place: the nearest that is known, or all of it.
    fn unknown<'k>(
        &mut self,
        (place, message, label): (Place, String, &str),
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        /// Longer lists help nobody.
        const LISTED_MAX: usize = 24;
        let known: Vec<&str> = known.into_iter().collect();
        let help = match did_you_mean(word, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None if (1..=LISTED_MAX).contains(&known.len()) => {
                let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
                format!("known are {}", known.join(", "))
            }
            None => "names are those that runs print; see `docs/cli.md`".to_owned(),
        };
        self.note(place, message, label, &help);
    }

    /// The machine of a node, by its name or a former one; a name that no node bears is a mistake.
    fn node(&mut self, place: Place, name: &str) -> Option<&Stock> {
        let layout = self.scenario.layout();
        if let Some(node) = layout.find(name) {
            return self.scenario.machine(node);
        }
        let known: Vec<&str> = layout.nodes.iter().map(|place| place.name.as_str()).collect();
        let message = format!("there is no node `{name}`");
        self.unknown((place, message, "expected a node"), name, known);
        None
    }

    /// A node, or a link and what is on it. Returns what is decided there.
    fn site(&mut self, path: &Path, site: &str) -> Decides {
        let place = self.source.nearest(path);
        let Some((from, rest)) = site.split_once('>') else {
            let machine = self.node(place, site);
            return if matches!(machine, None | Some(Stock::Own(_))) {
                Decides::Anything
            } else if matches!(machine, Some(Stock::Clients(_))) {
                Decides::Weather
            } else {
                Decides::AtNode
            };
        };
        let Some((to, kind)) = rest.split_once(' ') else {
            let message = format!("`{site}` does not say what is on the link");
            let help = format!("add the message: `{site} charge` or `{site} charge reply`");
            self.note(place, message, "expected `sender>receiver message`", &help);
            return Decides::OnLink;
        };
        let (first, second) = (self.source.first_in(place, from), self.source.last_in(place, to));
        self.node(first, from);
        self.node(second, to);
        let name = kind.strip_suffix(" reply").unwrap_or(kind);
        if self.scenario.layout().names.find(name).is_none() {
            let place = self.source.last_in(place, name);
            let message = format!("no message is called `{name}`");
            let known = self.scenario.layout().names.iter();
            self.unknown((place, message, "expected a message"), name, known);
        }
        Decides::OnLink
    }

    fn what(&mut self, path: &Path, site: &str, what: &str, decides: Decides) {
        let (known, where_) = match decides {
            Decides::Anything => return,
            Decides::OnLink => (&ON_LINKS[..], "on a link"),
            Decides::AtNode | Decides::Weather => (&AT_NODES[..], "at this node"),
        };
        let place = self.source.nearest(path);
        if !known.contains(&what) {
            let message = format!("nothing called `{what}` is decided {where_}");
            self.unknown((place, message, "expected what is decided"), what, known.iter().copied());
        } else if decides == Decides::Weather && !WEATHER.contains(&what) {
            let message = format!("`{site}` stands for the outside world, which does not break");
            let help = "name a service or a node as the site, or a link like \
                        `shopper>gateway /pay`";
            self.note(place, message, "expected a kind of weather", help);
        }
    }

    /// An answer that is none wherever this is asked: no run would ever take it.
    fn answer(&mut self, path: &Path, Deviation { what, answer, .. }: &Deviation) {
        let Some(question) = form(what) else { return };
        let layout = self.scenario.layout();
        if read(&question, answer, layout).is_some_and(|answer| answer != question.calm()) {
            return;
        }
        let help = format!("write {}", possible(&question, false, layout));
        let message = format!("`{answer}` is no answer to `{what}`");
        self.problem(path, message, "expected another answer", &help);
    }

    /// A decision has one answer: of two, the run would take the first and never come to the second.
    fn answered_once(&mut self, path: &Path, deviations: &[Deviation]) {
        let layout = self.scenario.layout();
        let addresses: Vec<_> =
            deviations.iter().map(|deviation| address(deviation, layout)).collect();
        for (index, deviation) in deviations.iter().enumerate() {
            let known = addresses[..index].iter().position(|known| *known == addresses[index]);
            let Some(known) = known.filter(|_| addresses[index].is_some()) else { continue };
            let before = self.source.nearest(&path.index(known).field("answer"));
            let (line, column) = (before.line, before.column);
            let (first, second) = (&deviations[known].answer, &deviation.answer);
            let path = path.index(index).field("answer");
            if first == second {
                let message = format!("this decision has the answer `{first}` already");
                let label = format!("the same stands in line {line}, column {column}");
                self.problem(&path, message, &label, "leave one of the two out");
            } else {
                let message = format!("one decision has two answers, `{first}` and `{second}`");
                let label = format!("`{first}` stands in line {line}, column {column}");
                let help = "leave one of the two out; a later decision there has a higher `count`";
                self.problem(&path, message, &label, help);
            }
        }
    }

    fn weather(&mut self, path: &Path, what: &str) {
        let nodes = 0..self.scenario.layout().nodes.len();
        let mut machines = nodes.filter_map(|node| {
            self.scenario.machine(brownout_models::contract::NodeId(u32::try_from(node).ok()?))
        });
        let has_own = machines.any(|machine| matches!(machine, Stock::Own(_)));
        if has_own || WEATHER.contains(&what) {
            return;
        }
        let message = format!("the weather decides nothing called `{what}`");
        let place = self.source.nearest(path);
        self.unknown((place, message, "expected a kind of weather"), what, WEATHER);
    }

    /// A piece of load: an arrival of clients.
    fn arrival(&mut self, path: &Path, flow: &str) {
        if flow.contains(' ') {
            let message = format!("`{flow}` is no piece of load");
            let help = "name arrivals of clients, like `shopper/17`";
            self.problem(path, message, "expected an arrival", help);
        } else {
            self.flow(path, flow);
            self.arrives(path, flow);
        }
    }

    /// Whether a piece of load can arrive at all.
    fn arrives(&mut self, path: &Path, flow: &str) {
        let Some((name, index)) = flow.rsplit_once('/') else { return };
        let Some(index) = crate::choice::index_of(index) else { return };
        let layout = self.scenario.layout();
        let Some(Stock::Clients(clients)) =
            layout.find(name).and_then(|node| self.scenario.machine(node))
        else {
            return;
        };
        let (slot, within) = (index >> SLOT_SHIFT, index & ((1 << SLOT_SHIFT) - 1));
        let (comes, help) = match clients.arrivals() {
            Arrivals::Every { count, .. } => {
                let last = count.saturating_sub(1);
                (slot < count && within == 0, format!("the last one is `{name}/{last}`"))
            }
            Arrivals::Poisson { slots, .. } => {
                let last = slots.saturating_sub(1);
                let help = format!("the first one is `{name}/0.1`, and `{last}` the last slot");
                (slot < slots && within > 0, help)
            }
        };
        if !comes {
            let message = format!("`{flow}` never arrives");
            self.problem(path, message, "expected an arrival", &help);
        }
    }

    /// A piece of work: `shopper/17`, `payment-1 heartbeat/3`, `payment-1~2 heartbeat/3`.
    fn flow(&mut self, path: &Path, flow: &str) {
        let place = self.source.nearest(path);
        let parts = flow.rsplit_once('/').filter(|(_, index)| is_index(index));
        let Some((source, _)) = parts else {
            let message = format!("`{flow}` is no piece of work");
            let help = "write where it starts and its number, like `shopper/17` or `shopper/2.15`";
            self.note(place, message, "expected `name/number`", help);
            return;
        };
        let (node, purpose) = source.split_once(' ').unwrap_or((source, ""));
        let node = node.split_once('~').filter(|(_, life)| is_number(life)).map_or(node, |it| it.0);
        let (starts_load, is_own) = match self.node(self.source.first_in(place, node), node) {
            None => return,
            Some(Stock::Own(_)) => (true, true),
            Some(machine) => (matches!(machine, Stock::Clients(_)), false),
        };
        if purpose.is_empty() && !starts_load {
            let message = format!("nothing arrives at `{node}` from outside");
            let known: Vec<String> = self.populations().map(str::to_owned).collect();
            let known = known.iter().map(String::as_str);
            self.unknown((place, message, "expected a population of clients"), node, known);
        } else if !purpose.is_empty() && !is_own && !SOURCES.contains(&purpose) {
            let message = format!("no work called `{purpose}` starts at `{node}`");
            let place = self.source.last_in(place, purpose);
            self.unknown((place, message, "expected why it starts"), purpose, SOURCES);
        }
    }

    /// The names of the populations of clients.
    fn populations(&self) -> impl Iterator<Item = &str> {
        let places = (0..).zip(&self.scenario.layout().nodes);
        places.filter_map(|(node, place)| {
            let machine = self.scenario.machine(brownout_models::contract::NodeId(node))?;
            matches!(machine, Stock::Clients(_)).then_some(place.name.as_str())
        })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `17`, or `2.15`.
fn is_index(text: &str) -> bool {
    crate::choice::index_of(text).is_some()
}

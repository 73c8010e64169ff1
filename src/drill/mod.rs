//! A drill: one machine alone, and an alphabet of operations whose order and gaps are choices.
//!
//! A drill drives the same machines as [`stdio`](crate::stdio), with the same requests, so that a
//! campaign finds the shortest sequence of operations that breaks what a machine should hold. Every
//! step of a drill is a piece of work of its own, `drill step/3`, in which two things are decided:
//! how long it waits (`gap`, calm is not at all) and what it asks (`operation`, calm is nothing). So
//! taking a step away renames no other. What is *not* here: what must hold; see
//! [`property::drill`](crate::property::drill).

mod operation;

use std::fmt;
use std::sync::Arc;

use brownout_models::contract::{Ground, Input, Machine, Purpose, Turn};
use brownout_models::{Fact, Span, Time};
use serde::{Serialize, Serializer};

pub(crate) use operation::{Operation, Settles};

use crate::stdio::Subject;
use crate::system::Opaque;
use operation::Ledger;

/// What a drill does.
#[derive(Clone, Debug)]
pub struct DrillConfig {
    /// The machine, untouched.
    pub(crate) subject: Subject,
    /// What it can be asked, by name.
    pub(crate) operations: Vec<Operation>,
    /// How long a step can wait.
    pub(crate) gaps: Vec<Span>,
    /// The gaps in words.
    pub(crate) gap_names: Vec<String>,
    /// How many steps there are.
    pub(crate) steps: u32,
}

/// A machine under drill.
#[derive(Clone)]
pub struct DrillNode {
    config: Arc<DrillConfig>,
    subject: Subject,
    ledger: Ledger,
    /// The steps taken so far.
    taken: u32,
}

brownout_models::timers! {
    /// What a drill waits for.
    pub enum Timer {
        /// The next step.
        Step,
        /// The end of a gap.
        Operation,
    }
}

/// The bits of a flow's index below the number of its slot.
const SLOT_SHIFT: u32 = 20;

const STEP: Purpose = Purpose("step");
/// Whether a step waits, and how long.
pub(crate) const GAP: Purpose = Purpose("gap");
/// What a step asks.
pub(crate) const OPERATION: Purpose = Purpose("operation");

impl DrillNode {
    /// A drill that has not begun.
    #[must_use]
    pub fn new(config: Arc<DrillConfig>) -> Self {
        let subject = config.subject.clone();
        Self { config, subject, ledger: Ledger::default(), taken: 0 }
    }

    fn begin(&mut self, turn: &mut Turn<'_, Opaque, Fact>) {
        if self.taken == self.config.steps {
            let response = self.subject.finish();
            say("the end", "{}", response, turn);
            return;
        }
        // Flows are named by slot: the steps of a drill are the only ones of theirs.
        turn.start_flow(STEP, u64::from(self.taken) << SLOT_SHIFT, Ground::Foreground);
        self.taken += 1;
        let names: Vec<&str> = self.config.gap_names.iter().map(String::as_str).collect();
        let gap = if names.is_empty() { None } else { turn.fault(GAP, &names) };
        match gap.and_then(|gap| self.config.gaps.get(gap)) {
            Some(gap) => turn.set(Timer::Operation, *gap),
            None => self.operate(turn),
        }
    }

    fn operate(&mut self, turn: &mut Turn<'_, Opaque, Fact>) {
        let names: Vec<&str> =
            self.config.operations.iter().map(|operation| operation.name.as_str()).collect();
        if let Some(chosen) = turn.fault(OPERATION, &names)
            && let Some(operation) = self.config.operations.get(chosen)
            && let Some(request) = self.ledger.request(operation, turn.now())
        {
            let response = self.subject.ask(&request);
            self.ledger.answered(chosen, &response);
            say(&operation.name, &request, response, turn);
        }
        turn.set(Timer::Step, Span::ZERO);
    }
}

fn say(operation: &str, request: &str, response: String, turn: &mut Turn<'_, Opaque, Fact>) {
    turn.note(Fact::Drilled {
        operation: operation.into(),
        request: request.into(),
        response: response.into(),
    });
}

impl Machine for DrillNode {
    type Payload = Opaque;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["drilling", "done"];

    fn phase(&self) -> usize {
        usize::from(self.taken == self.config.steps)
    }

    fn step(&mut self, input: Input<Opaque, Timer>, turn: &mut Turn<'_, Opaque, Fact>) {
        match input {
            Input::Start | Input::Wake(Timer::Step) => self.begin(turn),
            Input::Wake(Timer::Operation) => self.operate(turn),
            Input::Deliver { .. } | Input::Reply { .. } | Input::Expired { .. } => {}
        }
    }

    fn power_cut(&mut self) {
        *self = Self::new(Arc::clone(&self.config));
    }
}

impl fmt::Debug for DrillNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrillNode")
            .field("subject", &self.subject)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl Serialize for DrillNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

/// The instant of a response, which carries its own.
pub(crate) fn instant(response: &serde_json::Value) -> Time {
    Time::from_nanos(response["at"].as_u64().unwrap_or(0))
}

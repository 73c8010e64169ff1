//! The judge of a run: all its properties, and the first violation.

use std::sync::Arc;

use brownout_models::contract::{FlowId, Machine};
use brownout_models::{Fact, Time};

use super::{Ending, Observer};
use crate::kernel::{End, Entry, Watch, World};
use crate::layout::Layout;

/// A property under its name.
#[derive(Clone, Debug)]
pub struct Property {
    /// The name in reports and plans.
    pub name: String,
    /// Who watches.
    pub observer: Box<dyn Observer>,
}

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the property.
    pub property: String,
    /// When it was seen.
    pub at: Time,
    /// The entry that showed it; `None` at the end of the run.
    pub seq: Option<u64>,
    /// The piece of work that the entry belongs to.
    pub flow: Option<FlowId>,
    /// The business key that it is about, where it was seen at the end and is about one.
    pub key: Option<u64>,
    /// What was wrong.
    pub message: String,
}

impl Violation {
    /// The name of the piece of work that showed it, or that it is about.
    pub(crate) fn flow_name<M: Machine>(&self, world: &World<M>) -> Option<String> {
        let about = || self.key.and_then(|key| world.layout().flow_of_key(key));
        self.flow.map(|flow| world.flow_name(flow)).or_else(about)
    }
}

/// Watches a run with all its properties and stops it at the first violation.
#[derive(Clone, Debug)]
pub struct Judge {
    layout: Arc<Layout>,
    properties: Vec<Property>,
    violation: Option<Violation>,
}

impl Judge {
    /// A judge of these properties.
    #[must_use]
    pub const fn new(layout: Arc<Layout>, properties: Vec<Property>) -> Self {
        Self { layout, properties, violation: None }
    }

    fn judge(&mut self, entry: &Entry<Fact>) -> bool {
        if self.violation.is_some() {
            // The step that showed it is still being carried out; the first violation counts.
            return false;
        }
        // All of them see the entry: one that shows a violation may be what another waits for.
        for Property { name, observer } in &mut self.properties {
            if let Err(message) = observer.see(entry, &self.layout)
                && self.violation.is_none()
            {
                let (property, at, seq) = (name.clone(), entry.at, Some(entry.seq));
                let (flow, key) = (Some(entry.flow), None);
                self.violation = Some(Violation { property, at, seq, flow, key, message });
            }
        }
        self.violation.is_none()
    }

    /// The run is over.
    pub fn end(&mut self, end: End, at: Time) {
        if self.violation.is_some() {
            return;
        }
        let ending = Ending { end, at, layout: &self.layout };
        for Property { name, observer } in &mut self.properties {
            if let Err(message) = observer.end(&ending) {
                let (property, key) = (name.clone(), observer.about());
                let (seq, flow) = (None, observer.about_flow());
                self.violation = Some(Violation { property, at, seq, flow, key, message });
                return;
            }
        }
    }

    /// The first violation, if any.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Every property with its observer.
    #[must_use]
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }
}

impl Watch<Fact> for Judge {
    #[inline]
    fn see(&mut self, entry: &Entry<Fact>) -> bool {
        self.properties.is_empty() || self.judge(entry)
    }
}

//! A stranger's machine among stock ones: any [`Machine`], with its own payload, timers and facts.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use brownout_models::contract::{Body, Input, Machine, NodeId, Timer, Turn};
use brownout_models::{Fact, Name};
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use super::Stock;

/// A stranger's payload, as it travels between machines that never open it.
pub struct Opaque(Arc<dyn Payload>);

impl Clone for Opaque {
    // Most messages have none: what copies one lies apart from their way.
    #[cold]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What a payload must be able to do.
trait Payload: Any + fmt::Debug + Send + Sync {}

impl<T: Any + fmt::Debug + Send + Sync> Payload for T {}

impl Opaque {
    /// Wraps a payload.
    pub fn new(payload: impl Any + fmt::Debug + Send + Sync) -> Self {
        Self(Arc::new(payload))
    }

    /// The payload, if it is of this type.
    #[must_use]
    pub fn open<T: Any>(&self) -> Option<&T> {
        let payload: &dyn Any = &*self.0;
        payload.downcast_ref()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

/// A stranger's machine behind a common face.
pub trait Stranger: fmt::Debug + Send + Sync {
    /// See [`Machine::step`].
    fn step(&mut self, input: Input<Opaque, u64>, turn: &mut Turn<'_, Opaque, Fact>);
    /// See [`Machine::power_cut`].
    fn power_cut(&mut self);
    /// See [`Machine::phase`].
    fn phase(&self) -> usize;
    /// The name of the phase.
    fn phase_name(&self) -> &'static str;
    /// The words for a timer.
    fn timer_name(&self, timer: u64) -> String;
    /// A copy.
    fn copy(&self) -> Box<dyn Stranger>;
}

/// A stranger's machine.
#[derive(Clone, Debug)]
struct Own<M>(M);

impl<M> Stranger for Own<M>
where
    M: Machine + Send + Sync + 'static,
    M::Payload: Send + Sync + 'static,
{
    fn step(&mut self, input: Input<Opaque, u64>, turn: &mut Turn<'_, Opaque, Fact>) {
        let input = open(input.map_timer(M::Timer::from_code));
        turn.nested(
            |turn| self.0.step(input, turn),
            Opaque::new,
            |fact| Fact::Own(format!("{fact:?}").into()),
        );
    }

    fn power_cut(&mut self) {
        self.0.power_cut();
    }

    fn phase(&self) -> usize {
        self.0.phase()
    }

    fn phase_name(&self) -> &'static str {
        M::PHASES.get(self.0.phase()).copied().unwrap_or("?")
    }

    fn timer_name(&self, timer: u64) -> String {
        format!("{:?}", M::Timer::from_code(timer))
    }

    fn copy(&self) -> Box<dyn Stranger> {
        Box::new(self.clone())
    }
}

/// Opens the payload of an input; one of another machine's type is not this machine's to see.
fn open<P: Clone + 'static, T>(input: Input<Opaque, T>) -> Input<P, T> {
    fn payload<P: Clone + 'static>(payload: Option<Opaque>) -> Option<P> {
        payload.as_ref().and_then(Opaque::open).cloned()
    }
    match input {
        Input::Start => Input::Start,
        Input::Wake(timer) => Input::Wake(timer),
        Input::Expired { tag } => Input::Expired { tag },
        Input::Deliver { from, body } => {
            Input::Deliver { from, body: Body::open_payload(body, payload) }
        }
        Input::Reply { tag, outcome } => {
            Input::Reply { tag, outcome: outcome.map(|answer| answer.open_payload(payload)) }
        }
    }
}

impl Clone for Box<dyn Stranger> {
    fn clone(&self) -> Self {
        (**self).copy()
    }
}

impl Serialize for Box<dyn Stranger> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

/// What a stranger's machine may ask for while it is built: nodes and names of the scenario.
pub struct At<'a> {
    pub(crate) find: &'a dyn Fn(&str) -> Option<NodeId>,
    pub(crate) name: &'a mut dyn FnMut(&str) -> Name,
}

impl At<'_> {
    /// The node of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn node(&self, name: &str) -> Result<NodeId, String> {
        (self.find)(name).ok_or_else(|| format!("there is no node `{name}`"))
    }

    /// A method, topic, table or service of this name.
    #[must_use]
    pub fn name(&mut self, text: &str) -> Name {
        (self.name)(text)
    }
}

impl fmt::Debug for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("At")
    }
}

type Build = dyn Fn(ron::Value, &mut At<'_>) -> Result<Stock, String> + Send + Sync;

/// The kinds of machines that scenarios may use besides the stock ones, by name.
#[derive(Clone, Default)]
pub struct Kinds {
    kinds: IndexMap<String, Arc<Build>>,
}

impl Kinds {
    /// Only stock machines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind: how a machine is built from its configuration in the scenario.
    #[must_use]
    pub fn with<C, M>(
        mut self,
        kind: &str,
        build: impl Fn(C, &mut At<'_>) -> Result<M, String> + Send + Sync + 'static,
    ) -> Self
    where
        C: DeserializeOwned,
        M: Machine + Send + Sync + 'static,
        M::Payload: Send + Sync + 'static,
    {
        let build = move |config: ron::Value, at: &mut At<'_>| {
            let config = config.into_rust::<C>().map_err(|error| error.to_string())?;
            build(config, at).map(|machine| Stock::Own(Box::new(Own(machine))))
        };
        self.kinds.insert(kind.to_owned(), Arc::new(build));
        self
    }

    /// The names of the kinds.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Arc<Build>> {
        self.kinds.get(kind)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kinds.keys()).finish()
    }
}

//! The trait that stock machines and a stranger's machines implement alike.

use std::fmt::Debug;

use serde::Serialize;

use crate::contract::{Body, Outcome, Sender, Turn};

/// A pure state machine: an input and the time in, effects out.
///
/// `step` must depend on nothing but the machine's state, the input and what the [`Turn`] answers.
/// It is total: every input has an answer in every state, and a stale one is dropped on purpose.
pub trait Machine: Clone + Debug + Serialize {
    /// The user's own data in messages; `()` when there is none.
    type Payload: Clone + Debug + Serialize;
    /// What can be overdue. Setting a set timer replaces it.
    type Timer: Timer;
    /// What can become true, for traces and properties.
    type Fact: Clone + Debug + Serialize + 'static;

    /// The names of the phases, so that coverage has a denominator; a machine with one phase need not
    /// name it.
    const PHASES: &'static [&'static str] = &["running"];

    /// The phase that the machine is in: an index into [`PHASES`](Self::PHASES).
    fn phase(&self) -> usize {
        0
    }

    /// Takes one input. Effects happen in the order in which the turn is told of them.
    fn step(
        &mut self,
        input: Input<Self::Payload, Self::Timer>,
        turn: &mut Turn<'_, Self::Payload, Self::Fact>,
    );

    /// The same [`step`](Self::step) where timers are told by their [numbers](Timer::code), as in a system
    /// of many kinds of machines. Whoever says here what it does, and calls it from `step`, spares a
    /// copy of every input.
    #[inline]
    fn step_coded(
        &mut self,
        input: Input<Self::Payload, u64>,
        turn: &mut Turn<'_, Self::Payload, Self::Fact>,
    ) {
        self.step(input.map_timer(Timer::from_code), turn);
    }

    /// The power fails: what is not durable is gone. What was written to the
    /// [`Store`](crate::contract::Store) stays; timers and calls of this life never come back.
    fn power_cut(&mut self);
}

/// What happens to a machine.
#[derive(Clone, Debug)]
pub enum Input<P, T> {
    /// A life begins: the first one, or the next after a crash.
    Start,
    /// A message arrived that is not an answer.
    Deliver {
        /// Where it came from and where its answer goes.
        from: Sender,
        /// What it asks.
        body: Body<P>,
    },
    /// A timer is due.
    Wake(T),
    /// A call of this life was answered in time.
    Reply {
        /// What the machine gave along when it called.
        tag: u64,
        /// How the call ended.
        outcome: Outcome<P>,
    },
    /// The timeout of a call passed; its answer, should it come, is dropped.
    Expired {
        /// What the machine gave along when it called.
        tag: u64,
    },
}

impl<P, T> Input<P, T> {
    /// The name of the kind of input, for coverage.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Deliver { .. } => "deliver",
            Self::Wake(_) => "wake",
            Self::Reply { .. } => "reply",
            Self::Expired { .. } => "expired",
        }
    }

    /// The same input with its timer passed through `map`.
    pub fn map_timer<U>(self, map: impl FnOnce(T) -> U) -> Input<P, U> {
        match self {
            Self::Start => Input::Start,
            Self::Deliver { from, body } => Input::Deliver { from, body },
            Self::Wake(timer) => Input::Wake(map(timer)),
            Self::Reply { tag, outcome } => Input::Reply { tag, outcome },
            Self::Expired { tag } => Input::Expired { tag },
        }
    }
}

/// A timer of a machine, named after what is overdue when it fires. [`timers!`](crate::timers)
/// writes the conversions for an enum.
pub trait Timer: Copy + Ord + Debug {
    /// A number that tells this timer from every other of the machine.
    fn code(self) -> u64;

    /// The timer with this number; every number stands for some timer, so that a conversion back
    /// never fails.
    fn from_code(code: u64) -> Self;
}

impl Timer for () {
    fn code(self) -> u64 {
        0
    }

    fn from_code(_: u64) {}
}

impl Timer for u64 {
    fn code(self) -> u64 {
        self
    }

    fn from_code(code: u64) -> Self {
        code
    }
}

/// Declares the timers of a machine: an enum whose variants are plain, or hold one `u32`.
///
/// ```
/// brownout_models::timers! {
///     /// What can be overdue in a door.
///     pub enum Timer {
///         /// The door stood open too long.
///         Close,
///         /// A visitor waited too long.
///         GiveUp(u32),
///     }
/// }
/// use brownout_models::contract::Timer as _;
/// assert_eq!(Timer::from_code(Timer::GiveUp(7).code()), Timer::GiveUp(7));
/// ```
#[macro_export]
macro_rules! timers {
    (
        $(#[$meta:meta])*
        $vis:vis enum $timer:ident {
            $( $(#[$variant_meta:meta])* $variant:ident $(($index:ty))? ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $vis enum $timer {
            $( $(#[$variant_meta])* $variant $(($index))? ),+
        }

        impl $crate::contract::Timer for $timer {
            #[allow(
                unused_assignments,
                irrefutable_let_patterns,
                reason = "the last variant needs no successor, and the only one no question"
            )]
            fn code(self) -> u64 {
                let mut variant = 0_u64;
                $(
                    $crate::timers!(@code self, variant, $timer, $variant $(, $index)?);
                    variant += 1;
                )+
                variant << 32
            }

            #[allow(unused_assignments, reason = "the last variant needs no successor")]
            fn from_code(code: u64) -> Self {
                let index = u32::try_from(code & 0xffff_ffff).unwrap_or(0);
                let _ = index;
                let mut variant = 0_u64;
                let mut timer = None;
                $(
                    if timer.is_none() || code >> 32 == variant {
                        timer = Some($crate::timers!(@make index, $timer, $variant $(, $index)?));
                    }
                    variant += 1;
                )+
                timer.expect("a timer enum has at least one variant")
            }
        }
    };
    (@code $self:ident, $number:ident, $timer:ident, $variant:ident, $index:ty) => {
        if let $timer::$variant(index) = $self { return $number << 32 | u64::from(index); }
    };
    (@code $self:ident, $number:ident, $timer:ident, $variant:ident) => {
        if let $timer::$variant = $self { return $number << 32; }
    };
    (@make $value:ident, $timer:ident, $variant:ident, $index:ty) => { $timer::$variant($value) };
    (@make $value:ident, $timer:ident, $variant:ident) => { $timer::$variant };
}

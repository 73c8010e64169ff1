//! What a machine of one's own needs, in one line.

pub use brownout_models::contract::{
    Answer, Body, Context, Failure, Ground, Input, Machine, NodeId, Outcome, Purpose, Request,
    Sender, Turn,
};
pub use brownout_models::machine::Slab;
pub use brownout_models::{Name, Span, Time, timers};

pub use crate::system::{At, Kinds};

//! What every machine obeys: inputs come in with the time, effects go out through a [`Turn`].
//!
//! ```text
//!             Input (start, delivery, wake, reply, expiry)
//!                │
//!   now ──▶ ┌────▼─────┐ ──▶ choices asked at (site, flow, count)
//!   store ─▶│ Machine  │
//!           └────┬─────┘
//!                ▼
//!      Effects: send, call, reply, set, cancel, write, note
//! ```
//!
//! What is *not* here: who carries effects out, how choices are answered, and what a run is. The
//! `brownout` crate does that; a service in production does it with its own runtime.

mod calls;
mod choice;
mod distribution;
mod driver;
mod effect;
mod id;
mod machine;
mod message;
mod store;
mod turn;

pub use calls::{Calls, OpenCall};
pub use choice::{Choice, Ground, Purpose, Surroundings};
pub use distribution::Distribution;
pub use driver::{Driver, Written};
pub use effect::{Clock, Desk, Effect};
pub use id::{CallId, Context, FlowId, NodeId, Sender, Ticket};
pub use machine::{Input, Machine, Timer};
pub use message::{Answer, Body, Failure, Kind, Message, Outcome, Request, Subset};
pub use store::{OutboxRow, Row, RowWrite, Store, Unwritten};
pub use turn::Turn;

//! The kernel: virtual time, one instant at a time, and everything that can break between nodes.
//!
//! In reading order: [`entry`](Entry) says what happens, [`world`](World) makes it happen, `fabric`
//! is what it has besides machines, made of `node` and `event`; `instant`, `deliver`, `hands`,
//! `transmit`, `partition` and `crash` are its rules, `clock` is what a host takes for the time, `queue` holds what is pending, and [`digest`](Digest) boils
//! it down to a number.

mod bounds;
mod clock;
mod crash;
mod deliver;
mod digest;
mod entry;
mod event;
mod fabric;
mod hands;
mod instant;
mod node;
mod partition;
pub mod queue;
mod trace;
mod transmit;
mod world;

pub use bounds::{Bounds, End, Watch};
pub use digest::Digest;
pub use entry::{Entry, What};
pub use trace::Trace;
pub use world::World;

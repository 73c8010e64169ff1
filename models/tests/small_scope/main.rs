//! Every sequence of operations to a depth, over a small alphabet: what holds, holds without luck.
//!
//! States that behave alike are merged by a fingerprint: times are taken relative to now, and ids
//! renumbered in the order of appearance. So the number of states says nothing of when time
//! started, and is asserted.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod dispatch;

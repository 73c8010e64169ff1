//! Everything that is tested from outside: one binary, a module for each boundary.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod addresses;
mod determinism;
mod fixtures;
mod kernel;
mod plans;
mod properties;
mod replay;
mod stdio;

//! Everything that is tested from outside: one binary, a module for each boundary.

mod cli;
mod snapshots;
mod stdio;

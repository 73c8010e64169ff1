//! Everything that is tested from outside: one binary, a module for each boundary.

mod docs;
mod mutated;
mod rejected;
mod stdio;

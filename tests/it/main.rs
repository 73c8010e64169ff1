//! Everything that is tested from outside: one binary, a module for each boundary.

mod rejected;
mod stdio;

//! The `brownout` command: only stock machines. A program with machines of its own calls
//! [`brownout::cli::run`] with its kinds.

use std::process::ExitCode;

use brownout::Kinds;

fn main() -> ExitCode {
    brownout::cli::run(Kinds::new())
}

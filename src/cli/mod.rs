//! The command line: what is asked for, who answers, and the exit status.
//!
//! Each command is a file of its own: its arguments and one function that does it. A program with
//! machine kinds of its own has the whole command line in one call:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use brownout::Kinds;
//!
//! fn main() -> ExitCode {
//!     brownout::cli::run(Kinds::new())
//! }
//! ```
//!
//! What is *not* here: how anything looks; [`render`](crate::render) knows.

mod certify;
mod check;
mod diff;
mod explain;
mod fuzz;
mod jobs;
mod kind;
mod model;
mod output;
mod plan_file;
mod plan_json;
mod replay;
mod run;
mod save;
mod shrink;
mod status;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::system::Kinds;
use output::Output;
use status::{Status, Trouble};

/// Tests how a system of services behaves when things go wrong.
///
/// Brownout runs a whole system of services as state machines under virtual
/// time, breaks it in every way that production does, and judges what you
/// said must hold. The same scenario and the same plan give the same run,
/// to the last entry of its trace.
#[derive(Debug, Parser)]
#[command(
    name = "brownout",
    version,
    max_term_width = 80,
    arg_required_else_help = true,
    after_help = AFTER_HELP
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit status:
  0  everything held
  1  a property was violated
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout run shop.ron                        the seed that the scenario names
  brownout run shop.ron --calm --trace         what happens when nothing breaks
  brownout run shop.ron --seed 7 --json        for programs
  brownout check scenarios/*.ron               only load and validate
  echo '{\"at\":0,\"op\":\"failure\"}' | brownout model breaker";

/// What can be asked for. Each command has its arguments and its work in a file of its own.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Fuzz(fuzz::FuzzArgs),
    Shrink(shrink::ShrinkArgs),
    Replay(replay::ReplayArgs),
    Explain(explain::ExplainArgs),
    Diff(diff::DiffArgs),
    Certify(certify::CertifyArgs),
    Check(check::CheckArgs),
    Model(model::ModelArgs),
}

/// What every command works with.
struct Session<'a> {
    /// The kinds of machines that scenarios may use.
    kinds: &'a Kinds,
    /// This program as it was called, for commands that it proposes.
    program: &'a str,
    /// Where results go.
    output: Output<'a>,
}

/// Does what the arguments of this process ask for, and says how it went.
///
/// `kinds` are the machines that scenarios may use besides the stock ones.
#[must_use]
pub fn run(kinds: Kinds) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    caught(&kinds, &arguments).into()
}

/// The same for any arguments, the first of them the program's name. A panic is a bug of ours and
/// says so.
fn caught(kinds: &Kinds, arguments: &[OsString]) -> Status {
    panic::catch_unwind(AssertUnwindSafe(|| dispatch(kinds, arguments))).unwrap_or_else(|_| {
        let command: Vec<String> =
            arguments.iter().map(|argument| quoted(&argument.to_string_lossy())).collect();
        output::complain(&format!(
            "this is a bug of brownout or of a machine of your own; it happens with\n  {}",
            command.join(" ")
        ));
        Status::Bug
    })
}

fn dispatch(kinds: &Kinds, arguments: &[OsString]) -> Status {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout and a mistake to stderr; if nobody reads them, so be it.
            let _ = error.print();
            return if error.use_stderr() { Status::Wrong } else { Status::Held };
        }
    };
    // As it was called: what is proposed can be typed as it stands, also where Cargo ran it.
    let program = arguments.first().map_or("brownout".into(), |name| name.to_string_lossy());
    let program = quoted(&program);
    let mut session = Session { kinds, program: &program, output: Output::stdout() };
    let done = match cli.command {
        Command::Run(args) => run::run(&args, &mut session),
        Command::Fuzz(args) => fuzz::run(&args, &mut session),
        Command::Shrink(args) => shrink::run(&args, &mut session),
        Command::Replay(args) => replay::run(&args, &mut session),
        Command::Explain(args) => explain::run(&args, &mut session),
        Command::Diff(args) => diff::run(&args, &mut session),
        Command::Certify(args) => certify::run(&args, &mut session),
        Command::Check(args) => check::check(&args, &mut session),
        Command::Model(args) => model::model(&args),
    };
    let flushed = session.output.flush();
    status::settle(done.and_then(|status| flushed.map(|()| status)))
}

/// A word of a command line as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

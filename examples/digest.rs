//! Prints the digest of runs, to compare machines, builds and versions: what two of them print for
//! the same scenario and seeds differs exactly when a run is not what it was.
//!
//! ```text
//! cargo run --example digest -- fixtures/order_system.ron calm 1 2 3
//! ```

use std::io::{self, Write};
use std::process::ExitCode;

use brownout::{Keep, Plan, Scenario};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        return fail("usage: digest SCENARIO (calm | SEED)..");
    };
    let scenario = match Scenario::load(&path) {
        Ok(scenario) => scenario,
        Err(error) => return fail(&error.to_string()),
    };
    for word in arguments {
        let plan = match (word.as_str(), word.parse()) {
            ("calm", _) => Plan::calm(),
            (_, Ok(seed)) => Plan::seed(seed),
            (_, Err(_)) => return fail(&format!("`{word}` is neither a seed nor `calm`")),
        };
        let run = scenario.run_keeping(&plan, Keep::VERDICT);
        let _ = writeln!(io::stdout(), "{word} {}", run.digest);
    }
    ExitCode::SUCCESS
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(2)
}

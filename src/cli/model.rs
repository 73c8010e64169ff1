//! `brownout model`: one machine over stdio.

use std::io;

use clap::Args;

use super::{Status, Trouble};
use crate::stdio::{Profile, profile, serve};

/// Drives one machine over stdio: JSON lines in, JSON lines out.
///
/// A program in any language compares its own breaker, limiter or broker
/// with the reference machines, step by step. docs/stdio.md documents the
/// requests and the responses of every machine.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ModelArgs {
    /// The machine: registry, balancer, client, limiter, breaker, gateway,
    /// sidecar, broker, saga, composition, deployment, observability,
    /// backoff, retry-budget, outlier or bulkhead.
    name: String,

    /// Whose rules it follows: guide or hardened.
    #[arg(long, default_value = "guide", value_parser = profile)]
    profile: Profile,

    /// Its configuration, in RON; the profile's defaults without it.
    #[arg(long, value_name = "RON")]
    config: Option<String>,
}

const AFTER_HELP: &str = "\
Exit status:
  0  every line was understood
  2  some line was not, or the machine could not start

Examples:
  echo '{\"at\":0,\"op\":\"failure\"}' | brownout model breaker
  brownout model breaker --config '(failure_threshold: 1)' < session.jsonl";

pub(super) fn model(args: &ModelArgs) -> Result<Status, Trouble> {
    let (input, output) = (io::stdin().lock(), io::stdout().lock());
    let end = serve(&args.name, args.profile, args.config.as_deref(), input, output)?;
    Ok(if end.bad_requests == 0 { Status::Held } else { Status::Wrong })
}

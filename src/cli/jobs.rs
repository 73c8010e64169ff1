//! Workers and progress of commands that run more than once.

use clap::builder::RangedU64ValueParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Trouble;

/// More workers than any machine has cores for help nobody.
const WORKERS_MAX: u64 = 1_024;

/// What `--jobs` takes: nobody would do the work of no worker.
pub(super) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// Runs `work` on this many threads, though on no more than there are runs; on all cores when none
/// is given.
pub(super) fn with_workers<T: Send>(
    jobs: Option<usize>,
    runs: u64,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Trouble> {
    let most = usize::try_from(runs.clamp(1, WORKERS_MAX)).unwrap_or(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.map_or(0, |jobs| jobs.min(most)))
        .build()
        .map_err(|error| Trouble::Usage(format!("cannot start workers: {error}")))?;
    Ok(pool.install(work))
}

/// A bar on stderr; nothing where stderr is no terminal.
pub(super) fn progress(total: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = "{prefix} [{bar:30}] {pos}/{len} {msg}";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    bar.set_style(style);
    bar.set_prefix(what.to_owned());
    bar
}

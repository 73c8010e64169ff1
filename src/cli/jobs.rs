//! Workers and progress of commands that run more than once.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Trouble;

/// Runs `work` on this many threads; on all cores when none is given.
pub(super) fn with_workers<T: Send>(
    jobs: Option<usize>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Trouble> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.unwrap_or(0))
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

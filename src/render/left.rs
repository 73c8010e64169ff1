//! What shrinking left of a failing run, and whether it is the least.

use super::lines::counted;
use crate::choice::{Deviation, Plan};
use crate::search::{LoadLeft, Shrunk};

/// What is left, and whether any of it can be missed: one sentence without its stop.
pub(crate) fn left(shrunk: &Shrunk) -> String {
    let (one, more) = noun(&shrunk.plan);
    let faults = match shrunk.plan.deviations.len() as u64 {
        0 => "no fault".to_owned(),
        many => counted(many, one, more),
    };
    let many = shrunk.plan.deviations.len().saturating_add(pieces(shrunk.load).unwrap_or(1));
    let are = if many == 1 { "is" } else { "are" };
    if many == 0 {
        return "nothing is left: it fails without any fault and without any load".to_owned();
    }
    let load = load(shrunk.load).map_or_else(String::new, |load| format!(" and {load}"));
    format!("{faults}{load} {are} left; {}", verdict(shrunk))
}

/// What is left of the faults of the run that was shrunk.
pub(crate) fn left_of(before: usize, seed: u64, shrunk: &Shrunk) -> String {
    let faults = counted(before as u64, "fault", "faults");
    let of = match shrunk.plan.deviations.len() {
        0 if pieces(shrunk.load) == Some(0) => {
            format!("The run of seed {seed} fails without any fault and any load")
        }
        0 => format!("The run of seed {seed} fails without any fault"),
        1 => format!("Of {faults} in the run of seed {seed}, 1 matters"),
        few => format!("Of {faults} in the run of seed {seed}, {few} matter"),
    };
    let runs = counted(shrunk.runs, "run", "runs");
    let load = load(shrunk.load).map_or_else(String::new, |load| format!(", with {load}"));
    format!("{of}{load}; {} ({runs})", verdict(shrunk))
}

/// What the deviations of a plan are, one and many: faults, unless it answers for the weather as well.
fn noun(plan: &Plan) -> (&'static str, &'static str) {
    if plan.deviations.iter().any(Deviation::is_weather) {
        ("deviation", "deviations")
    } else {
        ("fault", "faults")
    }
}

/// The load that is left; nothing where none is needed.
fn load(left: LoadLeft) -> Option<String> {
    match pieces(left) {
        None => Some("all the load".to_owned()),
        Some(0) => None,
        Some(many) => Some(counted(many as u64, "piece of load", "pieces of load")),
    }
}

const fn pieces(left: LoadLeft) -> Option<usize> {
    match left {
        LoadLeft::All => None,
        LoadLeft::Minimal(many) | LoadLeft::Unproven(many) => Some(many),
    }
}

fn verdict(shrunk: &Shrunk) -> String {
    if shrunk.gave_up {
        return "shrinking gave up, so there may be less that does it".to_owned();
    }
    let (one, _) = noun(&shrunk.plan);
    let has_faults = !shrunk.plan.deviations.is_empty();
    match (shrunk.is_one_minimal, shrunk.load) {
        (true, LoadLeft::Minimal(_)) => "none can be missed".to_owned(),
        (true, LoadLeft::All) if has_faults => {
            format!("no {one} can be missed, and the property is about all the load together")
        }
        (true, LoadLeft::All) => "the property is about all the load together".to_owned(),
        (true, LoadLeft::Unproven(_)) if has_faults => {
            format!("no {one} can be missed, though some of the load perhaps can")
        }
        (true, LoadLeft::Unproven(_)) => "some of it can perhaps be missed".to_owned(),
        (false, _) => "some of it can perhaps be missed".to_owned(),
    }
}

//! Addressed choices: every decision of a run has an address, a calm answer and words for it.
//!
//! In reading order: [`plan`] says what a person writes down, `site` and `flow` make addresses,
//! [`mix`] and [`sample`] make answers of a seed, `words` turns answers into names and back, and
//! `chooser` puts them together.

mod chooser;
mod draw;
mod flow;
pub mod mix;
pub mod plan;
pub mod sample;
mod site;
mod words;

pub use brownout_models::Ratio;
pub use chooser::Point;
pub use plan::{Deviation, Fate, Plan, Weather};

pub(crate) use chooser::{Choices, LinkSites, SiteId, address};
pub(crate) use flow::{SLOT_SHIFT, index_of, index_text};
pub(crate) use site::purpose;
pub(crate) use words::{Question, delays_around, form, possible, read};

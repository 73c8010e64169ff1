//! What a person sees: a run in words, in lines and in numbers.
//!
//! [`Words`] says what one entry of a trace is, in names. [`TraceText`] lays entries out in fixed
//! columns, [`summary`] says what a whole run amounts to, [`story`] shows how its violation came
//! about, [`saga_trees`] what became of its sagas, and [`report`] is the same for machines.
//!
//! What is *not* here: where the text goes, and whether it may be coloured; [`cli`](crate::cli)
//! knows.
//!
//! ```
//! use brownout::render::{Styles, TraceText};
//! use brownout::{Kinds, Scenario};
//!
//! let text = r#"(version: 1, title: "one client", nodes: {
//!     "shop": Service(handlers: { "buy": [Work("5ms")] }),
//!     "client": Clients(script: [Call(to: "shop", method: "buy")]),
//! })"#;
//! let run = Scenario::parse("shop.ron", text, &Kinds::new())?.run_calm();
//! let trace = TraceText::new(run.world(), Styles::PLAIN);
//! let lines: Vec<String> = run.entries().map(|entry| trace.line(entry)).collect();
//! assert!(lines.iter().any(|line| line.contains("deliver   buy from client")));
//! # Ok::<(), brownout::ScenarioError>(())
//! ```

mod divergence;
mod filter;
mod left;
pub(crate) mod lines;
mod periods;
mod report;
mod saga;
mod standing;
mod story;
mod style;
mod summary;
mod trace;
mod words;

pub(crate) use divergence::{divergence, flow_at, parted, what_follows};
pub use filter::{Filter, FilterError};
pub(crate) use left::{left, left_of};
pub(crate) use periods::{periods, periods_table};
pub(crate) use report::{DiagnosticReport, diagnostic_reports, plan_report, run_plan_report};
pub use report::{Report, report};
pub(crate) use saga::saga_reports;
pub use saga::saga_trees;
pub use standing::Standing;
pub use story::{Story, story};
pub use style::Styles;
pub use summary::summary;
pub(crate) use summary::{heading, missed};
pub use trace::TraceText;
pub use words::Words;

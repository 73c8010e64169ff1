//! A deterministic discrete-event test harness for microservice resilience.
//!
//! A [`Scenario`] is a whole system of services, what may break in it and what must hold. It runs
//! under virtual time, in one thread, and every decision of a run is a choice at an address: so a
//! [`Plan`] of a few answers is a failure sequence that replays byte for byte, and a seed is all of
//! them at once.
//!
//! ```
//! use brownout::search::shrink;
//! use brownout::{Kinds, Plan, Scenario};
//!
//! let scenario = Scenario::parse("shop.ron", r#"(
//!     version: 1,
//!     nodes: {
//!         "till": Service(registered: false, handlers: { "pay": [Work("5ms"), Write(table: "paid")] }),
//!         "proxy": Sidecar(attempt_timeout: "100ms", upstream: "till-1"),
//!         "shopper": Clients(
//!             arrivals: Every(period: "1s", count: 20),
//!             script: [Call(to: "proxy", method: "pay", timeout: "5s")],
//!         ),
//!     },
//!     faults: [Lose(odds: "5%")],
//!     properties: [OncePerKey(table: "paid")],
//! )"#, &Kinds::new())?;
//!
//! assert!(scenario.run_calm().held());
//! let seed = (1..).find(|seed| !scenario.run_seed(*seed).held()).unwrap();
//! let shrunk = shrink(&scenario, &Plan::seed(seed)).unwrap();
//! let [loss] = shrunk.plan.deviations.as_slice() else { panic!("{}", shrunk.plan) };
//! assert_eq!(loss.site, "till-1>proxy pay reply");
//! # Ok::<(), brownout::ScenarioError>(())
//! ```
//!
//! In reading order: [`scenario`] is what a user writes, [`run`] what comes of it, [`search`] finds
//! and shrinks; below them [`choice`] has plans and addresses, [`kernel`] makes events happen,
//! [`system`] holds the machines, [`drill`] has one alone, [`property`] judges. The machines themselves are in [`models`].

pub mod choice;
pub mod cli;
pub mod drill;
pub mod kernel;
pub mod layout;
pub mod metrics;
pub mod prelude;
pub mod property;
pub mod render;
pub mod run;
pub mod scenario;
pub mod search;
pub mod stdio;
#[cfg(feature = "proptest")]
pub mod strategy;
pub mod system;

pub use brownout_models as models;
pub use choice::{Deviation, Plan, Weather};
pub use kernel::{Digest, End, Entry, What};
pub use run::{Keep, Run};
pub use scenario::{Scenario, ScenarioError};
pub use system::Kinds;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Pure state machines of microservice resilience: time and choices in, decisions out.
//!
//! In reading order: [`time`], [`ratio`], [`factor`], [`limit`], [`name`] and [`hash`] are what everything is
//! made of, [`profile`] says whose rules a machine follows;
//! [`policy`] has plain values that take `now` and answer; [`contract`] says how a machine sees the
//! world; [`machine`] has the machines, which own policies and speak one vocabulary; [`fact`] is what
//! they say. There is no clock, I/O, thread, randomness, global or hash-ordered map in here, so the
//! breaker that a simulation tests is the breaker that runs in production:
//!
//! ```
//! use brownout_models::policy::{Breaker, BreakerConfig};
//! use brownout_models::{Span, Time};
//!
//! let mut breaker = Breaker::new(BreakerConfig { failure_threshold: 2, ..BreakerConfig::default() });
//! let now = Time::ZERO + Span::from_secs(1); // from your own clock
//! breaker.failure(now);
//! breaker.failure(now);
//! assert!(!breaker.allow(now).is_admitted(), "two failures open it");
//! assert!(breaker.allow(now + Span::from_secs(31)).is_admitted(), "and half a minute lets a probe through");
//! ```

pub mod contract;
pub mod fact;
pub mod factor;
pub mod hash;
pub mod limit;
pub mod machine;
pub mod name;
pub mod policy;
pub mod profile;
pub mod ratio;
pub mod time;

pub use fact::Fact;
pub use factor::Factor;
pub use hash::{Map, Set};
pub use limit::{Capacity, Timeout};
pub use name::{Name, Names};
pub use profile::{Mistake, Profile};
pub use ratio::Ratio;
pub use time::{Span, Time};

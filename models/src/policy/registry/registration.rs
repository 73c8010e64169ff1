//! What an instance says when it registers, and whether that can be true.

use serde::Serialize;

use crate::Name;

/// What an instance says when it registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registration<A> {
    /// The service that it is an instance of.
    pub service: Name,
    /// Unique within its service, or in the whole registry:
    /// [`IdScope`](super::IdScope).
    pub id: Name,
    /// Which life of the instance speaks; 0 for those that do not count.
    pub incarnation: u64,
    /// Where it is reached; the registry never looks inside.
    pub address: A,
}

/// Why a registration cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The service has no name.
    Service,
    /// The instance has no id.
    Id,
    /// There is no host to reach.
    Host,
    /// No port bears this number.
    Port(i64),
}

/// Looks at a registration as [`Validation::On`](super::Validation::On) asks for.
///
/// # Errors
/// The first thing about it that cannot be true.
///
/// ```
/// use brownout_models::policy::registry::{Invalid, validate};
///
/// assert_eq!(validate("payment", "payment-1", "10.0.0.1", 8080), Ok(()));
/// assert_eq!(validate("payment", "payment-1", "10.0.0.1", 0), Err(Invalid::Port(0)));
/// ```
pub fn validate(service: &str, id: &str, host: &str, port: i64) -> Result<(), Invalid> {
    if service.is_empty() {
        return Err(Invalid::Service);
    }
    if id.is_empty() {
        return Err(Invalid::Id);
    }
    if host.is_empty() {
        return Err(Invalid::Host);
    }
    if (1..=i64::from(u16::MAX)).contains(&port) { Ok(()) } else { Err(Invalid::Port(port)) }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service => f.write_str("the service has no name"),
            Self::Id => f.write_str("the instance has no id"),
            Self::Host => f.write_str("the instance has no host"),
            Self::Port(port) => write!(f, "{port} is no port, expected 1 to 65535"),
        }
    }
}

impl std::error::Error for Invalid {}

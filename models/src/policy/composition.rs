//! API composition: three calls in parallel, all or nothing.
//!
//! Follows the guide's `CompositeService` (lines 889-962): any error discards the other results
//! (AC-1), the composition waits for all parts even when it is doomed (AC-2), errors come in the
//! order of arrival and do not name their service (AC-4).
//!
//! What is *not* here: the calls. The guide makes them through the plain client, around gateway and
//! breaker (AC-5).
//!
//! ```
//! use brownout_models::policy::{Composed, Composition, Part};
//!
//! let mut details = Composition::<u32, &str>::default();
//! assert_eq!(details.ended(Part::User, Ok(1)), None);
//! assert_eq!(details.ended(Part::Payment, Err("down")), None);
//! let failed = Composed::Failed { errors: vec!["down"] };
//! assert_eq!(details.ended(Part::Product, Ok(2)), Some(failed));
//! ```

use serde::Serialize;

/// What an order's details consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// `getUserInfo` of `user-service`.
    User,
    /// `getProducts` of `product-service`.
    Product,
    /// `getPaymentInfo` of `payment-service`.
    Payment,
}

impl Part {
    /// The parts in the order in which they are asked for.
    pub const ALL: [Self; 3] = [Self::User, Self::Product, Self::Payment];

    /// The service that has it.
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::User => "user-service",
            Self::Product => "product-service",
            Self::Payment => "payment-service",
        }
    }

    /// The method that gives it.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::User => "getUserInfo",
            Self::Product => "getProducts",
            Self::Payment => "getPaymentInfo",
        }
    }
}

/// How a composition ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Composed<R, E> {
    /// Every part arrived.
    Details {
        /// The user's part.
        user: R,
        /// The products' part.
        product: R,
        /// The payment's part.
        payment: R,
    },
    /// At least one part failed.
    Failed {
        /// Their errors in the order of arrival.
        errors: Vec<E>,
    },
}

/// One composition under way.
#[derive(Clone, Debug, Serialize)]
pub struct Composition<R, E> {
    user: Option<R>,
    product: Option<R>,
    payment: Option<R>,
    errors: Vec<E>,
    ended: usize,
}

impl<R, E> Default for Composition<R, E> {
    fn default() -> Self {
        Self { user: None, product: None, payment: None, errors: Vec::new(), ended: 0 }
    }
}

impl<R, E> Composition<R, E> {
    /// Takes in how a part's call ended; the end of the composition with the third. Each part ends
    /// once.
    pub fn ended(&mut self, part: Part, outcome: Result<R, E>) -> Option<Composed<R, E>> {
        self.ended += 1;
        match outcome {
            Ok(result) => match part {
                Part::User => self.user = Some(result),
                Part::Product => self.product = Some(result),
                Part::Payment => self.payment = Some(result),
            },
            Err(error) => self.errors.push(error),
        }
        if self.ended < Part::ALL.len() {
            return None;
        }
        let errors = std::mem::take(&mut self.errors);
        match (self.user.take(), self.product.take(), self.payment.take()) {
            (Some(user), Some(product), Some(payment)) if errors.is_empty() => {
                Some(Composed::Details { user, product, payment })
            }
            _ => Some(Composed::Failed { errors }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_in_the_order_of_arrival() {
        let mut composition = Composition::<(), u32>::default();
        assert_eq!(composition.ended(Part::Payment, Err(3)), None);
        assert_eq!(composition.ended(Part::User, Err(1)), None);
        let failed = Composed::Failed { errors: vec![3, 1] };
        assert_eq!(composition.ended(Part::Product, Ok(())), Some(failed));
    }

    #[test]
    fn three_results_make_the_details() {
        let mut composition = Composition::<u32, ()>::default();
        assert_eq!(composition.ended(Part::Payment, Ok(3)), None);
        assert_eq!(composition.ended(Part::Product, Ok(2)), None);
        let details = Composed::Details { user: 1, product: 2, payment: 3 };
        assert_eq!(composition.ended(Part::User, Ok(1)), Some(details));
    }
}

//! Each budget by its own rules.

use super::*;
use crate::{Factor, Ratio};

#[test]
fn a_quota_pays_for_a_hundred_retries_or_fifty_timeouts() {
    for (spent, retries) in [(Spent::OnFailure, 100), (Spent::OnTimeout, 50)] {
        let mut budget = RetryBudget::new(BudgetConfig::quota());
        for _ in 0..retries {
            budget.begin(Time::ZERO);
            let loan = budget.lend(Time::ZERO, spent).unwrap();
            budget.end(Time::ZERO, Some(loan), false);
        }
        assert_eq!(budget.lend(Time::ZERO, spent), None);
        assert_eq!(budget.tokens_thousandths(), Some(0));
    }
}

#[test]
fn a_success_after_a_retry_brings_its_last_cost_back() {
    let mut budget = RetryBudget::new(BudgetConfig::quota());
    budget.begin(Time::ZERO);
    let first = budget.lend(Time::ZERO, Spent::OnFailure).unwrap();
    budget.spend(first);
    let second = budget.lend(Time::ZERO, Spent::OnTimeout).unwrap();
    assert_eq!(budget.tokens_thousandths(), Some(485_000));
    assert_eq!(budget.under_way(), (1, 1));
    budget.end(Time::ZERO, Some(second), true);
    assert_eq!(budget.tokens_thousandths(), Some(495_000));
    budget.begin(Time::ZERO);
    budget.end(Time::ZERO, None, true);
    assert_eq!(budget.tokens_thousandths(), Some(496_000));
    assert_eq!(budget.under_way(), (0, 0));
}

#[test]
fn a_throttle_lends_above_half_of_its_tokens_only() {
    let config = BudgetConfig::Throttle { tokens: 10, token_ratio: Factor::from_thousandths(100) };
    let mut budget = RetryBudget::new(config);
    for _ in 0..4 {
        budget.failed(Time::ZERO);
        assert!(budget.lends(Time::ZERO, Spent::OnFailure));
    }
    budget.failed(Time::ZERO);
    assert_eq!(budget.tokens_thousandths(), Some(5_000));
    assert!(!budget.lends(Time::ZERO, Spent::OnFailure), "half is not more than half");
    budget.end(Time::ZERO, None, true);
    assert!(budget.lends(Time::ZERO, Spent::OnFailure));
    for _ in 0..100 {
        budget.end(Time::ZERO, None, true);
    }
    assert_eq!(budget.tokens_thousandths(), Some(10_000), "never more than it began with");
}

#[test]
fn a_share_forgets_calls_after_its_span() {
    let fifth = Ratio::new(1, 5).unwrap();
    let ttl = Span::from_secs(10);
    let config = BudgetConfig::Share { percent: fifth, min_per_second: 0, ttl };
    let mut budget = RetryBudget::new(config);
    for _ in 0..9 {
        budget.begin(Time::ZERO);
    }
    let loan = budget.lend(Time::ZERO, Spent::OnFailure).unwrap();
    budget.spend(loan);
    assert!(!budget.lends(Time::ZERO, Spent::OnFailure), "a fifth of nine is one and a bit");
    budget.begin(Time::ZERO);
    let last = Time::from_nanos(9_999_999_999);
    assert!(budget.lends(last, Spent::OnFailure));
    assert!(!budget.lends(last + Span::from_nanos(1), Spent::OnFailure));
    let reserve = BudgetConfig::Share { percent: fifth, min_per_second: 1, ttl };
    let mut budget = RetryBudget::new(reserve);
    let lent = std::iter::from_fn(|| budget.lend(Time::ZERO, Spent::OnFailure));
    assert_eq!(lent.count(), 10, "one a second for ten seconds");
}

#[test]
fn concurrent_retries_are_a_part_of_the_calls_under_way() {
    let percent = Ratio::new(1, 5).unwrap();
    let config = BudgetConfig::Concurrency { percent, min_retries: 1 };
    let mut budget = RetryBudget::new(config);
    for _ in 0..10 {
        budget.begin(Time::ZERO);
    }
    let loans: Vec<Loan> =
        std::iter::from_fn(|| budget.lend(Time::ZERO, Spent::OnFailure)).collect();
    assert_eq!(loans.len(), 2);
    for loan in loans {
        budget.end(Time::ZERO, Some(loan), false);
    }
    assert_eq!(budget.under_way(), (8, 0));
    let loan = budget.lend(Time::ZERO, Spent::OnTimeout);
    assert!(loan.is_some() && !budget.lends(Time::ZERO, Spent::OnFailure), "a fifth of eight");
}

#[test]
fn every_mistake_says_what_would_fix_it() {
    let quota = |capacity, retry_cost, timeout_cost| BudgetConfig::Quota {
        capacity,
        retry_cost,
        timeout_cost,
        success_refund: 1,
    };
    let throttle = |tokens, thousandths| BudgetConfig::Throttle {
        tokens,
        token_ratio: Factor::from_thousandths(thousandths),
    };
    let share = |nanos| BudgetConfig::Share {
        percent: Ratio::ZERO,
        min_per_second: 0,
        ttl: Span::from_nanos(nanos),
    };
    for wrong in [
        quota(500, 0, 10),
        quota(500, 5, 0),
        quota(4, 5, 1),
        quota(9, 5, 10),
        throttle(0, 100),
        throttle(1_001, 100),
        throttle(10, 0),
        share(9),
    ] {
        assert_eq!(wrong.mistakes().len(), 1, "{wrong:?}");
    }
    for right in
        [BudgetConfig::Unlimited, quota(10, 5, 10), throttle(1, 1), throttle(1_000, 100), share(10)]
    {
        assert_eq!(right.mistakes(), [], "{right:?}");
    }
}

#[test]
fn a_budget_is_written_with_what_differs_from_its_source() {
    for (text, config) in [
        ("Unlimited", BudgetConfig::Unlimited),
        ("Quota()", BudgetConfig::quota()),
        (
            "Throttle()",
            BudgetConfig::Throttle { tokens: 10, token_ratio: Factor::from_thousandths(100) },
        ),
        (
            "Share(min_per_second: 0)",
            BudgetConfig::Share {
                percent: Ratio::new(1, 5).unwrap(),
                min_per_second: 0,
                ttl: Span::from_secs(10),
            },
        ),
        (
            "Concurrency(percent: \"50%\")",
            BudgetConfig::Concurrency { percent: Ratio::new(1, 2).unwrap(), min_retries: 3 },
        ),
    ] {
        assert_eq!(ron::from_str::<BudgetConfig>(text).unwrap(), config, "{text}");
    }
    assert!(ron::from_str::<BudgetConfig>("Quota(cost: 3)").is_err());
}

#[test]
fn a_share_remembers_no_more_than_the_slots_of_its_span() {
    let (percent, ttl) = (Ratio::ONE_FIFTH, Span::from_secs(10));
    let config = BudgetConfig::Share { percent, min_per_second: 0, ttl };
    let mut budget = RetryBudget::new(config);
    for call in 0..1_000 {
        budget.begin(Time::ZERO + Span::from_millis(call * 50));
        let slots: Vec<u64> = budget.slots.iter().map(|slot| slot.number).collect();
        assert!(slots.windows(2).all(|two| two[0] < two[1]), "{slots:?}");
        assert!(slots.len() <= 10);
    }
}

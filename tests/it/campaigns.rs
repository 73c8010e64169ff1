//! How long a campaign goes on, whatever its workers do at a time.

use std::cell::RefCell;

use brownout::search::Campaign;
use brownout::{Keep, Plan, Scenario};

use crate::fixtures;

/// Three payments, of which one in a hundred is doubled: small runs, of which many are made at a time.
fn till() -> Scenario {
    fixtures::scenario(&fixtures::till(3, "1%"))
}

#[test]
fn a_campaign_stops_with_the_batch_in_which_enough_runs_failed() {
    let till = till();
    let fails = |seed: &u64| !till.run_keeping(&Plan::seed(*seed), Keep::VERDICT).held();
    for enough in [1, 5, 16] {
        let (mut runs, mut failed, mut told) = (0, 0, Vec::new());
        while failed < enough {
            failed += (runs + 1..=runs + 32).filter(fails).count() as u64;
            runs += 32;
            told.push((runs, failed));
        }
        let heard = RefCell::new(Vec::new());
        let campaign = Campaign { runs: 100_000, enough, shrink: 1, ..Campaign::default() };
        let progress = |runs, failed| {
            heard.borrow_mut().push((runs, failed));
            true
        };
        let report = campaign.run(&till, &progress).unwrap();
        assert_eq!((report.runs, report.failed), (runs, failed));
        assert_eq!(heard.into_inner(), told);
    }
}

#[test]
fn a_campaign_stops_with_the_batch_after_which_it_is_told_to() {
    for last in [32, 64, 320] {
        let campaign = Campaign { runs: 1_000, enough: u64::MAX, shrink: 1, ..Campaign::default() };
        assert_eq!(campaign.run(&till(), &|runs, _| runs < last).unwrap().runs, last);
    }
    let campaign = Campaign { runs: 333, enough: u64::MAX, shrink: 1, ..Campaign::default() };
    assert_eq!(campaign.run(&till(), &|_, _| true).unwrap().runs, 333);
}

//! When outlier detection has something to do, and when nothing.

use brownout_models::policy::outlier::{ConsecutiveFailures, Outlier, OutlierConfig};
use brownout_models::{Name, Ratio, Span, Time};

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

#[test]
fn a_host_that_was_out_keeps_the_watch_awake_until_that_is_forgotten() {
    let mut outlier = Outlier::new(OutlierConfig {
        consecutive_failures: ConsecutiveFailures::AtLeast(1),
        max_ejection_percent: Ratio::ONE,
        ..OutlierConfig::guide()
    });
    outlier.show(at(0), &[Name(0), Name(1)]);
    assert_eq!(outlier.due(), None, "nothing has happened");
    let out = outlier.record(at(1), Name(0), false).unwrap();
    assert_eq!(out.ejected_until, Some(at(31)));
    assert_eq!(outlier.due(), Some(at(10)), "there are calls to look at");
    assert_eq!(outlier.advance(at(30)), []);
    assert_eq!(outlier.due(), Some(at(40)), "a host is out");
    assert_eq!(outlier.advance(at(40)).len(), 1, "and in again");
    assert_eq!(outlier.due(), Some(at(50)), "the next time it would be out for longer");
    assert_eq!(outlier.advance(at(50)), []);
    assert_eq!(outlier.due(), None);
    let again = outlier.record(at(51), Name(0), false).unwrap();
    assert_eq!(again.ejected_until, Some(at(81)), "it is as if it had never been out");
}

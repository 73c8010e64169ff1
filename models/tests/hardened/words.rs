//! What errors say, what a file is told that holds the wrong type, and how values show.

use brownout_models::contract::Failure;
use brownout_models::policy::registry::{Invalid, RegistryError, validate};
use brownout_models::policy::{Backoff, SidecarOptions};
use brownout_models::{Factor, Mistake, Ratio, Span, Time, Timeout};

#[test]
fn errors_name_what_is_wrong_and_what_is_right() {
    let span = "5 minutes".parse::<Span>().unwrap_err();
    let factor = "half".parse::<Factor>().unwrap_err();
    let odds = "120%".parse::<Ratio>().unwrap_err();
    let mistake = Mistake::new("probes", "it cannot be 0", "expected 1 or more", "write 1");
    for (said, expected) in [
        (
            span.to_string(),
            "`5 minutes` is not a span of time; write a number and, without a blank, a unit (ns, us, \
             ms, s, m, h), like `250ms` or `1.5s`",
        ),
        (
            factor.to_string(),
            "`half` is not a factor; write a number with up to three decimals, like `1.6`",
        ),
        (
            odds.to_string(),
            "`120%` is more than always; odds go from `0%` for never to `100%` for always",
        ),
        (
            mistake.within("breaker").to_string(),
            "`breaker.probes`: it cannot be 0, expected 1 or more; write 1",
        ),
        (RegistryError::ServiceNotFound.to_string(), "the service is not registered"),
        (RegistryError::InstanceNotFound.to_string(), "the instance is not registered"),
        (
            RegistryError::StaleIncarnation { known: 7 }.to_string(),
            "incarnation 7 of the instance has registered",
        ),
        (Invalid::Service.to_string(), "the service has no name"),
        (Invalid::Id.to_string(), "the instance has no id"),
        (Invalid::Host.to_string(), "the instance has no host"),
        (Invalid::Port(-1).to_string(), "-1 is no port, expected 1 to 65535"),
    ] {
        assert_eq!(said, expected);
    }
}

/// What is said where a number stands in the place of a text.
fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
    let options = ron::Options::default();
    let options = options.with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    options.from_str::<T>(text).unwrap_err().code.to_string()
}

#[test]
fn a_file_with_a_number_is_told_which_text_was_expected() {
    for (told, expected) in [
        (told::<Span>("5"), "a span of time like \"250ms\""),
        (told::<Factor>("5"), "a factor like \"1.6\""),
        (told::<Ratio>("5"), "odds like \"3%\" or \"1/2000\""),
        (told::<Timeout>("5"), "a span of time like \"250ms\", or \"never\""),
        (
            told::<SidecarOptions>("(backoff: 5)"),
            "a span of time like \"100ms\", or a backoff like (base: \"100ms\")",
        ),
    ] {
        assert!(told.contains(&format!("Expected {expected} ")), "{told}");
    }
}

#[test]
fn values_show_as_they_are_written() {
    let third = Ratio::new(1, 3).unwrap();
    for (shown, expected) in [
        (format!("{:?}", Span::from_millis(250)), "250ms"),
        (format!("{:?}", Time::from_nanos(1_500_000_000)), "1.5s"),
        (format!("{third:?}"), "1/3"),
        (format!("{:?}", Factor::from_thousandths(1_600)), "1.6"),
    ] {
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_registration_needs_a_name_an_id_a_host_and_a_port() {
    for (service, id, host, port, expected) in [
        ("payment", "payment-1", "10.0.0.1", 1, Ok(())),
        ("payment", "payment-1", "10.0.0.1", 65_535, Ok(())),
        ("", "", "", 0, Err(Invalid::Service)),
        ("payment", "", "", 0, Err(Invalid::Id)),
        ("payment", "payment-1", "", 0, Err(Invalid::Host)),
        ("payment", "payment-1", "10.0.0.1", 0, Err(Invalid::Port(0))),
        ("payment", "payment-1", "10.0.0.1", 65_536, Err(Invalid::Port(65_536))),
    ] {
        assert_eq!(validate(service, id, host, port), expected);
    }
}

#[test]
fn every_failure_has_words_of_its_own() {
    let words = Failure::ALL.map(Failure::words);
    assert_eq!(
        words,
        [
            "no instances",
            "no healthy instances",
            "route not found",
            "rate limit exceeded",
            "circuit breaker open",
            "queue full",
            "connection reset",
            "timed out",
            "failed",
            "rejected",
            "unknown method",
            "rolled back",
            "needs intervention",
        ]
    );
}

#[test]
fn the_guides_waits_double_its_base() {
    let backoff = Backoff { base: Span::from_millis(50) };
    assert_eq!(
        [0, 1, 2].map(|attempt| backoff.delay(attempt)),
        [50, 100, 200].map(Span::from_millis)
    );
}

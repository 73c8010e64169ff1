use super::*;

#[test]
fn the_product_wraps_as_the_guide_does() {
    let backoff = Backoff::default();
    assert_eq!(backoff.delay(36).as_nanos(), 100_000_000 << 36);
    for at_once in [37, 64, u32::MAX] {
        assert_eq!(backoff.delay(at_once), Span::ZERO, "{at_once}");
    }
    let linear = BackoffConfig {
        shape: BackoffShape::Linear,
        base: Span::from_nanos(1 << 62),
        ..BackoffConfig::guide()
    };
    assert_eq!(
        [0, 1, 2, 3, 4].map(|retry| linear.ceiling(retry).as_nanos() >> 62),
        [1, 0, 0, 0, 1]
    );
}

#[test]
fn a_base_alone_is_a_backoff() {
    #[derive(Deserialize)]
    struct Owner {
        #[serde(deserialize_with = "backoff_or_base")]
        backoff: BackoffOptions,
    }
    let read = |text: &str| ron::from_str::<Owner>(text).map(|owner| owner.backoff);
    let options = read("(backoff: \"50ms\")").unwrap();
    assert_eq!(options.base, Some(Span::from_millis(50)));
    let options = read(
        "(backoff: (base: Some(\"50ms\"), jitter: Some(Proportional(\"20%\")), \
         multiplier: Some(\"1.6\"), cap: Some(\"2m\")))",
    )
    .unwrap();
    let config = options.resolve(crate::Profile::Hardened);
    assert_eq!(config.jitter, Jitter::Proportional(Ratio::new(1, 5).unwrap()));
    assert_eq!(config.multiplier, Factor::from_thousandths(1_600));
    assert_eq!(config.cap, Timeout::After(Span::from_secs(120)));
    assert!(read("(backoff: (bsae: \"50ms\"))").is_err());
    assert!(read("(backoff: 50)").is_err());
}

#[test]
fn every_mistake_names_its_option() {
    let hardened = BackoffConfig::hardened;
    assert_eq!(hardened().mistakes(), []);
    assert_eq!(BackoffConfig::guide().mistakes(), []);
    let half = Factor::from_thousandths(500);
    let wraps = Overflow::Wraps;
    for (config, option) in [
        (BackoffConfig { multiplier: half, ..hardened() }, "multiplier"),
        (
            BackoffConfig {
                multiplier: Factor::from_thousandths(1_600),
                overflow: wraps,
                ..hardened()
            },
            "multiplier",
        ),
        (BackoffConfig { base: Span::from_secs(21), ..hardened() }, "cap"),
        (BackoffConfig { base: Span::ZERO, ..hardened() }, "base"),
    ] {
        let options: Vec<_> = config.mistakes().into_iter().map(|it| it.option).collect();
        assert_eq!(options, [option]);
    }
    let constant = BackoffShape::Constant;
    assert_eq!(BackoffConfig { multiplier: half, shape: constant, ..hardened() }.mistakes(), []);
    assert_eq!(BackoffConfig { base: Span::from_secs(20), ..hardened() }.mistakes(), []);
}

//! What a person's words do to a deployment, wherever it stands.

use brownout_models::policy::{
    BlueGreen, BlueGreenConfig, Canary, CanaryConfig, CanaryStep, DeployAction, DeployEvent,
    OnDeadline, OperatorWord, Rolling, RollingConfig, Timeout, TurnBack, Version,
};
use brownout_models::{Span, Time};

const WORDS: [OperatorWord; 3] =
    [OperatorWord::Promote, OperatorWord::PromoteFull, OperatorWord::Abort];
const ABORTED: DeployAction = DeployAction::TurnBack { reason: TurnBack::Aborted };

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn weight(candidate: u32) -> DeployAction {
    DeployAction::Weight { candidate }
}

fn start(instance: u32) -> DeployAction {
    DeployAction::Start { instance, version: Version::Candidate }
}

/// A canary of two instances that pauses for a person at one half, and would then be looked at.
fn canary() -> Canary {
    let pause = CanaryStep::Pause(Timeout::Never);
    let steps = vec![CanaryStep::SetWeight(50), pause, CanaryStep::Analyse, pause];
    Canary::new(CanaryConfig { steps, ..CanaryConfig::hardened() }, 2, at(0))
}

#[test]
fn a_canary_heeds_what_fits_where_it_stands() {
    let mut canary = canary();
    let heeded = |canary: &Canary| WORDS.map(|word| canary.heeds(word));
    assert_eq!(heeded(&canary), [false; 3], "it has not begun");
    assert_eq!(canary.begin(at(0)), [start(2)]);
    assert_eq!(heeded(&canary), [false, true, true], "its instance starts");
    canary.handle(at(1), DeployEvent::Ready(2));
    assert_eq!(heeded(&canary), [true; 3], "it pauses");
    canary.handle(at(2), DeployEvent::Promote);
    assert_eq!(heeded(&canary), [false, true, true], "it is looked at");
    for _ in 0..5 {
        canary.wake(canary.due().unwrap());
    }
    assert_eq!(heeded(&canary), [true; 3], "nobody asked it anything, and a person decides");
    canary.handle(at(1_000), DeployEvent::Abort);
    assert_eq!(heeded(&canary), [false; 3], "it turns back");
}

#[test]
fn a_canary_that_is_promoted_fully_waits_for_its_instances_alone() {
    let mut canary = canary();
    canary.begin(at(0));
    canary.handle(at(1), DeployEvent::Ready(2));
    assert_eq!(canary.handle(at(2), DeployEvent::PromoteFull), [start(3)]);
    assert_eq!((canary.weight(), canary.due()), (50, None));
    assert_eq!(canary.handle(at(3), DeployEvent::Ready(3)), [weight(100)]);
    assert_eq!(canary.due(), Some(at(33)), "the old instances stay for a while");
    assert_eq!(canary.handle(at(4), DeployEvent::Abort), [], "all the traffic has moved");
    let done = DeployAction::Done { version: Version::Candidate };
    assert_eq!(canary.wake(at(33)).last(), Some(&done));
}

#[test]
fn a_canary_that_is_promoted_fully_before_it_has_any_traffic_gets_all_of_it() {
    let mut canary = canary();
    canary.begin(at(0));
    assert_eq!(canary.handle(at(1), DeployEvent::PromoteFull), [start(3)]);
    canary.handle(at(2), DeployEvent::Ready(2));
    assert_eq!(canary.weight(), 0);
    assert_eq!(canary.handle(at(3), DeployEvent::Ready(3)), [weight(100)]);
}

#[test]
fn a_switch_heeds_what_fits_where_it_stands() {
    let config = BlueGreenConfig { preview: Timeout::Never, ..BlueGreenConfig::hardened() };
    let mut switch = BlueGreen::new(config.clone(), 1, at(0));
    let heeded = |switch: &BlueGreen| WORDS.map(|word| switch.heeds(word));
    assert_eq!(heeded(&switch), [false; 3]);
    switch.begin(at(0));
    assert_eq!(heeded(&switch), [false, false, true], "its instance starts");
    switch.handle(at(1), DeployEvent::Ready(1));
    assert_eq!(heeded(&switch), [true; 3], "testers look at it");
    assert_eq!(switch.handle(at(2), DeployEvent::PromoteFull), [weight(100)]);
    assert_eq!(heeded(&switch), [false, false, true], "the old fleet is there still");
    assert_eq!(switch.handle(at(3), DeployEvent::Abort), [ABORTED, weight(0)]);
    assert_eq!(heeded(&switch), [false; 3]);
}

#[test]
fn an_update_that_stands_goes_on_or_turns_back_as_a_person_says() {
    let config = RollingConfig { on_deadline: OnDeadline::Pause, ..RollingConfig::hardened() };
    for (event, word, goes) in [
        (DeployEvent::Promote, OperatorWord::Promote, Version::Candidate),
        (DeployEvent::PromoteFull, OperatorWord::PromoteFull, Version::Candidate),
        (DeployEvent::Abort, OperatorWord::Abort, Version::Stable),
    ] {
        let mut rolling = Rolling::new(config.clone(), 1, at(0));
        assert!(WORDS.iter().all(|word| !rolling.heeds(*word)), "it has not begun");
        rolling.begin(at(0));
        assert_eq!(rolling.heeds(word), word == OperatorWord::Abort, "it moves");
        assert_eq!(rolling.wake(at(600)), [DeployAction::Pause]);
        assert!(rolling.heeds(word) && !rolling.is_running());
        let actions = rolling.handle(at(700), event);
        assert_eq!(actions.contains(&ABORTED), goes == Version::Stable, "{word:?}");
        rolling.handle(at(701), DeployEvent::Ready(1));
        assert!(!rolling.is_running(), "it is over");
        assert_eq!(rolling.fleet().of(goes).count(), 1, "{word:?}");
        assert_eq!(rolling.fleet().of(goes.other()).count(), 0, "{word:?}");
        assert!(WORDS.iter().all(|word| !rolling.heeds(*word)));
    }
}

#[test]
fn an_update_that_stands_on_its_way_back_can_only_go_on() {
    let mut rolling = Rolling::new(RollingConfig::hardened(), 4, at(0));
    rolling.begin(at(0));
    rolling.handle(at(1), DeployEvent::Ready(4));
    rolling.handle(at(2), DeployEvent::Abort);
    rolling.handle(at(3), DeployEvent::Failed(1));
    assert!(rolling.wake(at(603)).contains(&DeployAction::Pause), "nobody came up again");
    assert_eq!(WORDS.map(|word| rolling.heeds(word)), [true, true, false]);
    rolling.handle(at(700), DeployEvent::Promote);
    assert_eq!(rolling.due(at(700)), Some(at(1_300)), "it has its time again");
}

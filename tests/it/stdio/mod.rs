//! What every machine says over stdio, line by line.
//!
//! The `.txt` files beside this one hold sessions, each under the claim it shows: requests behind
//! `->`, the exact responses behind `<-`, the last of them after the end of input. A session begins
//! with `machine NAME` under the profile guide, `hardened NAME` under the other. Sessions too long to
//! read are programs below.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use brownout::stdio::{MACHINES, Profile, StdioError, profile, serve};
use serde_json::{Value, json};

/// Runs a session and gives its output and how many lines were bad.
fn session(machine: &str, config: Option<&str>, input: &[u8]) -> (String, u64) {
    session_of(machine, Profile::Guide, config, input)
}

fn session_of(
    machine: &str,
    profile: Profile,
    config: Option<&str>,
    input: &[u8],
) -> (String, u64) {
    let mut output = Vec::new();
    let end = serve(machine, profile, config, input, &mut output).unwrap();
    (String::from_utf8(output).unwrap(), end.bad_requests)
}

/// Runs a session of JSON requests and gives every response.
fn responses(machine: &str, requests: &[Value]) -> Vec<Value> {
    let input = requests.iter().fold(String::new(), |mut input, request| {
        writeln!(input, "{request}").unwrap();
        input
    });
    let (output, _) = session(machine, None, input.as_bytes());
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs every session of a file.
fn check(transcript: &str) {
    for session_text in transcript.split("\n= ") {
        let mut lines = session_text.lines();
        let claim = lines.next().unwrap().trim_start_matches("= ");
        let head = lines.next().unwrap();
        let (head, profile) = match head.strip_prefix("hardened ") {
            Some(head) => (head, Profile::Hardened),
            None => (head.strip_prefix("machine ").expect(claim), Profile::Guide),
        };
        let (machine, config) = match head.split_once(' ') {
            Some((machine, config)) => (machine, Some(config)),
            None => (head, None),
        };
        let (mut input, mut expected, mut bad_requests) = (String::new(), String::new(), 0);
        for line in lines.filter(|line| !line.is_empty()) {
            match line.split_at(3) {
                ("-> ", request) => writeln!(input, "{request}").unwrap(),
                ("<- ", response) => {
                    bad_requests += u64::from(response.contains(r#""kind":"bad_request""#));
                    writeln!(expected, "{response}").unwrap();
                }
                _ => panic!("{claim}: neither request nor response: {line}"),
            }
        }
        let actual = session_of(machine, profile, config, input.as_bytes());
        pretty_eq(claim, &actual.0, &expected);
        assert_eq!(actual.1, bad_requests, "{claim}: bad requests");
    }
}

/// Compares line by line, so that a failure shows the line and not the session.
fn pretty_eq(claim: &str, actual: &str, expected: &str) {
    for (actual, expected) in actual.lines().zip(expected.lines()) {
        assert_eq!(actual, expected, "{claim}");
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{claim}: responses");
}

macro_rules! sessions {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check(include_str!(concat!(stringify!($name), ".txt")));
        }
    )*};
}

sessions! {
    lines registry balancer client limiter breaker gateway sidecar broker saga composition
    observability backoff retry_budget breaker_hardened registry_hardened balancer_hardened
    outlier broker_hardened saga_hardened composition_hardened deployment limiter_hardened
    gateway_hardened bulkhead
}

/// Tokens found at `at` by a client that emptied its bucket at 0.
fn tokens_at(limit: u64, at: u64) -> usize {
    let allow = |at| json!({"at": at, "op": "allow", "client": "c", "route": "/", "limit": limit});
    let mut requests = vec![allow(0); usize::try_from(limit).unwrap()];
    requests.extend(vec![allow(at); usize::try_from(limit).unwrap() + 1]);
    let answers = responses("limiter", &requests);
    let allowed = |answer: &&Value| answer["result"]["allowed"] == true;
    answers.iter().filter(allowed).count() - usize::try_from(limit).unwrap()
}

#[test]
fn the_refill_floor_is_the_one_of_the_guide() {
    assert_eq!(tokens_at(100, 17_400_000_000), 28, "29 exactly, the product is one short");
    assert_eq!(tokens_at(100, 17_400_000_001), 29);
    assert_eq!(tokens_at(50, 34_800_000_000), 28);
    assert_eq!(tokens_at(60, 1_000_000_000), 1);
    assert_eq!(tokens_at(60, 999_999_999), 0);
    assert_eq!(tokens_at(9, 100_000_000_000), 9, "14 would be earned, the capacity holds");
}

#[test]
fn the_thousand_and_second_publisher_waits() {
    let script = json!([{"takes": 10, "ok": true}, {"takes": 10, "ok": true}]);
    let subscribe =
        json!({"at": 0, "op": "subscribe", "topic": "t", "subscriber": "s", "script": script});
    let publish = |n: u64| json!({"at": 0, "op": "publish", "topic": "t", "payload": n});
    let mut requests = vec![subscribe];
    requests.extend((1..=1_004).map(publish));
    requests.push(json!({"at": 10, "op": "advance"}));
    let answers = responses("broker", &requests);
    let pending = |answer: &Value| answer["result"] == json!({"pending": true});
    assert!(!answers[..=1_001].iter().any(pending), "one under way and a thousand in the buffer");
    assert!(answers[1_002..=1_004].iter().all(pending));
    let freed = json!([
        {"at": 10, "type": "completed", "request": 1_002},
        {"at": 10, "type": "attempt", "subscriber": "s", "payload": 2, "attempt": 1, "ok": true},
    ]);
    assert_eq!(answers[1_005]["events"], freed);
    let last = &answers[1_006];
    let events = last["events"].as_array().unwrap();
    assert_eq!(last["at"], 20);
    assert_eq!(events.len(), 2 + 1_002, "two publishers go on, all messages are delivered");
    assert_eq!(events[0], json!({"at": 20, "type": "completed", "request": 1_003}));
    assert_eq!(events[2], json!({"at": 20, "type": "completed", "request": 1_004}));
}

#[test]
fn error_rates_are_rounded_as_go_does() {
    let failing = json!([{"takes": 0, "ok": false}, {"takes": 0, "ok": false},
        {"takes": 0, "ok": false}, {"takes": 0, "ok": false}]);
    let call = |script: &Value| {
        let (trace, operation) = ("t", "o");
        json!({"at": 0, "op": "call", "trace": trace, "operation": operation, "script": script})
    };
    let mut requests = vec![call(&failing)];
    requests.extend(vec![call(&json!([])); 31]);
    requests.push(json!({"at": 700_000_000, "op": "metrics"}));
    let answers = responses("sidecar", &requests);
    let metrics = json!({"requests": 32, "errors": 1, "error_rate": "3.12%",
        "average_latency": 700_000_000 / 32});
    assert_eq!(answers[32]["result"], metrics);
}

#[test]
fn lines_that_are_not_text_are_bad() {
    let (output, bad_requests) =
        session("registry", None, b"\xff\xfe\n{\"at\":1,\"op\":\"advance\"}\r\n\n{\"at\":2");
    assert_eq!(bad_requests, 3);
    let lines: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ats = lines.iter().map(|line| line["at"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(ats, [0, 1, 1, 1, 1]);
}

#[test]
fn every_machine_lets_time_pass_and_refuses_what_it_does_not_know() {
    for machine in MACHINES {
        let (output, bad_requests) = session(
            machine,
            None,
            br#"{"at":5,"op":"advance"}
                {"at":5,"op":"advnce"}
                {"at":4,"op":"advance"}"#,
        );
        assert_eq!(bad_requests, 2, "{machine}");
        let first = r#"{"request":0,"at":5,"result":{},"events":[]}"#;
        assert_eq!(output.lines().next(), Some(first), "{machine}");
        let last = r#"{"request":null,"at":5,"result":{},"events":[]}"#;
        assert_eq!(output.lines().last(), Some(last), "{machine}");
        assert_eq!(output.lines().count(), 4, "{machine}");
    }
}

#[test]
fn what_cannot_start_says_what_would_fix_it() {
    let refusal = |machine: &str, profile, config| {
        serve(machine, profile, config, &b""[..], Vec::new()).unwrap_err().to_string()
    };
    assert_eq!(
        refusal("brekaer", Profile::Guide, None),
        "there is no machine `brekaer`, did you mean `breaker`? (machines: registry, balancer, \
         client, limiter, breaker, gateway, sidecar, broker, saga, composition, deployment, \
         observability, backoff, retry-budget, outlier, bulkhead)"
    );
    assert!(!refusal("cache", Profile::Guide, None).contains("did you mean"));
    for machine in MACHINES {
        for profile in [Profile::Guide, Profile::Hardened] {
            let end = serve(machine, profile, Some("()"), &b""[..], Vec::new());
            assert!(end.is_ok(), "{machine} {profile:?}: {end:?}");
        }
    }
    let mistyped = refusal("breaker", Profile::Guide, Some("(failure_treshold: 5)"));
    assert!(mistyped.contains("failure_treshold") && mistyped.contains("failure_threshold"));
    let unitless = refusal("breaker", Profile::Guide, Some("(open_timeout: \"30\")"));
    assert!(unitless.contains("1:17") && unitless.contains("`250ms`"), "{unitless}");
    assert_eq!(profile("guide").ok(), Some(Profile::Guide));
    let unknown = profile("hardend").unwrap_err().to_string();
    assert!(unknown.contains("did you mean `hardened`?"), "{unknown}");
}

#[test]
fn every_response_is_flushed_with_its_line() {
    struct Flushes(Vec<u8>, BTreeSet<usize>);
    impl std::io::Write for Flushes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.1.insert(self.0.len());
            Ok(())
        }
    }
    let mut output = Flushes(Vec::new(), BTreeSet::new());
    let input = b"{\"at\":0,\"op\":\"advance\"}\n{\"at\":1,\"op\":\"advance\"}\n";
    serve("saga", Profile::Guide, None, &input[..], &mut output).unwrap();
    let ends = output.0.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    assert_eq!(output.1, ends.map(|(place, _)| place + 1).collect());
}

#[test]
fn a_reader_or_writer_that_fails_ends_the_session() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let end = serve("saga", Profile::Guide, None, &b"\n"[..], Full);
    assert!(matches!(end, Err(StdioError::Io(_))));
}

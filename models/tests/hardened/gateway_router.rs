//! The router of the gateway against its precedence spelled out.

use brownout_models::policy::{Asked, RouteMatch, RoutePattern, Router};
use proptest::prelude::*;

use super::config;

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    (0..of.len()).prop_map(move |place| of[place].to_owned())
}

fn pattern() -> impl Strategy<Value = RoutePattern> {
    let path = text(&["/a", "/a/b", "/a/b/c", "/ab", "/*", "/a/*", "/a/b/*"]);
    let host = prop::option::of(text(&["x", "y"]));
    (host, prop::option::of(text(&["GET", "PUT"])), path)
        .prop_map(|(host, method, path)| RoutePattern { host, method, path })
}

/// The precedence in words: candidates are struck out rule by rule.
fn naive_find(routes: &[(RoutePattern, usize)], asked: Asked<'_>) -> Option<usize> {
    let is_below = |path: &str, prefix: &str| {
        let segments: Vec<&str> = path.split('/').collect();
        let wanted: Vec<&str> = prefix.split('/').collect();
        segments.starts_with(&wanted)
    };
    let mut left: Vec<&(RoutePattern, usize)> = routes
        .iter()
        .filter(|(route, _)| match route.path.strip_suffix("/*") {
            Some(prefix) => is_below(asked.path, prefix),
            None => route.path == asked.path,
        })
        .filter(|(route, _)| {
            let host = route.host.as_deref();
            host.is_none() || asked.host.is_none() || host == asked.host
        })
        .filter(|(route, _)| {
            let method = route.method.as_deref();
            method.is_none() || asked.method.is_none() || method == asked.method
        })
        .collect();
    let mut prefer = |better: &dyn Fn(&RoutePattern) -> bool| {
        if left.iter().any(|(route, _)| better(route)) {
            left.retain(|(route, _)| better(route));
        }
    };
    prefer(&|route| !route.path.ends_with("/*"));
    for prefix in ["/a/b/*", "/a/*"] {
        prefer(&|route| route.path == prefix);
    }
    prefer(&|route| route.host.is_some() == asked.host.is_some());
    prefer(&|route| route.method.is_some() == asked.method.is_some());
    left.first().map(|(_, to)| *to)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_router_finds_what_its_precedence_says(
        patterns in prop::collection::vec(pattern(), 0..12),
        host in prop::option::of(text(&["x", "y", "z"])),
        method in prop::option::of(text(&["GET", "PUT", "POST"])),
        path in text(&["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/ab", "/b", "/"]),
    ) {
        let mut router = Router::new(RouteMatch::HostMethodPath);
        let mut routes: Vec<(RoutePattern, usize)> = Vec::new();
        for (number, pattern) in patterns.into_iter().enumerate() {
            let before = router.insert(pattern.clone(), number);
            let known = routes.iter_mut().find(|(known, _)| *known == pattern);
            prop_assert_eq!(before, known.as_ref().map(|(_, to)| *to));
            match known {
                Some((_, to)) => *to = number,
                None => routes.push((pattern, number)),
            }
        }
        let asked = Asked { host: host.as_deref(), method: method.as_deref(), path: &path };
        prop_assert_eq!(router.find(asked).copied(), naive_find(&routes, asked));
        prop_assert_eq!(router.ends().count(), routes.len());
    }
}

#[test]
fn a_path_alone_tells_routes_apart_whatever_host_and_method_they_name() {
    let mut router = Router::new(RouteMatch::Path);
    assert_eq!(router.insert(RoutePattern::of_line("POST shop.example/orders"), 1), None);
    assert_eq!(router.insert(RoutePattern::of_line("GET api.example/orders"), 2), Some(1));
    for line in ["/orders", "PUT other.example/orders"] {
        assert_eq!(router.find(Asked::of_line(line)), Some(&2), "{line}");
    }
}

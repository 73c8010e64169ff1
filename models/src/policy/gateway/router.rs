//! Which route a request takes: by path alone, or by host, method and path with a fixed precedence.
//!
//! A path that ends in `/*` is a prefix: `/orders/*` matches `/orders` and everything below it, and
//! `/ordersets` not. Where several routes match, an exact path goes before a prefix, a longer
//! prefix before a shorter one, then a route with the request's host before one for any, then one
//! with its method before one for any, then the earlier one. What a request leaves out fits every
//! route, and there one for any goes first. (The precedence of the Kubernetes Gateway API's
//! `HTTPRoute`, with the host after the path.) As one text, both are written as Go's `ServeMux`
//! writes patterns: `POST shop.example/orders`, of which the path alone must be there. What is
//! *not* here: what a route leads to.
//!
//! ```
//! use brownout_models::policy::{Asked, RouteMatch, RoutePattern, Router};
//!
//! let mut router = Router::new(RouteMatch::HostMethodPath);
//! router.insert(RoutePattern::of_line("GET /orders"), "list");
//! router.insert(RoutePattern::of_line("POST /orders"), "place");
//! router.insert(RoutePattern::of_line("/orders/*"), "one");
//! let find = |line| router.find(Asked::of_line(line)).copied();
//! assert_eq!(find("POST /orders"), Some("place"));
//! assert_eq!(find("DELETE shop.example/orders"), Some("one"));
//! assert_eq!(find("GET /orders/7"), Some("one"));
//! assert_eq!(find("GET /ordersets"), None);
//! ```

use std::cmp::Reverse;

use crate::hash::Map;
use serde::{Deserialize, Serialize};

/// What tells routes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteMatch {
    /// The path alone, exactly; a route of another method replaces the one before (GW-1).
    Path,
    /// Host, method and path, exactly or by a prefix.
    HostMethodPath,
}

/// The requests that a route is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RoutePattern {
    /// For this host only; for any without.
    pub host: Option<String>,
    /// For this method only; for any without.
    pub method: Option<String>,
    /// The path, or a prefix and `/*`.
    pub path: String,
}

/// What a request says of itself; what it leaves out fits every route, one for any before others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The host.
    pub host: Option<&'a str>,
    /// The method.
    pub method: Option<&'a str>,
    /// The path.
    pub path: &'a str,
}

/// Routes in the order in which they were registered.
#[derive(Clone, Debug, Serialize)]
pub struct Router<T> {
    by: RouteMatch,
    routes: Map<RoutePattern, T>,
}

impl<T> Router<T> {
    /// A router without routes.
    #[must_use]
    pub fn new(by: RouteMatch) -> Self {
        Self { by, routes: Map::default() }
    }

    /// Takes a route in, in the place of the same one before, which it hands back.
    pub fn insert(&mut self, pattern: RoutePattern, to: T) -> Option<T> {
        self.routes.insert(self.key(pattern), to)
    }

    /// Where a request goes.
    #[must_use]
    pub fn find(&self, asked: Asked<'_>) -> Option<&T> {
        match self.by {
            RouteMatch::Path => self.routes.get(&RoutePattern {
                host: None,
                method: None,
                path: asked.path.to_owned(),
            }),
            RouteMatch::HostMethodPath => {
                let matching = self.routes.iter().filter(|(pattern, _)| pattern.matches(asked));
                // The first of the least, so the earlier of two that are alike.
                matching.min_by_key(|(pattern, _)| pattern.precedence(asked)).map(|(_, to)| to)
            }
        }
    }

    /// Every route's end.
    pub fn ends(&self) -> impl Iterator<Item = &T> {
        self.routes.values()
    }

    fn key(&self, pattern: RoutePattern) -> RoutePattern {
        match self.by {
            RouteMatch::Path => RoutePattern { host: None, method: None, ..pattern },
            RouteMatch::HostMethodPath => pattern,
        }
    }
}

impl<'a> Asked<'a> {
    /// The request that a line like `POST shop.example/orders` is: a method ends with the first
    /// blank, a host begins where there is no slash yet; each may be left out. A text without a
    /// slash is a path.
    #[must_use]
    pub fn of_line(line: &'a str) -> Self {
        let (method, rest) = match line.split_once(' ') {
            Some((method, rest)) => (Some(method), rest),
            None => (None, line),
        };
        match rest.find('/') {
            None | Some(0) => Self { host: None, method, path: rest },
            Some(at) => Self { host: Some(&rest[..at]), method, path: &rest[at..] },
        }
    }
}

impl RoutePattern {
    /// The pattern that a line like `POST shop.example/orders/*` is; see [`Asked::of_line`].
    #[must_use]
    pub fn of_line(line: &str) -> Self {
        let Asked { host, method, path } = Asked::of_line(line);
        let text = |part: Option<&str>| part.map(str::to_owned);
        Self { host: text(host), method: text(method), path: path.to_owned() }
    }

    fn prefix(&self) -> Option<&str> {
        self.path.strip_suffix("/*")
    }

    fn matches(&self, asked: Asked<'_>) -> bool {
        let fits = |pattern: &Option<String>, asked: Option<&str>| match (pattern, asked) {
            (Some(pattern), Some(asked)) => pattern == asked,
            (None, _) | (_, None) => true,
        };
        let is_path = match self.prefix() {
            Some(prefix) => {
                let rest = asked.path.strip_prefix(prefix);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            None => asked.path == self.path,
        };
        is_path && fits(&self.host, asked.host) && fits(&self.method, asked.method)
    }

    /// The least goes first.
    fn precedence(&self, asked: Asked<'_>) -> (bool, Reverse<usize>, u8, u8) {
        let rank = |pattern: &Option<String>, asked: Option<&str>| match (pattern, asked) {
            (Some(_), Some(_)) => 0,
            (None, _) => 1,
            (Some(_), None) => 2,
        };
        let prefix = self.prefix();
        let len = Reverse(prefix.map_or(0, str::len));
        let (host, method) = (rank(&self.host, asked.host), rank(&self.method, asked.method));
        (prefix.is_some(), len, host, method)
    }
}

//! Which route a request takes: by path alone, or by host, method and path with a fixed precedence.
//!
//! A path that ends in `/*` is a prefix: `/orders/*` matches `/orders` and everything below it, and
//! `/ordersets` not. Where several routes match, an exact path goes before a prefix, a longer prefix
//! before a shorter one, then a route with a host before one for any, then one with a method before one
//! for any, then the earlier one. (The precedence of the Kubernetes Gateway API's `HTTPRoute`, with the
//! host after the path.) What is *not* here: what a route leads to.
//!
//! ```
//! use brownout_models::policy::{Asked, RouteMatch, RoutePattern, Router};
//!
//! let mut router = Router::new(RouteMatch::HostMethodPath);
//! let pattern = |method, path: &str| RoutePattern { host: None, method, path: path.to_owned() };
//! router.insert(pattern(Some("GET".to_owned()), "/orders"), "list");
//! router.insert(pattern(Some("POST".to_owned()), "/orders"), "place");
//! router.insert(pattern(None, "/orders/*"), "one");
//! let find = |method, path| router.find(Asked { host: None, method: Some(method), path }).copied();
//! assert_eq!(find("POST", "/orders"), Some("place"));
//! assert_eq!(find("DELETE", "/orders"), Some("one"));
//! assert_eq!(find("GET", "/orders/7"), Some("one"));
//! assert_eq!(find("GET", "/ordersets"), None);
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

/// What a request says of itself; what it leaves out fits every route.
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
                matching.min_by_key(|(pattern, _)| pattern.precedence()).map(|(_, to)| to)
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

impl RoutePattern {
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
    fn precedence(&self) -> (bool, Reverse<usize>, bool, bool) {
        let prefix = self.prefix();
        let len = Reverse(prefix.map_or(0, str::len));
        (prefix.is_some(), len, self.host.is_none(), self.method.is_none())
    }
}

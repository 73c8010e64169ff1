//! Gateways from their entries in the file: routes, and which requests take them.
//!
//! A request is one text, `POST shop.example/orders`, from the file to the trace, and one name in
//! machines. So routes are matched here, once for each name that there is, and never in a run.

use std::sync::Arc;

use brownout_models::machine::{GatewayConfig, GatewayNode, Route};
use brownout_models::policy::{Asked, GatewayOptions, RouteMatch, RoutePattern, Router};
use brownout_models::{Map, Names};

use super::check::{Check, Group, remedy};
use super::diagnostic::{Diagnostic, did_you_mean};
use super::file::{GatewayFile, RouteFile};
use super::source::Path;
use crate::system::Opaque;

/// The methods of HTTP (RFC 9110 and RFC 5789).
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
/// The longest host, and the longest part of one between two dots (RFC 1035).
const HOST_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// A gateway whose requests have no names yet.
pub(super) struct GatewayDraft {
    config: GatewayConfig,
    router: Router<Route>,
}

impl GatewayDraft {
    /// The gateway in a system where requests bear these names.
    pub(super) fn build(self, names: &Names) -> GatewayNode<Opaque> {
        let Self { mut config, router } = self;
        // A route's own text takes it as well, which keeps routes in their order.
        let own = router.ends().map(|route| names.text(route.name));
        for text in own.chain(names.iter()) {
            if let (Some(name), Some(route)) = (names.find(text), router.find(Asked::of_line(text)))
            {
                config.routes.insert(name, *route);
            }
        }
        GatewayNode::new(Arc::new(config))
    }
}

/// What tells the routes of a gateway apart.
fn route_match(file: &GatewayFile) -> RouteMatch {
    let options = GatewayOptions { route_match: file.route_match, ..GatewayOptions::default() };
    options.resolve(file.profile).route_match
}

/// Which route a request takes, by its place in the file.
pub(super) fn routes(file: &GatewayFile) -> Router<usize> {
    let mut router = Router::new(route_match(file));
    for (index, route) in file.routes.iter().enumerate() {
        router.insert(RoutePattern::of_line(&route.path), index);
    }
    router
}

impl Check<'_> {
    pub(super) fn gateway(&mut self, path: &Path, file: &GatewayFile) -> GatewayDraft {
        let mut router = Router::new(route_match(file));
        for (index, route) in file.routes.iter().enumerate() {
            let path = path.field("routes").index(index);
            let pattern = RoutePattern::of_line(&route.path);
            let is_same = |earlier: &RouteFile| RoutePattern::of_line(&earlier.path) == pattern;
            if file.routes[..index].iter().any(is_same) {
                let message = format!("there is another route for `{}`", route.path);
                let help = "remove one of the two: a path leads to one service and one method";
                self.problem(&path.field("path"), message, "expected a new path", help);
            }
            self.check_route_path(&path.field("path"), &route.path);
            if let Some(target) = self.route(&path, route) {
                router.insert(pattern, target);
            }
        }
        let options = GatewayOptions {
            route_match: file.route_match,
            order: file.order,
            refusals: file.refusals,
            breaker_per: file.breaker_per,
            unknown_path: file.unknown_path,
            timeout: file.timeout,
            ..GatewayOptions::default()
        };
        let policy = options.resolve(file.profile);
        self.mistakes(path, policy.mistakes());
        let limiter = file.limiter.resolve(file.profile);
        self.mistakes(&path.field("limiter"), limiter.mistakes());
        let breaker = file.breaker.resolve(file.profile);
        self.mistakes(&path.field("breaker"), breaker.mistakes());
        let bulkhead = self.bulkhead(&path.field("bulkhead"), &file.bulkhead);
        let discovery = self.discovery(path, file.profile, &file.balancer, &file.outlier);
        let config = GatewayConfig {
            discovery,
            routes: Map::default(),
            policy: Arc::new(policy),
            limiter: Arc::new(limiter),
            breaker: Arc::new(breaker),
            bulkhead,
        };
        GatewayDraft { config, router }
    }

    fn route(&mut self, path: &Path, file: &RouteFile) -> Option<Route> {
        let help = "write how many requests a client has in a minute; a large number for no limit";
        self.at_least_one(&path.field("limit"), ("the limit", file.limit), help);
        let via = file.via.as_ref().map(|via| self.via(&path.field("via"), via));
        let (service, method) = (path.field("service"), path.field("method"));
        let target = self.target((&service, &file.service), (&method, &file.method), via)?;
        let method = self.name(&file.method);
        Some(Route { name: self.name(&file.path), target, method, limit: file.limit })
    }

    fn check_route_path(&mut self, path: &Path, line: &str) {
        self.check_request_line(path, line);
        let asked = Asked::of_line(line).path;
        let before = asked.strip_suffix("/*").unwrap_or(asked);
        if before.contains('*') {
            let message = format!("`*` within `{asked}` stands for nothing but itself");
            let help = "end the path with `/*` for everything below it";
            self.problem(path, message, "expected `*` behind the last slash", help);
        }
    }

    /// A path, and what may stand before it: an HTTP method and a host. Whether it is sound.
    pub(super) fn check_request_line(&mut self, path: &Path, line: &str) -> bool {
        let Asked { host, method, .. } = Asked::of_line(line);
        let place = self.source.nearest(path);
        let method = method.filter(|method| !METHODS.contains(method));
        let host = host.filter(|host| !is_host(host));
        if let Some(method) = method {
            let known: Vec<String> = METHODS.map(str::to_owned).to_vec();
            let help = remedy(method, &known, "leave it out for any");
            let place = self.source.first_in(place, method);
            let message = format!("`{method}` is no method of HTTP");
            self.note(place, message, "expected a method, a blank and a path", help);
        }
        if let Some(host) = host {
            let help = match did_you_mean(host, METHODS).filter(|known| *known == host) {
                Some(method) => format!("write a blank behind a method: `{method} /..`"),
                None if host.contains(':') => {
                    "leave the scheme and the port out: `shop.example/orders`".to_owned()
                }
                None => "write letters in lower case, digits, `-` and `.`, like `shop.example`; \
                         begin a path without host with `/`"
                    .to_owned(),
            };
            let place = self.source.first_in(place, host);
            self.note(place, format!("`{host}` is no host"), "expected a host or a path", help);
        }
        method.is_none() && host.is_none()
    }

    /// What to do about a request that no route of a gateway takes.
    pub(super) fn route_remedy(
        name: &str,
        gateway: &Group,
        lines: &[String],
        line: &str,
    ) -> String {
        let mut with_prefixes = Router::new(RouteMatch::HostMethodPath);
        for (index, line) in lines.iter().enumerate() {
            with_prefixes.insert(RoutePattern::of_line(line), index);
        }
        if let Some(taken) = with_prefixes.find(Asked::of_line(line)) {
            return format!(
                "write `route_match: HostMethodPath` at `{name}`: by path alone, `{}` is for itself \
                 only",
                lines[*taken]
            );
        }
        // A request never asks for a star: those routes are meant by what is below them.
        let (prefixes, exact): (Vec<_>, Vec<_>) =
            lines.iter().cloned().partition(|line| line.ends_with("/*"));
        let below = prefixes.iter().map(|prefix| prefix.trim_end_matches('*'));
        let below: Vec<String> = below
            .filter(|below| gateway.takes(&format!("{below}7")))
            .map(|below| format!("`{below}7`"))
            .collect();
        let add = format!("add it to the routes of `{name}`");
        match below.as_slice() {
            [] => remedy(line, &exact, &add),
            _ => {
                let below = format!("ask for one like {}, or {add}", below.join(", "));
                remedy(line, &exact, &below)
            }
        }
    }

    /// Routes that the guide's match by path alone never takes.
    pub(super) fn find_lost_routes(&mut self, path: &Path, file: &GatewayFile) {
        if route_match(file) != RouteMatch::Path {
            return;
        }
        let taken = routes(file);
        for (index, route) in file.routes.iter().enumerate() {
            let asked = Asked::of_line(&route.path);
            let at = |index| path.field("routes").index(index).field("path");
            let place = self.source.nearest(&at(index));
            let (message, label) = match taken.find(asked) {
                Some(later) if *later != index => {
                    let line = self.source.nearest(&at(*later)).line;
                    let message = format!("no request takes the route `{}`", route.path);
                    (message, format!("the one in line {line} has the same path"))
                }
                _ if asked.path.ends_with("/*") => {
                    let message = format!("only requests for `{}` itself take it", asked.path);
                    (message, "expected a path, as it is asked for".to_owned())
                }
                _ => continue,
            };
            let help = "write `route_match: HostMethodPath`: by path alone hosts, methods and \
                        prefixes do not count";
            self.warnings.push(Diagnostic::warning(place, message, label).with_help(help));
        }
    }
}

/// Whether a text is the name of a host, in the form that it is compared in.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=LABEL_MAX).contains(&label.len())
            && label.chars().all(is_fine)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= HOST_MAX && text.split('.').all(is_label)
}

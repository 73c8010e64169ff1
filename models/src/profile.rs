//! Profiles: one configuration, two sets of defaults, and a name for every difference.
//!
//! A configuration is written as *options*: a profile, and whatever shall differ from it. Resolving
//! them gives the *configuration* that a machine runs on, in which everything has a value. So
//! `(profile: hardened, probes: Unlimited)` is a hardened breaker with one of the guide's defects.
//! What is *not* here: which differences there are; every policy and machine names its own.
//!
//! ```
//! use brownout_models::policy::{BreakerConfig, BreakerOptions};
//! use brownout_models::{Profile, Span};
//!
//! let options = BreakerOptions { open_timeout: Some(Span::from_secs(9)), ..Default::default() };
//! let config = options.resolve(Profile::Guide);
//! assert_eq!(config, BreakerConfig { open_timeout: Span::from_secs(9), ..BreakerConfig::guide() });
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose rules hold where a configuration says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Exactly what the published guide's code does, defects included.
    #[default]
    Guide,
    /// What the best implementations do.
    Hardened,
}

impl Profile {
    /// Every profile by its name.
    pub const ALL: [(&str, Self); 2] = [("guide", Self::Guide), ("hardened", Self::Hardened)];
}

/// A value that a machine cannot work with, or that means nothing beside another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The option that is wrong, as it is written; `breaker.probes` inside another option.
    pub option: String,
    /// What is wrong with it, lower case and without a full stop.
    pub message: String,
    /// What was expected instead: `expected a span longer than 0s`.
    pub expected: String,
    /// What would fix it.
    pub help: String,
    /// Other options that it is about, as they are written: where `option` has its default value, the
    /// first of these that is written is where somebody decided otherwise.
    pub beside: Vec<String>,
}

impl Mistake {
    /// A mistake in an option.
    #[must_use]
    pub fn new(
        option: impl Into<String>,
        message: impl Into<String>,
        expected: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let (option, message) = (option.into(), message.into());
        let (expected, help) = (expected.into(), help.into());
        Self { option, message, expected, help, beside: Vec::new() }
    }

    /// The same mistake, which other options have a part in: the likeliest first.
    #[must_use]
    pub fn beside(self, options: &[&str]) -> Self {
        Self { beside: options.iter().map(|option| (*option).to_owned()).collect(), ..self }
    }

    /// The same mistake of an option that is inside the option `outer`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.option = format!("{outer}.{}", self.option);
        for option in &mut self.beside {
            *option = format!("{outer}.{option}");
        }
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, message, expected, help, beside: _ } = self;
        write!(f, "`{option}`: {message}, {expected}; {help}")
    }
}

impl std::error::Error for Mistake {}

/// Declares a configuration and its options from one table: the name, the type, and the value in
/// each profile (one value where both agree). `with` adds a configuration inside, with options of its
/// own. `also` adds fields to the options only: what a file says beside the values, and what the
/// configuration does not keep.
///
/// The configuration gets `guide()`, `hardened()`, `of(profile)` and a default, which is the guide's;
/// the options get `resolve(profile)`, where the profile is the one that holds if they name none.
/// Options are read strictly: an unknown field is an error. A value that may be absent is an enum
/// with a word for it, never an `Option`, so that it can be switched off as well as left out.
macro_rules! options {
    (
        $(#[$config_doc:meta])* config $Config:ident;
        $(#[$options_doc:meta])* options $Options:ident as $rename:literal;
        { $($(#[$doc:meta])* $field:ident : $Type:ty = $guide:expr $(, hardened $hardened:expr)? ;)* }
        $(with { $($(#[$with_doc:meta])* $with:ident : $WithOptions:ty => $WithConfig:ty ;)* })?
        $(also { $($(#[$also_doc:meta])* $also:ident : $AlsoType:ty ;)* })?
    ) => {
        $(#[$config_doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        pub struct $Config {
            $($(#[$doc])* pub $field: $Type,)*
            $($($(#[$with_doc])* pub $with: $WithConfig,)*)?
        }

        $(#[$options_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
        #[serde(rename = $rename, deny_unknown_fields, default)]
        pub struct $Options {
            /// Whose values hold for what is left out; that of whatever it is part of.
            pub profile: Option<$crate::Profile>,
            $($(#[$doc])* pub $field: Option<$Type>,)*
            $($($(#[$with_doc])* pub $with: $WithOptions,)*)?
            $($($(#[$also_doc])* pub $also: $AlsoType,)*)?
        }

        impl $Config {
            /// The published guide's values.
            #[must_use]
            pub fn guide() -> Self {
                Self { $($field: $guide,)* $($($with: <$WithConfig>::guide(),)*)? }
            }

            /// What the best implementations do.
            #[must_use]
            pub fn hardened() -> Self {
                Self {
                    $($field: $crate::profile::hardened!($guide $(, $hardened)?),)*
                    $($($with: <$WithConfig>::hardened(),)*)?
                }
            }

            /// The values of a profile.
            #[must_use]
            pub fn of(profile: $crate::Profile) -> Self {
                match profile {
                    $crate::Profile::Guide => Self::guide(),
                    $crate::Profile::Hardened => Self::hardened(),
                }
            }
        }

        impl Default for $Config {
            fn default() -> Self {
                Self::guide()
            }
        }

        impl $Options {
            /// The configuration: what is written here, and the profile's values for the rest.
            #[must_use]
            pub fn resolve(&self, profile: $crate::Profile) -> $Config {
                let profile = self.profile.unwrap_or(profile);
                let mut config = $Config::of(profile);
                $(if let Some(value) = &self.$field { config.$field = value.clone(); })*
                $($(config.$with = self.$with.resolve(profile);)*)?
                config
            }
        }
    };
}

/// The value of the profile `hardened`: its own, or the one that both profiles share.
macro_rules! hardened {
    ($guide:expr, $hardened:expr) => {
        $hardened
    };
    ($guide:expr) => {
        $guide
    };
}

pub(crate) use {hardened, options};

//! Durations that vary, as text.

use std::fmt;
use std::str::FromStr;

use brownout_models::Span;
use brownout_models::contract::Distribution;
use serde::{Deserialize, Deserializer, de};

use crate::choice::sample::Sigma;

/// A duration that may vary, as text.
#[derive(Clone, Debug)]
pub struct Duration(pub Distribution);

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = |text: &str| text.trim().parse::<Span>().map_err(|error| error.to_string());
        if let Some((min, max)) = text.split_once("..") {
            let (min, max) = (span(min)?, span(max)?);
            if min > max {
                return Err(format!(
                    "`{text}` ends before it starts; write the shorter span first"
                ));
            }
            return Ok(Self(Distribution::Uniform { min, max }));
        }
        if let Some(mean) = text.strip_prefix("exp ") {
            return Ok(Self(Distribution::Exponential { mean: span(mean)? }));
        }
        if let Some((median, p99)) = text.split_once(" p99 ") {
            let (median, p99) = (span(median)?, span(p99)?);
            let sigma = Sigma::from_percentile(median, p99).ok_or_else(|| {
                format!("`{text}` has a 99th percentile below its median; swap the two spans")
            })?;
            let sigma_millionths = sigma.as_millionths();
            return Ok(Self(Distribution::LogNormal { median, sigma_millionths }));
        }
        match text.trim().parse::<Span>() {
            Ok(span) => Ok(Self(Distribution::Constant(span))),
            Err(error) if error.is_out_of_range() => Err(error.to_string()),
            Err(_) => Err(format!(
                "`{text}` is not a duration; write `20ms`, `5ms..10ms`, `exp 20ms` or \
                 `8ms p99 40ms`, without a blank before the unit (ns, us, ms, s, m, h)"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration like \"20ms\" or \"8ms p99 40ms\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        // Any value, lest a number be told to put itself in quotes.
        deserializer.deserialize_any(Text)
    }
}

//! The parameters of a request for documents: which there are, what they mean, and reading them.
//!
//! One table serves the parser and the API description, so that neither can know more than the other.

#[cfg(test)]
mod tests;

use std::str::FromStr;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use pulso_model::{EventTime, Layer, View};
use pulso_pipeline::{LayerChoice, Query};

use super::Options;
use super::error::Error;

const TIME_ALLOWED: &str = "an RFC 3339 time such as `2017-03-19T12:00:00Z` (with `+` written as \
                            `%2B`) or a UTC day such as `2017-03-19`";

/// The most characters of a country's name: more than any document has, and few enough that no valid
/// request has a longer head than the server reads.
pub(super) const COUNTRY_CHARACTERS_MAX: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    From,
    To,
    Country,
    Layer,
    Limit,
    Cursor,
    Window,
}

impl Parameter {
    pub(super) const ALL: [Self; 7] =
        [Self::From, Self::To, Self::Country, Self::Layer, Self::Limit, Self::Cursor, Self::Window];

    /// The parameters that requests for a view may have.
    pub(super) fn of(view: View) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |parameter| match parameter {
            Self::Country => view.country_field().is_some(),
            // Trends are the views with a rank; only their windows overlap.
            Self::Window => view.position_field().is_some(),
            _ => true,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Country => "country",
            Self::Layer => "layer",
            Self::Limit => "limit",
            Self::Cursor => "cursor",
            Self::Window => "window",
        }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) query: Query,
    /// Only the newest window.
    pub(super) latest: bool,
}

/// Reads the parameters of a request for documents of a view.
pub(super) fn documents(view: View, uri: &Uri, options: &Options) -> Result<Wanted, Error> {
    let mut wanted =
        Wanted { query: Query::newest(view, options.page_limit_default), latest: false };
    let mut seen = Vec::new();
    for (name, value) in pairs(uri)? {
        let Some(parameter) = Parameter::of(view).find(|parameter| parameter.name() == name) else {
            let allowed = Parameter::of(view).map(Parameter::name).collect();
            return Err(Error::UnknownParameter { name, allowed });
        };
        if seen.contains(&parameter) {
            return Err(Error::RepeatedParameter { name: parameter.name() });
        }
        seen.push(parameter);
        set(&mut wanted, parameter, &value, options).map_err(|allowed| {
            Error::InvalidParameter { name: parameter.name(), value, allowed }
        })?;
    }
    Ok(wanted)
}

/// Makes sure that a request has no parameters.
pub(super) fn none(uri: &Uri) -> Result<(), Error> {
    match pairs(uri)?.into_iter().next() {
        Some((name, _)) => Err(Error::UnknownParameter { name, allowed: Vec::new() }),
        None => Ok(()),
    }
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Error> {
    let Pairs(pairs) = Pairs::try_from_uri(uri)?;
    Ok(pairs)
}

/// Takes one parameter over; the error says what would be allowed.
fn set(
    wanted: &mut Wanted,
    parameter: Parameter,
    value: &str,
    options: &Options,
) -> Result<(), String> {
    let query = &mut wanted.query;
    match parameter {
        Parameter::From => query.from = Some(parse::<EventTime>(value, TIME_ALLOWED)?),
        Parameter::To => query.to = Some(parse::<EventTime>(value, TIME_ALLOWED)?),
        Parameter::Country
            if value.trim().is_empty() || value.chars().count() > COUNTRY_CHARACTERS_MAX =>
        {
            return Err("a country code such as `US`".to_owned());
        }
        Parameter::Country => query.country = Some(value.to_uppercase()),
        Parameter::Layer => {
            query.layer = match value {
                "current" => LayerChoice::Current,
                "speed" => LayerChoice::Only(Layer::Speed),
                "batch" => LayerChoice::Only(Layer::Batch),
                _ => return Err("`current`, `speed` or `batch`".to_owned()),
            }
        }
        Parameter::Limit => {
            let allowed = format!("a whole number from 1 to {}", options.page_limit_max);
            query.limit = parse(value, &allowed)?;
            if !(1..=options.page_limit_max).contains(&query.limit) {
                return Err(allowed);
            }
        }
        Parameter::Cursor => {
            query.after = Some(parse(value, "the `next_cursor` of an earlier answer")?);
        }
        Parameter::Window if value == "latest" => wanted.latest = true,
        Parameter::Window => return Err("`latest`".to_owned()),
    }
    Ok(())
}

fn parse<T: FromStr>(value: &str, allowed: &str) -> Result<T, String> {
    value.parse().map_err(|_| allowed.to_owned())
}

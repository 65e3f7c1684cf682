//! The parameters of a request for documents: their names, their meaning, and how to read them.
//!
//! The parser and the API description use one table, so neither can know more than the other.

#[cfg(test)]
mod tests;

use std::str::FromStr;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use pulso_model::{EventTime, Field, Layer, ScopeValues, View};
use pulso_pipeline::{Filter, LayerChoice, Query};

use super::Options;
use super::error::Error;
use super::measures::Fields;

pub(super) const TIME_ALLOWED: &str = "an RFC 3339 time such as `2017-03-19T12:00:00Z` (with `+` written as \
                            `%2B`) or a UTC day such as `2017-03-19`";

/// The most characters of a scope or another text: more than any document has.
pub(super) const TEXT_CHARACTERS_MAX: usize = 512;

/// How often a request may give a filter: as many lines as a series may have.
pub(super) const FILTER_TEXTS_MAX: usize = 50;

pub(super) const LAYERS_ALLOWED: &str = "`current`, `speed` or `batch`";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    From,
    To,
    Scope,
    Layer,
    Limit,
    Cursor,
    Window,
}

impl Parameter {
    pub(super) const ALL: [Self; 7] =
        [Self::From, Self::To, Self::Scope, Self::Layer, Self::Limit, Self::Cursor, Self::Window];

    /// The parameters that requests for a view may have.
    pub(super) fn of(view: View) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |parameter| match parameter {
            Self::Scope => view.scope_field().is_some(),
            // Trends are the views with a rank; only their windows overlap.
            Self::Window => view.position_field().is_some(),
            _ => true,
        })
    }

    /// A filter by scope is called as the view calls it.
    pub(super) fn name(self, view: View) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Scope => view.scope_name().unwrap_or("scope"),
            Self::Layer => "layer",
            Self::Limit => "limit",
            Self::Cursor => "cursor",
            Self::Window => "window",
        }
    }
}

/// The filters by text that a view has beside [`Parameter::Scope`]: fields that are not called as another
/// parameter.
pub(super) fn filters(fields: &Fields<'_>) -> impl Iterator<Item = &'static Field> {
    let view = fields.view;
    fields.filtering().filter(move |field| {
        !Parameter::of(view).any(|parameter| parameter.name(view) == field.name)
    })
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) query: Query,
    /// Only the newest window.
    pub(super) latest: bool,
}

/// Reads the parameters of a request for documents of a view.
pub(super) fn documents(fields: &Fields<'_>, uri: &Uri) -> Result<Wanted, Error> {
    let &Fields { view, options, .. } = fields;
    let mut wanted =
        Wanted { query: Query::newest(view, options.page_limit_default), latest: false };
    let mut seen = Vec::new();
    let pairs = pairs(uri)?;
    for (name, value) in &pairs {
        let own = |parameter: &Parameter| parameter.name(view) == name;
        let parameter = match Parameter::of(view).find(own) {
            Some(Parameter::Scope) => continue,
            None if filters(fields).any(|field| field.name == name) => continue,
            None => {
                let own = Parameter::of(view).map(|parameter| parameter.name(view));
                let allowed = own.chain(filters(fields).map(|field| field.name)).collect();
                return Err(Error::UnknownParameter { name: name.clone(), allowed });
            }
            Some(parameter) => parameter,
        };
        let name = parameter.name(view);
        if seen.contains(&parameter) {
            return Err(Error::RepeatedParameter { name });
        }
        seen.push(parameter);
        let invalid = |allowed| Error::InvalidParameter { name, value: value.clone(), allowed };
        set(&mut wanted, parameter, value, options).map_err(invalid)?;
    }
    set_scopes(&mut wanted.query, &pairs, options)?;
    for field in filters(fields) {
        wanted.query.filters.extend(filter(fields, (field.name, field), &pairs)?);
    }
    Ok(wanted)
}

/// The filter that a request has under a name, if any.
pub(super) fn filter(
    fields: &Fields<'_>,
    (name, field): (&'static str, &'static Field),
    pairs: &[(String, String)],
) -> Result<Option<Filter>, Error> {
    let texts = texts(pairs, name, |value| fields.filter(field, value))?;
    Ok((!texts.is_empty()).then_some(Filter { field: field.name, texts }))
}

/// What a request gives under a name, which it may repeat. `read` says what is allowed.
fn texts(
    pairs: &[(String, String)],
    name: &'static str,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<Vec<String>, Error> {
    let given = || pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value);
    let count = given().count();
    if count > FILTER_TEXTS_MAX {
        return Err(Error::TooManyTexts { name, count, max: FILTER_TEXTS_MAX });
    }
    let text = |value: &String| {
        let invalid = |allowed| Error::InvalidParameter { name, value: value.clone(), allowed };
        read(value).map_err(invalid)
    };
    given().map(text).collect()
}

/// Checks that a request has no parameters.
pub(super) fn none(uri: &Uri) -> Result<(), Error> {
    match pairs(uri)?.into_iter().next() {
        Some((name, _)) => Err(Error::UnknownParameter { name, allowed: Vec::new() }),
        None => Ok(()),
    }
}

/// The pairs of the query string, in order.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Error> {
    let Pairs(pairs) = Pairs::try_from_uri(uri)?;
    Ok(pairs)
}

/// Sets one parameter. The error says what is allowed.
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
        // It may be repeated, so it is read apart.
        Parameter::Scope => {}
        Parameter::Layer => {
            query.layer = layer(value).ok_or_else(|| LAYERS_ALLOWED.to_owned())?;
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

fn set_scopes(
    query: &mut Query,
    pairs: &[(String, String)],
    options: &Options,
) -> Result<(), Error> {
    let view = query.view;
    let Some(field) = view.scope_field() else { return Ok(()) };
    let read = |value: &str| {
        if value.trim().is_empty() || value.chars().count() > TEXT_CHARACTERS_MAX {
            return Err(format!("1 to {TEXT_CHARACTERS_MAX} characters such as `US` or `en`"));
        }
        Ok(scope(view, value, options))
    };
    let mut scopes = texts(pairs, Parameter::Scope.name(view), read)?;
    match scopes.len() {
        // Stores keep an index in the order of the answer for one.
        0 | 1 => query.scope = scopes.pop(),
        _ => query.filters.push(Filter { field, texts: scopes }),
    }
    Ok(())
}

pub(super) fn layer(value: &str) -> Option<LayerChoice> {
    match value {
        "current" => Some(LayerChoice::Current),
        "speed" => Some(LayerChoice::Only(Layer::Speed)),
        "batch" => Some(LayerChoice::Only(Layer::Batch)),
        _ => None,
    }
}

/// A scope as documents have it.
pub(super) fn scope(view: View, value: &str, options: &Options) -> String {
    match options.stream_of(view).and_then(|stream| stream.scope).map(|scope| scope.values) {
        Some(ScopeValues::Country) => value.to_uppercase(),
        Some(ScopeValues::Language) => value.to_lowercase(),
        Some(ScopeValues::Text) | None => value.to_owned(),
    }
}

pub(super) fn parse<T: FromStr>(value: &str, allowed: &str) -> Result<T, String> {
    value.parse().map_err(|_| allowed.to_owned())
}

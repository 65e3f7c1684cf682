//! Fields with few values: the kind of a fact, and what "by …" means.

use super::countries;
use super::fields::{Field, Path, Type};

/// One more is for all that comes later.
const KINDS_MAX: usize = 15;

/// As many scopes as one looks through.
const SCOPES_MAX: usize = 300;

/// Names of fields that say what kind of fact it is, most telling first.
const KINDS: [&str; 14] = [
    "kind",
    "type",
    "event_type",
    "event",
    "action",
    "response",
    "status",
    "state",
    "operation",
    "op",
    "level",
    "severity",
    "method",
    "category",
];

/// Names of whole numbers that are the status of an HTTP response.
const HTTP_STATUSES: [&str; 4] = ["status", "status_code", "code", "response"];

const COUNTRIES: [&str; 6] = ["country", "country_code", "countrycode", "cc", "c", "nation"];

const LANGUAGES: [&str; 7] = ["language", "languages", "lang", "langs", "locale", "l", "al"];

/// Names of other scopes.
const SCOPES: [&str; 16] = [
    "region",
    "state",
    "city",
    "site",
    "store",
    "room",
    "channel",
    "service",
    "host",
    "server",
    "app",
    "source",
    "department",
    "environment",
    "env",
    "method",
];

/// What kind a fact is.
#[derive(Debug)]
pub(super) enum Kind {
    /// There is one.
    One,
    /// By a text with few values.
    Text { path: Path, values: Vec<String> },
    /// By the first digit of the status of an HTTP response.
    Status { path: Path },
}

/// What "by …" means.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) path: Path,
    pub(super) values: &'static str,
    /// It is the first of a list.
    pub(super) first: bool,
    pub(super) distinct: usize,
}

impl Kind {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::One => None,
            Self::Text { path, .. } | Self::Status { path } => Some(path),
        }
    }
}

/// `by_name`: only of a field whose name says so.
pub(super) fn kind(fields: &[&Field], messages: usize, by_name: bool) -> Kind {
    let place = |field: &Field, names: &[&str]| {
        let name = field.name().to_ascii_lowercase();
        names.iter().position(|known| *known == name)
    };
    let status = |field: &&&Field| {
        let class = field.smallest >= 100.0 && field.largest < 600.0;
        field.value_type == Type::Integer
            && field.present == messages
            && class
            && place(field, &HTTP_STATUSES).is_some()
    };
    if let Some(field) = fields.iter().find(status) {
        return Kind::Status { path: field.path.clone() };
    }
    let few = |field: &&&Field| {
        let named = place(field, &KINDS).is_some();
        let often = field.mentions() >= 3 * field.distinct();
        let values = field.values.keys().filter(|value| !value.is_empty());
        field.value_type == Type::Text
            && field.present * 2 > messages
            && (2..=KINDS_MAX).contains(&field.distinct())
            && values.into_iter().all(|value| is_plain(value))
            && (named || often && !by_name)
    };
    // Of fields without a telling name the one with fewest values.
    let order = |field: &&&Field| {
        let named = place(field, &KINDS).unwrap_or(KINDS.len());
        (named, field.path.depth(), field.distinct())
    };
    match fields.iter().filter(few).min_by_key(order) {
        None => Kind::One,
        Some(field) => {
            let values = field.values.keys().filter(|value| !value.is_empty());
            Kind::Text { path: field.path.clone(), values: values.cloned().collect() }
        }
    }
}

pub(super) fn scope(fields: &[&Field], messages: usize) -> Option<Scope> {
    let find = |names: &[&str], values: &'static str, fits: &dyn Fn(&Field) -> bool| {
        let place = |field: &Field| {
            let name = field.name().to_ascii_lowercase();
            names.iter().position(|known| *known == name)
        };
        let found = fields.iter().filter(|field| {
            let named = names.is_empty() || place(field).is_some();
            named && can_scope(field, messages) && fits(field)
        });
        let best = found.min_by_key(|field| (place(field), field.path.depth()))?;
        let first = best.value_type == Type::Texts;
        Some(Scope { path: best.path.clone(), values, first, distinct: best.distinct() })
    };
    let codes = |field: &Field| share(field, countries::is_code) >= 0.9;
    let many_codes =
        |field: &Field| field.distinct() >= 3 && share(field, countries::is_code) >= 1.0;
    let tags = |field: &Field| share(field, is_language) >= 0.9;
    let repeated = |field: &Field| field.mentions() >= 3 * field.distinct();
    find(&COUNTRIES, "country", &codes)
        .or_else(|| find(&[], "country", &many_codes))
        .or_else(|| find(&LANGUAGES, "language", &tags))
        .or_else(|| find(&SCOPES, "text", &repeated))
}

fn can_scope(field: &Field, messages: usize) -> bool {
    matches!(field.value_type, Type::Text | Type::Texts)
        && field.present * 2 > messages
        && (2..=SCOPES_MAX).contains(&field.distinct())
        && field.longest <= 64
}

/// Of the values that are not empty, as often as they come.
fn share(field: &Field, is: fn(&str) -> bool) -> f64 {
    let values = || field.values.iter().filter(|(value, _)| !value.is_empty());
    let all: usize = values().map(|(_, count)| count).sum();
    let those: usize = values().filter(|(value, _)| is(value)).map(|(_, count)| count).sum();
    those as f64 / all.max(1) as f64
}

/// A tag of BCP 47: two or three letters, then perhaps script and region.
fn is_language(value: &str) -> bool {
    let primary = value.split(['-', '_']).next().unwrap_or_default();
    (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether TOML and VRL can have it between quotes as it is.
fn is_plain(value: &str) -> bool {
    let plain = |letter: char| !letter.is_control() && !"\"\\{}".contains(letter);
    value.len() <= 48 && value.chars().all(plain)
}

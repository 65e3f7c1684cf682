//! The parameters of requests for numbers.

use std::time::Duration;

use axum::http::Uri;
use pulso_model::duration::parse_duration;
use pulso_model::{EventTime, Field, FieldType, View, ViewKind};
use pulso_pipeline::{Aggregation, Extreme, Filter, Function, Interval, LayerChoice, Measure};

use super::buckets::WIDTH_SECONDS_MAX;
use crate::http::Options;
use crate::http::error::{Error, names};
use crate::http::measures::Fields;
use crate::http::parameters::{self, TIME_ALLOWED, pairs, parse};

/// Groups in an answer when the request does not specify a number.
pub(crate) const GROUPS_USUAL: usize = 10;

/// The most fields that a request can have beside the value of each group.
pub(crate) const WITH_MAX: usize = 4;

/// The most groups in an answer.
pub(crate) const GROUPS_MAX: usize = 1_000;

/// What numbers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Series,
    Top,
}

impl Kind {
    /// The parameters beside those that filter.
    pub(crate) fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Series => &[
                "view", "field", "function", "by", "with", "from", "to", "interval", "limit",
                "layer",
            ],
            Self::Top => {
                &["view", "field", "function", "by", "with", "from", "to", "limit", "layer"]
            }
        }
    }

    /// The views that can be asked. What holds as of now has no history.
    pub(crate) fn takes(self, view: View) -> bool {
        self == Self::Top || view.kind() != ViewKind::Now
    }
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) question: Aggregation,
    /// Whether values are whole numbers.
    pub(super) whole: bool,
    /// As the request spells it.
    pub(super) interval: Option<(Interval, String)>,
}

/// Reads the parameters of a request for numbers.
pub(super) fn read(kind: Kind, uri: &Uri, options: &Options) -> Result<Asked, Error> {
    let pairs = pairs(uri)?;
    let given = Given { pairs, kind, options };
    let view = given.view()?;
    let fields = Fields::of(view, options);
    given.check(&fields)?;
    let field = given.field(&fields)?;
    let measure = given.measure(&fields, field)?;
    let by = given.by(&fields)?;
    let time = |name| given.one(name, TIME_ALLOWED, |value| parse::<EventTime>(value, "").ok());
    let (from, to) = (time("from")?, time("to")?);
    let interval = given.interval()?;
    let layer = given.one("layer", parameters::LAYERS_ALLOWED, parameters::layer)?;
    let question = Aggregation {
        view,
        layer: layer.unwrap_or(LayerChoice::Current),
        from,
        to,
        filters: given.filters(&fields)?,
        measure,
        by,
        groups_max: given.limit(by)?,
        interval: None,
        extremes: given.with(&fields, by)?,
    };
    let integer = field.is_none_or(|field| field.field_type == FieldType::Integer);
    let mean = matches!(measure, Measure::Field { function: Function::Mean, .. });
    Ok(Asked { question, whole: integer && !mean, interval })
}

/// The names that a field has in requests: its own, and that of a filter by scope.
pub(crate) fn names_of(view: View, field: &'static Field) -> impl Iterator<Item = &'static str> {
    let scope = view.scope_name().filter(|_| view.scope_field() == Some(field.name));
    let scope = scope.filter(|name| *name != field.name);
    [field.name].into_iter().chain(scope)
}

/// The filters that a view has: its texts and lists of them, unless they are called as another parameter.
pub(crate) fn filters(
    kind: Kind,
    fields: &Fields<'_>,
) -> impl Iterator<Item = (&'static str, &'static Field)> {
    let view = fields.view;
    let filtering = fields.filtering();
    let named =
        filtering.flat_map(move |field| names_of(view, field).map(move |name| (name, field)));
    named.filter(move |(name, _)| !kind.parameters().contains(name))
}

/// The pairs of a request.
struct Given<'a> {
    pairs: Vec<(String, String)>,
    kind: Kind,
    options: &'a Options,
}

impl Given<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Reads one parameter; `allowed` says what it may be.
    fn one<T>(
        &self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| invalid(name, value, allowed))
    }

    fn view(&self) -> Result<View, Error> {
        let views = self.options.views().into_iter().filter(|view| self.kind.takes(*view));
        let views: Vec<_> = views.collect();
        let allowed = || format!("one of {}", names(views.iter().map(|view| view.name())));
        let Some(value) = self.get("view") else {
            return Err(Error::MissingParameter { name: "view", allowed: allowed() });
        };
        let known = self.options.views().into_iter().find(|view| view.name() == value);
        match known {
            Some(view) if self.kind.takes(view) => Ok(view),
            Some(_) => Err(invalid("view", value, "a view with a history: this one is as of now")),
            None => Err(invalid("view", value, &allowed())),
        }
    }

    /// Checks that there are only parameters that the view has, and each once unless it filters.
    fn check(&self, fields: &Fields<'_>) -> Result<(), Error> {
        let own = self.kind.parameters();
        let filters: Vec<_> = filters(self.kind, fields).map(|(name, _)| name).collect();
        for (at, (name, _)) in self.pairs.iter().enumerate() {
            let Some(known_name) = own.iter().find(|known| *known == name) else {
                if filters.contains(&name.as_str()) {
                    continue;
                }
                let allowed = own.iter().copied().chain(filters).collect();
                return Err(Error::UnknownParameter { name: name.clone(), allowed });
            };
            if *known_name != "with"
                && self.pairs.iter().take(at).any(|(earlier, _)| earlier == name)
            {
                return Err(Error::RepeatedParameter { name: known_name });
            }
        }
        Ok(())
    }

    fn field(&self, fields: &Fields<'_>) -> Result<Option<&'static Field>, Error> {
        let fields: Vec<_> = fields.measured().collect();
        let allowed = match fields.as_slice() {
            [] => "left out: this view has no field that can be made into one number".to_owned(),
            some => format!("one of {}", names(some.iter().map(|field| field.name))),
        };
        self.one("field", &allowed, |value| {
            fields.iter().find(|field| field.name == value).copied()
        })
    }

    fn measure(&self, fields: &Fields<'_>, field: Option<&Field>) -> Result<Measure, Error> {
        let Some(field) = field else {
            self.one("function", "left out where there is no `field`", |_| None::<()>)?;
            return Ok(Measure::Documents);
        };
        // A field that can be asked for has at least one.
        let functions = fields.functions(field);
        let allowed = format!(
            "one of {} for the field `{}`",
            names(functions.iter().map(|function| function.name())),
            field.name
        );
        let named =
            |value: &str| functions.iter().find(|function| function.name() == value).copied();
        let function = self.one("function", &allowed, named)?;
        let function = function.or(functions.first().copied()).unwrap_or(Function::Max);
        Ok(Measure::Field { name: field.name, function })
    }

    fn by(&self, fields: &Fields<'_>) -> Result<Option<&'static str>, Error> {
        let view = fields.view;
        let fields: Vec<_> = fields.grouping().collect();
        let allowed = match fields.as_slice() {
            [] => "left out: this view has no text that documents can be grouped by".to_owned(),
            some => format!("one of {}", names(some.iter().map(|field| field.name))),
        };
        let named = |value: &str| {
            let mut fields = fields.iter();
            let field = fields.find(|field| names_of(view, field).any(|name| name == value))?;
            Some(field.name)
        };
        let by = self.one("by", &allowed, named)?;
        match (by, self.kind) {
            (None, Kind::Top) => Err(Error::MissingParameter { name: "by", allowed }),
            (by, _) => Ok(by),
        }
    }

    /// What else to tell of each group.
    fn with(&self, fields: &Fields<'_>, by: Option<&str>) -> Result<Vec<Extreme>, Error> {
        if by.is_none() {
            self.one("with", "left out where there is no `by`", |_| None::<()>)?;
            return Ok(Vec::new());
        }
        let allowed = || {
            let known = names(fields.extremes().map(|extreme| extreme.field.name));
            format!("at most {WITH_MAX} different ones of {known}")
        };
        let given = self.pairs.iter().filter(|(name, _)| name == "with");
        let mut extremes: Vec<Extreme> = Vec::new();
        for (_, value) in given {
            let found = fields.extremes().find(|extreme| extreme.field.name == value);
            let found = found.filter(|one| !extremes.contains(one) && extremes.len() < WITH_MAX);
            extremes.push(found.ok_or_else(|| invalid("with", value, &allowed()))?);
        }
        Ok(extremes)
    }

    fn interval(&self) -> Result<Option<(Interval, String)>, Error> {
        let allowed = "`1s` to `36500d`, such as `10s`, `5m`, `1h` or `1d`, or whole seconds";
        let read = |value: &str| {
            let seconds = || value.parse().ok().map(Duration::from_secs);
            let width = parse_duration(value).or_else(seconds)?;
            let allowed = Duration::from_secs(1)..=Duration::from_secs(WIDTH_SECONDS_MAX);
            let interval = Interval::new(width).filter(|_| allowed.contains(&width))?;
            Some((interval, value.to_owned()))
        };
        self.one("interval", allowed, read)
    }

    fn limit(&self, by: Option<&str>) -> Result<usize, Error> {
        if by.is_none() {
            self.one("limit", "left out where there is no `by`", |_| None::<()>)?;
            return Ok(0);
        }
        let range = 1..=GROUPS_MAX;
        let allowed = format!("a whole number from 1 to {}", range.end());
        let read = |value: &str| value.parse().ok().filter(|limit| range.contains(limit));
        Ok(self.one("limit", &allowed, read)?.unwrap_or(GROUPS_USUAL))
    }

    fn filters(&self, fields: &Fields<'_>) -> Result<Vec<Filter>, Error> {
        let named = filters(self.kind, fields);
        let found = named.map(|named| parameters::filter(fields, named, &self.pairs));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

fn invalid(name: &'static str, value: &str, allowed: &str) -> Error {
    Error::InvalidParameter { name, value: value.to_owned(), allowed: allowed.to_owned() }
}

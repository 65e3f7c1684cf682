//! Which fields are times, and which of them is the event's.

use vrl::value::Value;

use super::fields::{Field, Path, Type};
use super::snippet::Snippet;

/// How texts spell times; all of them with their zone, or in UTC.
const FORMATS: [&str; 8] = [
    "%+",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S,%3f",
    "%Y/%m/%d %H:%M:%S%.f",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %z %Y",
];

/// Numbers that are times are of the years 1990 to 2099.
const SECONDS: std::ops::Range<f64> = 631_152_000.0..4_102_444_800.0;

/// Units of whole numbers, and how many there are in a second.
const UNITS: [(&str, f64); 4] =
    [("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)];

/// What the event's time is called, most telling first.
const NAMES: [&str; 16] = [
    "@timestamp",
    "timestamp",
    "mtime",
    "time_us",
    "time_ms",
    "timestamp_ms",
    "event_time",
    "eventtime",
    "ts",
    "time",
    "time_utc",
    "t",
    "datetime",
    "date",
    "created_at",
    "createdat",
];

/// A field that is a time in nearly every message that has it: a message in which it is none is no fact,
/// and must not hide what the others are.
#[derive(Clone, Debug)]
pub(super) struct Time {
    pub(super) path: Path,
    spelling: Spelling,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spelling {
    Format(&'static str),
    /// Whole numbers of a unit.
    Unit(&'static str),
    /// Seconds with a fraction, as a number or a text.
    Fraction,
    Parsed,
}

impl Time {
    /// The time that a field is, if it is one.
    pub(super) fn of(field: &Field) -> Option<Self> {
        let within = |unit: f64| {
            let all = [field.smallest, field.largest];
            all.iter().all(|number| SECONDS.contains(&(number / unit)))
        };
        let spelling = match field.usual_type() {
            Type::Time => Spelling::Parsed,
            Type::Integer => {
                let unit = UNITS.into_iter().find(|(_, unit)| within(*unit));
                Spelling::Unit(unit?.0)
            }
            Type::Float if within(1.0) => Spelling::Fraction,
            Type::Text => spelling_of_texts(field)?,
            _ => return None,
        };
        Some(Self { path: field.path.clone(), spelling })
    }

    /// The event's time, as a program assigns it.
    pub(super) fn required(&self) -> String {
        let path = &self.path;
        match self.spelling {
            Spelling::Format(format) => format!("parse_timestamp!({path}, format: \"{format}\")"),
            Spelling::Unit("seconds") => format!("from_unix_timestamp!(int!({path}))"),
            Spelling::Unit(unit) => {
                format!("from_unix_timestamp!(int!({path}), unit: \"{unit}\")")
            }
            Spelling::Fraction => format!(
                "from_unix_timestamp!(to_int(round(to_float!({path}) * 1000)), unit: \"milliseconds\")"
            ),
            Spelling::Parsed => format!("timestamp!({path})"),
        }
    }

    /// A column's time: null where it is none.
    pub(super) fn optional(&self) -> Option<String> {
        let path = &self.path;
        match self.spelling {
            Spelling::Format(format) => {
                Some(format!("parse_timestamp({path}, format: \"{format}\") ?? null"))
            }
            Spelling::Unit("seconds") => Some(format!("from_unix_timestamp({path}) ?? null")),
            Spelling::Unit(unit) => {
                Some(format!("from_unix_timestamp({path}, unit: \"{unit}\") ?? null"))
            }
            Spelling::Fraction => None,
            Spelling::Parsed => Some(path.to_string()),
        }
    }

    /// A number of seconds may be anything; others are hardly more than times.
    pub(super) fn is_certain(&self) -> bool {
        !matches!(self.spelling, Spelling::Unit("seconds") | Spelling::Fraction)
            || named(self.path.name()) > 0.0
    }

    /// In words.
    pub(super) fn spelled(&self) -> String {
        match self.spelling {
            Spelling::Format("%+") => "in RFC 3339".to_owned(),
            Spelling::Format(format) => format!("as `{format}`"),
            Spelling::Unit(unit) => format!("in {unit} since 1970"),
            Spelling::Fraction => "in seconds since 1970 with a fraction".to_owned(),
            Spelling::Parsed => "as the log has it".to_owned(),
        }
    }
}

/// The time of the events: of the fields that most messages have the one whose name says so, or that
/// grows from message to message.
pub(super) fn event_time(fields: &[Field], messages: &[Value]) -> Option<Time> {
    let most = |field: &&Field| field.present * 2 > messages.len();
    let times = fields.iter().filter(most).filter_map(|field| {
        let time = Time::of(field)?;
        let score = score(field, &time, messages);
        Some((score, time))
    });
    // The first of equals.
    let best = times.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, time)| time)
}

/// How much a field looks like the event's time.
fn score(field: &Field, time: &Time, messages: &[Value]) -> f64 {
    let certain = match time.spelling {
        Spelling::Unit("seconds") | Spelling::Fraction => 0.0,
        _ => 1.0,
    };
    let present = field.present as f64 / messages.len() as f64;
    named(field.name()) + certain + 2.0 * present + 4.0 * ascending(time, messages)
        - field.path.depth() as f64
}

fn named(name: &str) -> f64 {
    let name = name.to_ascii_lowercase();
    match NAMES.iter().position(|known| *known == name) {
        Some(place) => 4.0 - place as f64 / 16.0,
        None if name.contains("time") || name.ends_with("_at") || name.contains("date") => 2.0,
        None => 0.0,
    }
}

/// How much times grow from message to message: 1 for always, 0 for half of the time, as in any order.
fn ascending(time: &Time, messages: &[Value]) -> f64 {
    let snippet = Snippet::compile(&time.required());
    let times = messages.iter().filter_map(|message| match snippet.run(message) {
        Some(Value::Timestamp(time)) => Some(time),
        _ => None,
    });
    let times: Vec<_> = times.collect();
    let steps = times.windows(2).filter(|pair| pair[0] <= pair[1]).count();
    let share = steps as f64 / (times.len().max(2) - 1) as f64;
    let constant = times.iter().all(|time| *time == times[0]);
    if constant { 0.0 } else { (2.0 * share - 1.0).max(0.0) }
}

fn spelling_of_texts(field: &Field) -> Option<Spelling> {
    let nearly_all = |is_time: &dyn Fn(&str) -> bool| {
        let others = field.values.iter().filter(|(text, _)| !is_time(text.as_str()));
        others.map(|(_, count)| count).sum::<usize>() * 20 < field.mentions()
    };
    if field.longest > 64 || !nearly_all(&|text| text.bytes().any(|byte| byte.is_ascii_digit())) {
        return None;
    }
    if nearly_all(&|text| text.parse().is_ok_and(|number: f64| SECONDS.contains(&number))) {
        return Some(Spelling::Fraction);
    }
    let is_format = |format: &&str| {
        let snippet = Snippet::compile(&format!("parse_timestamp!(.value, format: \"{format}\")"));
        nearly_all(&|text| {
            let message = Value::Object([("value".into(), text.into())].into());
            matches!(snippet.run(&message), Some(Value::Timestamp(time)) if within_years(&time.timestamp_millis()))
        })
    };
    FORMATS.iter().copied().find(is_format).map(Spelling::Format)
}

fn within_years(millis: &i64) -> bool {
    pulso_model::EventTime::RANGE.contains(millis)
}

//! Reads what may differ by stream: for all, and for each stream that has a table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pulso_model::duration::{UNITS, format_duration};

use super::deployment::{self, places};
use super::{DAY, TICK};
use crate::Config;
use crate::config::reader::{Reader, Wrong};
use crate::config::sections::{Echo, OfStream, Sessions, Streams, Trends, Window};

/// The streams that have a table; the usual one when there are none.
pub(super) fn served(reader: &Reader) -> Vec<String> {
    let mut served = reader.streams();
    if served.is_empty() {
        served.push(Config::STREAM.to_owned());
    }
    served
}

pub(super) fn read(reader: &mut Reader, served: Vec<String>) -> Streams {
    let others = of_stream(reader);
    let mut tables = BTreeMap::new();
    for name in reader.streams() {
        let table = reader.of_stream(&name, of_stream);
        tables.insert(name, table);
    }
    let chosen = !tables.is_empty();
    Streams { served, chosen, tables, others }
}

fn of_stream(reader: &mut Reader) -> OfStream {
    let read = OfStream {
        facts: reader.own_flag("facts"),
        show_sessions: reader.own_flag("show_sessions"),
        honour_deletions: reader.own_flag("honour_deletions").unwrap_or(true),
        time: deployment::time(reader),
        window: Window {
            size: reader.duration("window.size", TICK),
            slide: reader.duration("window.slide", TICK),
            max_out_of_orderness: reader.duration("window.max_out_of_orderness", Duration::ZERO),
            allowed_lateness: reader.duration("window.allowed_lateness", Duration::ZERO),
            idle_timeout: reader.duration("window.idle_timeout", TICK),
        },
        echo: Echo {
            horizon: reader.duration("echo.horizon", TICK),
            keys_max: reader.number("echo.keys_max", 1..=1_000_000_000),
        },
        sessions: Sessions { keys_max: reader.number("sessions.keys_max", 1..=1_000_000_000) },
        trends: Trends {
            count_above: reader.number("trends.count_above", 0..=1_000_000_000),
            mute: BTreeSet::from_iter(places::list(reader, "trends.mute", |term| {
                Ok(term.to_owned())
            })),
            terms_max: reader.number("trends.terms_max", 1..=100_000),
            scope_terms_max: reader.number("trends.scope_terms_max", 1..=100_000),
            unusual_from: reader.decimal("trends.unusual_from", 0.0..=1_000_000.0),
            unusual_max: reader.number("trends.unusual_max", 0..=100_000),
            scope_unusual_max: reader.number("trends.scope_unusual_max", 0..=100_000),
            baseline: reader.duration("trends.baseline", TICK),
        },
        retention: deployment::retention(reader),
    };
    check_windows(reader, &read);
    read
}

fn check_windows(reader: &mut Reader, OfStream { window, trends, .. }: &OfStream) {
    let (size, slide) = (window.size, window.slide);
    let baseline = trends.baseline;
    let hint = || slide_hint(slide, [size, baseline, DAY]);
    let multiple = "is not a multiple of";
    reader.check_pair(divides(slide, size), ("window.size", "window.slide"), multiple, hint);
    reader.check_pair(
        divides(slide, baseline),
        ("trends.baseline", "window.slide"),
        multiple,
        hint,
    );
    let shorter = ("trends.baseline", "window.size");
    reader.check_pair(size <= baseline, shorter, "is shorter than", || {
        "a window is compared with earlier ones; choose a baseline of several windows".to_owned()
    });
    reader.check(divides(slide, DAY), "window.slide", || {
        Wrong::new("does not divide a day evenly", hint())
    });
}

/// Each stream with a table must be one that there is, unless it may be one that could not be read:
/// what is wrong there is told instead.
pub(super) fn check(reader: &mut Reader, config: &Config) {
    if !config.declared.problems.is_empty() {
        return;
    }
    for name in config.streams.tables.keys() {
        if let Err(unknown) = config.streams().get(name) {
            let key = format!("streams.{name}");
            let origin = reader.origin(&key);
            let message = format!("`{key}`{origin} is not a stream");
            reader.problem(&key, message, unknown.hint());
        }
    }
}

fn divides(part: Duration, whole: Duration) -> bool {
    whole.as_millis().is_multiple_of(part.as_millis())
}

/// The next shorter and longer `slide`, in whole numbers of its own unit, that divide all of `wholes`.
fn slide_hint(slide: Duration, wholes: [Duration; 3]) -> String {
    let millis = slide.as_millis();
    let unit = UNITS.iter().map(|(_, unit)| u128::from(*unit)).find(|u| millis.is_multiple_of(*u));
    let unit = unit.expect("every whole number of milliseconds is a multiple of the last unit");
    let greatest = wholes.iter().map(Duration::as_millis).fold(0, greatest_common_divisor);
    let fits = |units: &u128| greatest.is_multiple_of(units * unit);
    let (units, units_max) = (millis / unit, greatest / unit);
    let shorter = (1..units).rev().find(fits);
    let longer = (units + 1..=units_max).find(fits);
    let choices: Vec<_> = [shorter, longer]
        .into_iter()
        .flatten()
        .filter_map(|units| u64::try_from(units * unit).ok())
        .map(|millis| format!("`slide = \"{}\"`", format_duration(Duration::from_millis(millis))))
        .collect();
    if choices.is_empty() {
        return "choose a `slide` of which `size`, `baseline` and a day are multiples".to_owned();
    }
    format!("use {}", choices.join(" or "))
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

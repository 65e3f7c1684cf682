//! Which key is read how, and which keys must fit each other.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::{Reader, Wrong, text};
use super::sections::{
    Acquisition, Archive, Batch, Checkpoint, Config, Data, Demo, Echo, Log, LogFormat, Logs,
    Schedule, Trends, Views, Web, Window,
};
use pulso_model::duration::{UNITS, format_duration};

mod deployment;
mod sources;

/// The shortest duration where none at all makes no sense.
const TICK: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

/// The shortest time in which a segment that has been written is also committed, however slow the disk.
const REPLACED_FILES_MIN: Duration = Duration::from_mins(10);

pub(super) fn read(reader: &mut Reader) -> Config {
    Config {
        stream: Config::STREAM.to_owned(),
        logs: logs(reader),
        data: Data { directory: reader.read("data.directory", directory) },
        log: Log {
            store: deployment::log_store(reader),
            partitions: reader.number("log.partitions", 1..=64),
            batch_records: reader.number("log.batch_records", 1..=1_000_000),
        },
        views: Views { store: deployment::view_store(reader) },
        kafka: deployment::kafka(reader),
        elasticsearch: deployment::elasticsearch(reader),
        spool: deployment::spool(reader),
        acquisition: acquisition(reader),
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
        trends: Trends {
            count_above: reader.number("trends.count_above", 0..=1_000_000_000),
            terms_max: reader.number("trends.terms_max", 1..=100_000),
            scope_terms_max: reader.number("trends.scope_terms_max", 1..=100_000),
            baseline: reader.duration("trends.baseline", TICK),
        },
        checkpoint: Checkpoint {
            interval: reader.duration("checkpoint.interval", TICK),
            records_max: reader.number("checkpoint.records_max", 1..=1_000_000_000),
        },
        archive: Archive {
            batch_bytes: reader.size("archive.batch_bytes"),
            batch_delay: reader.duration("archive.batch_delay", TICK),
            target_file_bytes: reader.size("archive.target_file_bytes"),
            compact_files_min: reader.number("archive.compact_files_min", 2..=100_000),
            replaced_files_kept: reader.duration("archive.replaced_files_kept", REPLACED_FILES_MIN),
        },
        batch: Batch {
            memory_max: reader.size("batch.memory_max"),
            threads: reader.number("batch.threads", 0..=1024),
        },
        schedule: Schedule {
            enabled: reader.flag("schedule.enabled"),
            archive: reader.read("schedule.archive", cron),
            jobs: reader.read("schedule.jobs", cron),
            retain: deployment::schedule_retain(reader),
        },
        retention: deployment::retention(reader),
        web: Web {
            listen: reader.read("web.listen", address),
            page_limit_default: reader.number("web.page_limit_default", 1..=1_000_000),
            page_limit_max: reader.number("web.page_limit_max", 1..=1_000_000),
        },
        operations: deployment::operations(reader),
        demo: Demo { rate: reader.number("demo.rate", 1..=100_000) },
    }
}

fn logs(reader: &mut Reader) -> Logs {
    let format = reader.read("logs.format", |value| match value.as_str() {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        _ => Err(Wrong::new("is not a log format", "use \"text\" or \"json\"")),
    });
    let filter = reader.read("logs.filter", |value| {
        let filter = text(value)?;
        match tracing_subscriber::EnvFilter::try_new(filter) {
            Ok(_) => Ok(filter.to_owned()),
            Err(_) => Err(Wrong::new(
                "is not a log filter",
                "use a level like \"info\", or levels by module like \"info,pulso_speed=debug\"",
            )),
        }
    });
    Logs { format, filter }
}

fn acquisition(reader: &mut Reader) -> Acquisition {
    Acquisition {
        sources: sources::read(reader),
        trusted_certificates: reader.read("acquisition.trusted_certificates", file),
        connect_timeout: reader.duration("acquisition.connect_timeout", TICK),
        idle_timeout: reader.duration("acquisition.idle_timeout", TICK),
        ping_interval: reader.duration("acquisition.ping_interval", TICK),
        pong_timeout: reader.duration("acquisition.pong_timeout", TICK),
        backoff_initial: reader.duration("acquisition.backoff_initial", TICK),
        backoff_max: reader.duration("acquisition.backoff_max", TICK),
        message_bytes_max: reader.size("acquisition.message_bytes_max"),
        buffer_messages: reader.number("acquisition.buffer_messages", 1..=10_000_000),
        buffer_bytes: reader.size("acquisition.buffer_bytes"),
        batch_messages: reader.number("acquisition.batch_messages", 1..=10_000_000),
        batch_delay: reader.duration("acquisition.batch_delay", Duration::ZERO),
    }
}

fn directory(value: &toml::Value) -> Result<PathBuf, Wrong> {
    match text(value)? {
        "" => Err(Wrong::new("is empty", "name a directory; \".\" is the working directory")),
        path => Ok(PathBuf::from(path)),
    }
}

fn file(value: &toml::Value) -> Result<Option<PathBuf>, Wrong> {
    Ok(Some(text(value)?).filter(|path| !path.is_empty()).map(PathBuf::from))
}

fn cron(value: &toml::Value) -> Result<croner::Cron, Wrong> {
    let hint = "write minute, hour, day, month and weekday, like \"10 * * * *\"";
    text(value)?.parse().map_err(|_| Wrong::new("is not a cron expression", hint))
}

fn address(value: &toml::Value) -> Result<std::net::SocketAddr, Wrong> {
    let hint = "write an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"";
    text(value)?.parse().map_err(|_| Wrong::new("is not a socket address", hint))
}

/// What single keys cannot show.
pub(super) fn check(reader: &mut Reader, config: &Config) {
    let Config { window, trends, acquisition, web, .. } = config;
    let (size, slide, baseline) = (window.size, window.slide, trends.baseline);
    let hint = || slide_hint(slide, [size, baseline, DAY]);
    let multiple = "is not a multiple of";
    reader.check_pair(divides(slide, size), ("window.size", "window.slide"), multiple, hint);
    reader.check_pair(
        divides(slide, baseline),
        ("trends.baseline", "window.slide"),
        multiple,
        hint,
    );
    reader.check(divides(slide, DAY), "window.slide", || {
        Wrong::new("does not divide a day evenly", hint())
    });
    reader.check_pair(
        acquisition.backoff_initial <= acquisition.backoff_max,
        ("acquisition.backoff_initial", "acquisition.backoff_max"),
        "is longer than",
        || "the first pause cannot exceed the longest".to_owned(),
    );
    reader.check_pair(
        acquisition.message_bytes_max <= acquisition.buffer_bytes,
        ("acquisition.message_bytes_max", "acquisition.buffer_bytes"),
        "is more than",
        || "the buffer must have room for the longest message".to_owned(),
    );
    reader.check(
        acquisition.buffer_bytes.0 <= u64::from(u32::MAX),
        "acquisition.buffer_bytes",
        || Wrong::new("is out of range", "choose a size of less than 4GiB"),
    );
    reader.check_pair(
        acquisition.batch_messages <= acquisition.buffer_messages,
        ("acquisition.batch_messages", "acquisition.buffer_messages"),
        "is more than",
        || "a batch is taken from the buffer and cannot be larger".to_owned(),
    );
    reader.check_pair(
        web.page_limit_default <= web.page_limit_max,
        ("web.page_limit_default", "web.page_limit_max"),
        "is more than",
        || "a page without a limit of its own must be allowed".to_owned(),
    );
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

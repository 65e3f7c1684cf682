//! Which key is read how, and which keys must fit each other.

use std::path::PathBuf;
use std::time::Duration;

use pulso_streams::Streams;

use super::reader::{Reader, Wrong, text};
use super::sections::{
    Acquisition, Archive, Batch, Checkpoint, Config, Data, Declared, Demo, Log, LogFormat, Logs,
    Schedule, Views, Web,
};
use crate::streams::usual;

mod deployment;
mod folders;
mod guard;
mod organiser;
mod sources;
mod streams;

/// The shortest duration where none at all makes no sense.
const TICK: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

/// The shortest time in which a segment that has been written is also committed, however slow the disk.
const REPLACED_FILES_MIN: Duration = Duration::from_mins(10);

pub(super) fn read(reader: &mut Reader) -> Config {
    let served = streams::served(reader);
    let declared = declared(reader);
    let logs = logs(reader);
    let data = Data { directory: reader.read("data.directory", directory) };
    let log = Log {
        store: deployment::log_store(reader),
        partitions: reader.number("log.partitions", 1..=64),
        batch_records: reader.number("log.batch_records", 1..=1_000_000),
    };
    let views = Views { store: deployment::view_store(reader) };
    let kafka = deployment::kafka(reader);
    let elasticsearch = deployment::elasticsearch(reader);
    let kibana = deployment::kibana(reader);
    let spool = deployment::spool(reader);
    let acquisition = acquisition(reader, (&served, &declared.streams));
    let streams = streams::read(reader, served);
    let stream = usual(&streams.served).unwrap_or(&streams.served[0]).to_owned();
    let own = streams.of(&stream).clone();
    Config {
        stream,
        facts: own.facts,
        show_sessions: own.show_sessions,
        honour_deletions: own.honour_deletions,
        declared,
        streams,
        logs,
        data,
        log,
        views,
        kafka,
        elasticsearch,
        kibana,
        spool,
        acquisition,
        time: own.time,
        window: own.window,
        echo: own.echo,
        sessions: own.sessions,
        trends: own.trends,
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
        schedule: schedule(reader),
        retention: own.retention,
        web: Web {
            listen: reader.read("web.listen", address),
            page_limit_default: reader.number("web.page_limit_default", 1..=1_000_000),
            page_limit_max: reader.number("web.page_limit_max", 1..=1_000_000),
        },
        guard: guard::guard(reader),
        organiser: organiser::organiser(reader),
        privacy: organiser::privacy(reader),
        operations: deployment::operations(reader),
        demo: Demo { rate: reader.number("demo.rate", 1..=100_000) },
    }
}

fn schedule(reader: &mut Reader) -> Schedule {
    Schedule {
        enabled: reader.flag("schedule.enabled"),
        archive: reader.read("schedule.archive", cron),
        jobs: reader.read("schedule.jobs", cron),
        retain: deployment::cron_or_off(reader, "schedule.retain"),
        deletions: deployment::cron_or_off(reader, "schedule.deletions"),
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

fn declared(reader: &mut Reader) -> Declared {
    let directory: PathBuf = reader.read("streams.directory", directory);
    let (folders, mut problems) = folders::read(&directory);
    let (streams, found) = Streams::brought().with_folders(&folders);
    problems.extend(found);
    Declared { directory, streams, problems }
}

fn acquisition(reader: &mut Reader, streams: (&[String], &Streams)) -> Acquisition {
    Acquisition {
        sources: sources::read(reader, streams),
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
        anonymize_addresses: reader.flag("acquisition.anonymize_addresses"),
        host: reader.read("acquisition.host", host),
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

/// It is stored as a word of a line.
fn host(value: &toml::Value) -> Result<Option<String>, Wrong> {
    let host = text(value)?;
    if host.contains(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '"')) {
        return Err(Wrong::new("is not a host", "write a name, like \"www.example.org\""));
    }
    Ok(Some(host).filter(|host| !host.is_empty()).map(str::to_owned))
}

fn cron(value: &toml::Value) -> Result<croner::Cron, Wrong> {
    let hint = "write minute, hour, day, month and weekday, like \"10 * * * *\"";
    text(value)?.parse().map_err(|_| Wrong::new("is not a cron expression", hint))
}

fn address(value: &toml::Value) -> Result<std::net::SocketAddr, Wrong> {
    text(value).and_then(socket_address)
}

fn socket_address(text: &str) -> Result<std::net::SocketAddr, Wrong> {
    let hint = "write an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"";
    text.parse().map_err(|_| Wrong::new("is not a socket address", hint))
}

/// What single keys cannot show.
pub(super) fn check(reader: &mut Reader, config: &Config) {
    streams::check(reader, config);
    organiser::check(reader, &config.organiser);
    let Config { acquisition, web, .. } = config;
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

//! Reads the sections of a deployment on servers.

use std::net::SocketAddr;
use std::time::Duration;

use toml::Value;

use super::{DAY, TICK, address, cron, directory, file};
use crate::config::reader::{Reader, Wrong, text};
use crate::config::sections::{
    AtLimit, Elasticsearch, Kafka, Kibana, LogStore, Login, Lost, Operations, Retention,
    SaslMechanism, Spool, Time, Tls, ViewStore,
};
use crate::config::{Secret, parse_duration};

pub(super) mod places;

/// The value of a key that can be switched off.
const OFF: &str = "off";

pub(super) fn log_store(reader: &mut Reader) -> LogStore {
    let choices = [("embedded", LogStore::Embedded), ("kafka", LogStore::Kafka)];
    reader.choice("log.store", "a store for the log", &choices)
}

pub(super) fn view_store(reader: &mut Reader) -> ViewStore {
    let choices = [("embedded", ViewStore::Embedded), ("elasticsearch", ViewStore::Elasticsearch)];
    reader.choice("views.store", "a store for views", &choices)
}

pub(super) fn kafka(reader: &mut Reader) -> Kafka {
    Kafka {
        brokers: places::brokers(reader),
        client: reader.read("kafka.client", places::name),
        topic_prefix: reader.read("kafka.topic_prefix", places::topic_prefix),
        replication: reader.number("kafka.replication", 1..=9),
        retention: reader.read("kafka.retention", |value| or_off(value, duration)),
        lost: reader.choice(
            "kafka.lost",
            "a way to go on",
            &[("refuse", Lost::Refuse), ("skip", Lost::Skip)],
        ),
        timeout: reader.duration("kafka.timeout", TICK),
        tls: tls(reader),
        sasl: sasl(reader),
    }
}

fn tls(reader: &mut Reader) -> Option<Tls> {
    let enabled = reader.flag("kafka.tls");
    let certificate_authority = reader.read("kafka.certificate_authority", file);
    let certificate = reader.read("kafka.certificate", file);
    let key = reader.read("kafka.key", file);
    let key_password = secret(reader, "kafka.key_password", "kafka.key_password_file");
    for (name, set) in [
        ("kafka.certificate_authority", certificate_authority.is_some()),
        ("kafka.certificate", certificate.is_some()),
    ] {
        reader.check(enabled || !set, name, || {
            Wrong::new("is of no use without TLS", "set `kafka.tls = true`")
        });
    }
    reader.check(certificate.is_none() || key.is_some(), "kafka.certificate", || {
        Wrong::new("has no private key", "name the file of its key with `kafka.key`")
    });
    reader.check(key.is_none() || certificate.is_some(), "kafka.key", || {
        let hint = "name the file of its certificate with `kafka.certificate`";
        Wrong::new("has no certificate", hint)
    });
    let certificate = certificate.zip(key);
    enabled.then_some(Tls { certificate_authority, certificate, key_password })
}

fn sasl(reader: &mut Reader) -> Option<(SaslMechanism, Login)> {
    let mechanism = reader.choice(
        "kafka.sasl_mechanism",
        "a way to log in",
        &[
            (OFF, None),
            ("plain", Some(SaslMechanism::Plain)),
            ("scram-sha-256", Some(SaslMechanism::ScramSha256)),
            ("scram-sha-512", Some(SaslMechanism::ScramSha512)),
        ],
    );
    let login = login(reader, "kafka");
    reader.check(mechanism.is_none() || login.is_some(), "kafka.sasl_mechanism", || {
        Wrong::new("needs a user", "set `kafka.username` and `kafka.password` (or `password_file`)")
    });
    reader.check(login.is_none() || mechanism.is_some(), "kafka.username", || {
        let hint = "set `kafka.sasl_mechanism`, to \"scram-sha-512\" for example";
        Wrong::new("is of no use without a way to log in", hint)
    });
    mechanism.zip(login)
}

pub(super) fn elasticsearch(reader: &mut Reader) -> Elasticsearch {
    let elasticsearch = Elasticsearch {
        urls: places::urls(reader),
        index_prefix: reader.read("elasticsearch.index_prefix", places::index_prefix),
        shards: reader.number("elasticsearch.shards", 1..=1024),
        replicas: reader.number("elasticsearch.replicas", 0..=9),
        bulk_bytes: reader.size("elasticsearch.bulk_bytes"),
        bulk_requests_in_flight: reader.number("elasticsearch.bulk_requests_in_flight", 1..=64),
        request_timeout: reader.duration("elasticsearch.request_timeout", TICK),
        certificate_authority: reader.read("elasticsearch.certificate_authority", file),
        login: login(reader, "elasticsearch"),
        api_key: secret(reader, "elasticsearch.api_key", "elasticsearch.api_key_file"),
    };
    let Elasticsearch { login, api_key, .. } = &elasticsearch;
    reader.check(login.is_none() || api_key.is_none(), "elasticsearch.username", || {
        Wrong::new("is given besides an API key", "keep one of them")
    });
    elasticsearch
}

pub(super) fn kibana(reader: &mut Reader) -> Kibana {
    let url = reader.read("kibana.url", |value| match text(value)? {
        "" => Ok(None),
        url => places::url(url).map(Some),
    });
    Kibana { url }
}

/// A user name with its password; `None` when there is neither.
fn login(reader: &mut Reader, section: &str) -> Option<Login> {
    let username_key = format!("{section}.username");
    let password_key = format!("{section}.password");
    let username = reader.read(&username_key, |value| text(value).map(str::to_owned));
    let password = secret(reader, &password_key, &format!("{section}.password_file"));
    reader.check(username.is_empty() || password.is_some(), &username_key, || {
        let hint = format!("set `{password_key}`, or `{password_key}_file`");
        Wrong::new("has no password", hint)
    });
    reader.check(password.is_none() || !username.is_empty(), &username_key, || {
        Wrong::new("is empty, but there is a password", format!("set `{username_key}`"))
    });
    password.filter(|_| !username.is_empty()).map(|password| Login { username, password })
}

/// A secret that is given, or named by a file.
fn secret(reader: &mut Reader, key: &str, file_key: &str) -> Option<Secret> {
    let here = reader.read(key, |value| text(value).map(str::to_owned));
    let path = reader.read(file_key, file);
    reader.check(here.is_empty() || path.is_none(), file_key, || {
        Wrong::new(format!("is given besides `{key}`"), "keep one of them")
    });
    match (here.as_str(), path) {
        ("", path) => path.map(|path| Secret::file(file_key, path)),
        (here, _) => Some(Secret::here(key, here)),
    }
}

pub(super) fn spool(reader: &mut Reader) -> Spool {
    let at_limit = [("wait", AtLimit::Wait), ("drop", AtLimit::Drop)];
    Spool {
        directory: reader.read("spool.directory", directory),
        bytes_max: reader.size("spool.bytes_max"),
        at_limit: reader.choice("spool.at_limit", "a way to go on", &at_limit),
    }
}

pub(super) fn retention(reader: &mut Reader) -> Retention {
    let mut age = |key| reader.read(key, |value| or_off(value, days));
    let retention = Retention {
        speed_views: age("retention.speed_views"),
        batch_views: age("retention.batch_views"),
        journals: age("retention.journals"),
        lake: age("retention.lake"),
    };
    let whole_life = Duration::MAX;
    reader.check_pair(
        retention.journals.unwrap_or(whole_life) >= retention.lake.unwrap_or(whole_life),
        ("retention.journals", "retention.lake"),
        "is shorter than",
        || "a day of the lake is verified with its journals; keep them as long".to_owned(),
    );
    retention
}

pub(super) fn cron_or_off(reader: &mut Reader, key: &str) -> Option<croner::Cron> {
    reader.read(key, |value| or_off(value, cron))
}

pub(super) fn time(reader: &mut Reader) -> Time {
    Time {
        ahead_max: reader.duration("time.ahead_max", Duration::ZERO),
        behind_max: reader.read("time.behind_max", |value| or_off(value, duration)),
    }
}

pub(super) fn operations(reader: &mut Reader) -> Operations {
    let mut listen =
        |key| -> Option<SocketAddr> { reader.read(key, |value| or_off(value, address)) };
    Operations {
        acquisition: listen("operations.acquisition"),
        speed: listen("operations.speed"),
        batch: listen("operations.batch"),
    }
}

fn or_off<T>(
    value: &Value,
    parse: impl Fn(&Value) -> Result<T, Wrong>,
) -> Result<Option<T>, Wrong> {
    if value.as_str() == Some(OFF) {
        return Ok(None);
    }
    parse(value)
        .map(Some)
        .map_err(|wrong| Wrong { hint: format!("{}, or \"off\"", wrong.hint), ..wrong })
}

fn duration(value: &Value) -> Result<Duration, Wrong> {
    let wrong = || Wrong::new("is not a duration", "write a number and a unit, like \"7d\"");
    value.as_str().and_then(parse_duration).filter(|age| !age.is_zero()).ok_or_else(wrong)
}

fn days(value: &Value) -> Result<Duration, Wrong> {
    let age = duration(value)?;
    if age >= DAY && age.as_millis().is_multiple_of(DAY.as_millis()) {
        return Ok(age);
    }
    Err(Wrong::new("is not a number of whole days", "write them like \"90d\""))
}

//! The sections of a deployment on servers.

use super::*;

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

#[test]
fn everything_is_embedded_and_kept_unless_configured() {
    let config = Config::default();
    assert_eq!(config.log.store, LogStore::Embedded);
    assert_eq!(config.views.store, ViewStore::Embedded);
    assert!(config.retention.keeps_all());
    assert!(config.kafka.tls.is_none() && config.kafka.sasl.is_none());
    assert_eq!(config.kafka.brokers, ["127.0.0.1:9092"]);
    assert_eq!(config.kafka.retention, Some(7 * DAY));
    assert_eq!(config.spool_directory(), std::path::Path::new("pulso-data/spool/rsvps"));
}

#[test]
fn a_deployment_on_secured_servers_is_read() {
    let config = load(
        "[log]\nstore = 'kafka'\n[views]\nstore = 'elasticsearch'\n\
         [kafka]\nbrokers = ['a:1', 'b.example:2']\nretention = 'off'\ntls = true\n\
         certificate_authority = 'ca.pem'\ncertificate = 'c.pem'\nkey = 'k.pem'\n\
         key_password = 'kp'\nsasl_mechanism = 'scram-sha-512'\nusername = 'u'\npassword = 'p'\n\
         [elasticsearch]\nurls = ['https://a:1/', 'https://b.example']\napi_key = 'k'\n\
         [kibana]\nurl = 'https://k.example/base'\n\
         [spool]\ndirectory = '/spool'\nat_limit = 'drop'\n\
         [retention]\nlake = '30d'\n[schedule]\nretain = 'off'\n[operations]\nspeed = 'off'",
    );
    assert_eq!(config.log.store, LogStore::Kafka);
    assert_eq!(config.views.store, ViewStore::Elasticsearch);
    assert_eq!(config.kafka.brokers, ["a:1", "b.example:2"]);
    assert_eq!(config.kafka.retention, None);
    let tls = config.kafka.tls.as_ref().unwrap();
    assert_eq!(tls.certificate, Some(("c.pem".into(), "k.pem".into())));
    let (mechanism, login) = config.kafka.sasl.as_ref().unwrap();
    assert_eq!((*mechanism, login.username.as_str()), (SaslMechanism::ScramSha512, "u"));
    assert_eq!(login.password.reveal().unwrap(), "p");
    assert_eq!(config.elasticsearch.urls.len(), 2);
    assert!(config.elasticsearch.login.is_none());
    assert_eq!(config.kibana.url.as_ref().unwrap().to_string(), "https://k.example/base");
    assert_eq!(config.elasticsearch.api_key.as_ref().unwrap().reveal().unwrap(), "k");
    assert_eq!(config.spool_directory(), std::path::Path::new("/spool/rsvps"));
    assert_eq!((config.retention.lake, config.retention.journals), (Some(30 * DAY), None));
    assert!(config.schedule.retain.is_none() && config.operations.speed.is_none());
    assert!(config.operations.batch.is_some());
    let shown = format!("{config:?}");
    for secret in ["\"kp\"", "\"p\"", "\"k\""] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_secret_comes_from_the_environment_or_a_file() {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let environment = vec![
        variable("PULSO__ELASTICSEARCH__PASSWORD", "12"),
        variable("PULSO__ELASTICSEARCH__USERNAME", "u"),
        variable("PULSO__KAFKA__BROKERS", "['a:1']"),
    ];
    let config = Config::load(&Layers { environment, ..Layers::default() }).unwrap();
    let login = config.elasticsearch.login.unwrap();
    assert_eq!(login.password.reveal().unwrap(), "12", "text needs no quotes");
    let absent = "[elasticsearch]\nusername = 'u'\npassword_file = '/no/such/file'";
    let login = load(absent).elasticsearch.login.unwrap();
    let error = login.password.reveal().unwrap_err().to_string();
    assert_eq!(error, "failed to read `elasticsearch.password_file` (`/no/such/file`)");
}

#[test]
fn a_wrong_secret_is_not_shown() {
    check(
        "kafka.password = 4711",
        "`kafka.password` (***) is not text",
        "write it in double quotes",
    );
}

#[test]
fn stores_and_places_are_checked() {
    check(
        "log.store = 'nats'",
        "`log.store` (nats) is not a store for the log",
        "use \"embedded\" or \"kafka\"",
    );
    let list = "`kafka.brokers` (a:1) is not a list";
    check("kafka.brokers = 'a:1'", list, "write it in square brackets");
    check("kafka.brokers = []", "`kafka.brokers` (a list) is empty", "name at least one");
    for wrong in ["a", "a:", ":1", "a:0", "a:70000", "a b:1", "http://a:1"] {
        let message = format!("`kafka.brokers[0]` ({wrong}) is not a broker");
        let hint = "write it like \"kafka.example.org:9092\"";
        check(&format!("kafka.brokers = ['{wrong}']"), &message, hint);
    }
    check(
        "elasticsearch.urls = ['https://me:secret@a:1']",
        "`elasticsearch.urls[0]` (https://***@a:1) has a user name",
        "set `elasticsearch.username` and `elasticsearch.password` instead",
    );
    check(
        "elasticsearch.urls = ['ws://a']",
        "`elasticsearch.urls[0]` (ws://a) is not an http url",
        "write it like \"https://elasticsearch.example.org:9200\"",
    );
    check(
        "kibana.url = 'https://me:secret@a:1'",
        "`kibana.url` (https://***@a:1) has a user name",
        "set `elasticsearch.username` and `elasticsearch.password` instead",
    );
    check(
        "elasticsearch.index_prefix = 'Pulso'",
        "`elasticsearch.index_prefix` (Pulso) is not the beginning of an index name",
        "use lower-case letters, digits, `-` and `_`, beginning with a letter",
    );
    check(
        "kafka.client = 'a b'",
        "`kafka.client` (a b) is not a name for Kafka",
        "use letters, digits, `-`, `_` and `.`",
    );
    check(
        "kafka.topic_prefix = 'a b'",
        "`kafka.topic_prefix` (a b) is not the beginning of a topic's name",
        "use up to 100 letters, digits, `-`, `_` and `.`",
    );
    check(
        "kafka.messages_topic = 'a'",
        "`kafka.messages_topic` is not a key of the configuration",
        "topics and groups are named after `kafka.topic_prefix` and their stream",
    );
    check(
        "operations.speed = 'on'",
        "`operations.speed` (on) is not a socket address",
        "write an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\", or \"off\"",
    );
}

#[test]
fn ages_are_whole_days() {
    check(
        "retention.lake = '36h'",
        "`retention.lake` (36h) is not a number of whole days",
        "write them like \"90d\", or \"off\"",
    );
    check(
        "[retention]\njournals = '1d'",
        "`retention.journals` (1d) is shorter than `retention.lake` (off)",
        "a day of the lake is verified with its journals; keep them as long",
    );
    assert_eq!(load("[retention]\njournals = '9d'\nlake = '9d'").retention.lake, Some(9 * DAY));
}

#[test]
fn security_must_be_whole() {
    check(
        "kafka.certificate_authority = 'ca.pem'",
        "`kafka.certificate_authority` (ca.pem) is of no use without TLS",
        "set `kafka.tls = true`",
    );
    check(
        "[kafka]\ntls = true\nkey = 'k.pem'",
        "`kafka.key` (k.pem) has no certificate",
        "name the file of its certificate with `kafka.certificate`",
    );
    check(
        "kafka.sasl_mechanism = 'plain'",
        "`kafka.sasl_mechanism` (plain) needs a user",
        "set `kafka.username` and `kafka.password` (or `password_file`)",
    );
    check(
        "[kafka]\nsasl_mechanism = 'plain'\nusername = 'u'\npassword = 'p'\npassword_file = 'f'",
        "`kafka.password_file` (f) is given besides `kafka.password`",
        "keep one of them",
    );
    check(
        "elasticsearch.password = 'p'",
        "`elasticsearch.username` () is empty, but there is a password",
        "set `elasticsearch.username`",
    );
    check(
        "[elasticsearch]\nusername = 'u'\npassword = 'p'\napi_key = 'k'",
        "`elasticsearch.username` (u) is given besides an API key",
        "keep one of them",
    );
}

//! How to reach the brokers: addresses, encryption, credentials.

use std::path::PathBuf;
use std::time::Duration;

use pulso_pipeline::Secret;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// The longest pause between attempts to reconnect, so that a broker that is back is found soon.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// What all clients of one cluster share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The first brokers to ask, each as `host:port`.
    pub brokers: Vec<String>,
    /// The name of this program in the brokers' logs and quotas.
    pub client: String,
    /// Encryption; `None` for unencrypted connections.
    pub tls: Option<Tls>,
    /// Credentials; `None` for no login.
    pub sasl: Option<Sasl>,
    /// How long connecting, and any single request, may take.
    pub timeout: Duration,
}

/// PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The trusted authorities; `None` for those of the system.
    pub certificate_authority: Option<PathBuf>,
    /// This side's own certificate and its private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The password that encrypts the private key.
    pub key_password: Option<Secret>,
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    pub mechanism: Mechanism,
    pub username: String,
    pub password: Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    /// The name of the mechanism in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Connection {
    /// An unencrypted connection, for example to a broker on the same machine.
    pub fn plain(brokers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            brokers: brokers.into_iter().map(Into::into).collect(),
            client: "pulso".into(),
            tls: None,
            sasl: None,
            timeout: Duration::from_secs(30),
        }
    }

    pub(crate) fn brokers(&self) -> String {
        self.brokers.join(",")
    }

    /// The settings of any client. Reads no file yet.
    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        let millis = |duration: Duration| duration.as_millis().to_string();
        config
            .set("bootstrap.servers", self.brokers())
            .set("client.id", &self.client)
            .set("socket.timeout.ms", millis(self.timeout))
            .set("socket.connection.setup.timeout.ms", millis(self.timeout))
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", millis(RECONNECT_MAX))
            // A topic that is missing is an error, not to be made with any settings.
            .set("allow.auto.create.topics", "false");
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            tls.add_to(&mut config);
        }
        if let Some(Sasl { mechanism, username, password }) = &self.sasl {
            config
                .set("sasl.mechanism", mechanism.name())
                .set("sasl.username", username)
                .set("sasl.password", password.reveal());
        }
        config
    }
}

impl Tls {
    fn add_to(&self, config: &mut ClientConfig) {
        if let Some(path) = &self.certificate_authority {
            config.set("ssl.ca.location", path.to_string_lossy());
        }
        if let Some((certificate, key)) = &self.certificate {
            config
                .set("ssl.certificate.location", certificate.to_string_lossy())
                .set("ssl.key.location", key.to_string_lossy());
        }
        if let Some(password) = &self.key_password {
            config.set("ssl.key.password", password.reveal());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secured() -> Connection {
        let certificate = ("client.pem".into(), "client.key".into());
        let password = || Secret::new("open sesame");
        Connection {
            tls: Some(Tls {
                certificate_authority: Some("ca.pem".into()),
                certificate: Some(certificate),
                key_password: Some(password()),
            }),
            sasl: Some(Sasl {
                mechanism: Mechanism::ScramSha512,
                username: "pulso".into(),
                password: password(),
            }),
            ..Connection::plain(["one:9092", "two:9092"])
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", secured());
        assert!(!shown.contains("sesame") && shown.matches("***").count() == 2, "{shown}");
    }

    #[test]
    fn the_settings_of_a_client_say_what_the_connection_says() {
        let config = secured().config();
        for (key, value) in [
            ("bootstrap.servers", "one:9092,two:9092"),
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.location", "ca.pem"),
            ("ssl.key.location", "client.key"),
            ("ssl.key.password", "open sesame"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.password", "open sesame"),
        ] {
            assert_eq!(config.get(key), Some(value), "{key}");
        }
        let protocol = |tls: Option<Tls>, sasl| {
            let connection = Connection { tls, sasl, ..secured() };
            connection.config().get("security.protocol").map(str::to_owned)
        };
        assert_eq!(protocol(None, None).as_deref(), Some("plaintext"));
        assert_eq!(protocol(Some(Tls::default()), None).as_deref(), Some("ssl"));
        assert_eq!(protocol(None, secured().sasl).as_deref(), Some("sasl_plaintext"));
    }
}

//! A Kafka broker on one node, which is its own controller.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::certificates::Certificates;
use super::jars::{Installed, Module, Recipe};
use super::process::{Launch, Private, Shared, free_port};
use super::{Missing, available};

const RECIPE: Recipe = Recipe {
    name: "kafka",
    version: "4.1.0",
    java_min: 17,
    pom: include_str!("../../servers/kafka/pom.xml"),
    class: "Kafka",
    source: include_str!("../../servers/kafka/Kafka.java"),
    module: Module::None,
};

/// The user who may log in by SCRAM where [`KafkaOptions::secure`] is set.
pub const USER: &str = "pulso";
pub const PASSWORD: &str = "right-password";

/// The options of a test's own broker.
#[derive(Debug, Clone, Default)]
pub struct KafkaOptions {
    /// Adds two listeners: TLS that asks for a client's certificate, and TLS with SCRAM.
    pub secure: bool,
    /// Broker properties besides, or instead of, the usual ones.
    pub properties: BTreeMap<String, String>,
}

/// A broker for a single test. Ends when it is dropped, and its data are deleted.
#[derive(Debug)]
pub struct Kafka {
    process: Private,
    ports: Ports,
    certificates: Option<Certificates>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    plain: u16,
    controller: u16,
    tls: u16,
    sasl: u16,
}

impl Kafka {
    /// Starts a broker with default options. Returns `None`, and prints a clear line, if there can
    /// be none.
    pub fn start() -> Option<Self> {
        Self::start_with(&KafkaOptions::default())
    }

    /// Starts a broker. Returns `None`, and prints a clear line, if there can be none.
    pub fn start_with(options: &KafkaOptions) -> Option<Self> {
        let installed = available(RECIPE.install())?;
        let folder = tempfile::Builder::new().prefix("pulso-kafka-").tempdir().unwrap();
        let certificates = options.secure.then(|| Certificates::write(folder.path()));
        let ports = Ports::free();
        let launch = launch(&installed, folder.path(), ports, options);
        Some(Self { process: Private::start(launch, folder), ports, certificates })
    }

    /// The address of the listener without security.
    pub fn brokers(&self) -> String {
        address(self.ports.plain)
    }

    /// The address of the TLS listener, which asks for a certificate of [`Kafka::certificates`].
    pub fn tls_brokers(&self) -> String {
        address(self.ports.tls)
    }

    /// The address of the listener with TLS and SCRAM-SHA-256 or SCRAM-SHA-512, for [`USER`].
    pub fn sasl_brokers(&self) -> String {
        address(self.ports.sasl)
    }

    /// The certificates of a secure broker.
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("asked of a broker with `secure`")
    }

    /// Stops it in an orderly way. [`Kafka::restart`] finds the data again.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Kills it, as a loss of power would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Makes it stand still, as on a machine that swaps, until [`Kafka::go_on`].
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    pub fn go_on(&self) {
        self.process.signal("CONT");
    }

    /// Starts it again with the same data and ports. If it is running, kills it first.
    pub fn restart(&mut self) {
        self.process.restart();
    }

    /// The folder with its log and data.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }
}

pub(super) fn shared(linger_seconds: i64) -> Result<Shared, Missing> {
    let installed = RECIPE.install()?;
    Ok(Shared::find_or_start(&installed.folder, linger_seconds, |folder| {
        let ports = Ports::free();
        (address(ports.plain), launch(&installed, folder, ports, &KafkaOptions::default()))
    }))
}

pub(super) fn running() -> Option<String> {
    Shared::running(&RECIPE.folder()).map(|shared| shared.address().to_owned())
}

pub(super) fn stop_shared() {
    Shared::stop(&RECIPE.folder());
}

impl Ports {
    fn free() -> Self {
        let [plain, controller, tls, sasl] = [(); 4].map(|()| free_port());
        Self { plain, controller, tls, sasl }
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn launch(installed: &Installed, folder: &Path, ports: Ports, options: &KafkaOptions) -> Launch {
    let mut properties = properties(folder, ports, options.secure);
    properties.extend(options.properties.clone());
    let lines: Vec<String> =
        properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let file = folder.join("server.properties");
    fs::write(&file, lines.join("\n")).unwrap();
    let user = |kind| format!("{kind}=[name={USER},password={PASSWORD}]");
    let mut arguments = vec![file.display().to_string()];
    if options.secure {
        arguments.extend(["SCRAM-SHA-256", "SCRAM-SHA-512"].map(user));
    }
    let path = installed.folder.join("classes").display().to_string();
    let lib = installed.folder.join("lib/*").display().to_string();
    let options = [
        "-Xms128m",
        "-Xmx768m",
        "-XX:+UseSerialGC",
        // Half the processor time of a start; a test broker does not live long enough for more.
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        &format!("{path}:{lib}"),
    ];
    let options = options.map(str::to_owned).to_vec();
    Launch { java: installed.java.clone(), options, class: RECIPE.class, arguments }
}

fn properties(folder: &Path, ports: Ports, secure: bool) -> BTreeMap<String, String> {
    let Ports { plain, controller, tls, sasl } = ports;
    let mut advertised = format!("PLAINTEXT://127.0.0.1:{plain}");
    let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
    let mut properties = BTreeMap::new();
    let mut set = |key: &str, value: String| properties.insert(key.to_owned(), value);
    if secure {
        advertised += &format!(",TLS://127.0.0.1:{tls},SASL://127.0.0.1:{sasl}");
        protocols += ",TLS:SSL,SASL:SASL_SSL";
        set("ssl.keystore.type", "PEM".into());
        set("ssl.keystore.location", folder.join("server-chain.pem").display().to_string());
        set("ssl.truststore.type", "PEM".into());
        set("ssl.truststore.location", folder.join("ca.pem").display().to_string());
        set("listener.name.tls.ssl.client.auth", "required".into());
        set("sasl.enabled.mechanisms", "SCRAM-SHA-256,SCRAM-SHA-512".into());
        for kind in ["scram-sha-256", "scram-sha-512"] {
            let module = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
            set(&format!("listener.name.sasl.{kind}.sasl.jaas.config"), module.into());
        }
    }
    set("process.roles", "broker,controller".into());
    set("node.id", "1".into());
    set("controller.quorum.voters", format!("1@127.0.0.1:{controller}"));
    set("controller.listener.names", "CONTROLLER".into());
    set("listeners", format!("{advertised},CONTROLLER://127.0.0.1:{controller}"));
    set("advertised.listeners", advertised);
    set("listener.security.protocol.map", protocols);
    set("log.dirs", folder.join("data").display().to_string());
    for topic in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
        set(&format!("{topic}.replication.factor"), "1".into());
        set(&format!("{topic}.min.isr"), "1".into());
    }
    set("offsets.topic.num.partitions", "4".into());
    set("group.initial.rebalance.delay.ms", "0".into());
    // A test names its topics; one that comes from a misspelt name is a fault.
    set("auto.create.topics.enable", "false".into());
    // A killed broker is fenced until its session has ended, also from its own restart.
    set("broker.session.timeout.ms", "3000".into());
    properties
}

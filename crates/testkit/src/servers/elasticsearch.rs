//! One node of Elasticsearch: the core server with its HTTP module.
//!
//! Templates, bulk requests, aliases, searches and aggregations are those of the real server. It
//! has no security features (see `proxy`), and nothing that comes as a separate module: ILM, data
//! streams, scripts.

use std::fs;
use std::io;
use std::path::Path;

use super::jars::{Installed, Module, Recipe};
use super::process::{Launch, Private, Shared, free_port};
use super::{Missing, available};

const NINE: Recipe = Recipe {
    name: "elasticsearch",
    version: "9.2.0",
    java_min: 21,
    pom: include_str!("../../servers/elasticsearch/pom.xml"),
    class: "Elasticsearch",
    source: include_str!("../../servers/elasticsearch/Elasticsearch.java"),
    module: Module::InJar("transport-netty4"),
};

const EIGHT: Recipe = Recipe {
    version: "8.12.2",
    java_min: 17,
    class: "Elasticsearch8",
    source: include_str!("../../servers/elasticsearch/Elasticsearch8.java"),
    module: Module::Text(include_str!("../../servers/elasticsearch/module-8.properties")),
    ..NINE
};

const LOG: &str = "rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%p][%c{1}] %m%n
";

/// The major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    Nine,
    Eight,
}

impl Generation {
    /// The newest version for which there is a Java.
    pub fn newest() -> Self {
        if NINE.has_java() { Self::Nine } else { Self::Eight }
    }
}

/// A node for a single test. Ends when it is dropped, and its data are deleted.
#[derive(Debug)]
pub struct Elasticsearch {
    process: Private,
    port: u16,
}

impl Elasticsearch {
    /// Starts a node. Returns `None`, and prints a clear line, if there can be none.
    pub fn start(generation: Generation) -> Option<Self> {
        let recipe = recipe(generation);
        let installed = available(recipe.install())?;
        let folder = tempfile::Builder::new().prefix("pulso-elasticsearch-").tempdir().unwrap();
        let port = free_port();
        let launch = launch(recipe, &installed, folder.path(), port);
        Some(Self { process: Private::start(launch, folder), port })
    }

    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Stops it in an orderly way. [`Elasticsearch::restart`] finds the data again.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Kills it, as a loss of power would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with the same data and port. If it is running, kills it first.
    pub fn restart(&mut self) {
        self.process.restart();
    }

    /// The folder with its log and data.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }
}

pub(super) fn shared(linger_seconds: i64) -> Result<Shared, Missing> {
    let recipe = recipe(Generation::newest());
    let installed = recipe.install()?;
    Ok(Shared::find_or_start(&installed.folder, linger_seconds, |folder| {
        let port = free_port();
        (url(port), launch(recipe, &installed, folder, port))
    }))
}

pub(super) fn running() -> Option<String> {
    Shared::running(&recipe(Generation::newest()).folder())
        .map(|shared| shared.address().to_owned())
}

pub(super) fn stop_shared() {
    Shared::stop(&recipe(Generation::newest()).folder());
}

fn recipe(generation: Generation) -> &'static Recipe {
    match generation {
        Generation::Nine => &NINE,
        Generation::Eight => &EIGHT,
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn launch(recipe: &Recipe, installed: &Installed, home: &Path, port: u16) -> Launch {
    prepare(home, &installed.folder, settings(recipe, port)).unwrap();
    let lib = home.join("lib").display().to_string();
    let classes = installed.folder.join("classes").display().to_string();
    let home = home.display();
    let mut options: Vec<String> = [
        "-Xms256m",
        "-Xmx1g",
        "-XX:+UseSerialGC",
        // Half the processor time of a start; a test server does not live long enough for more.
        "-XX:TieredStopAtLevel=1",
        "--module-path",
        &lib,
        "-cp",
        &classes,
        "-Des.distribution.type=tar",
        &format!("-Des.path.home={home}"),
        &format!("-Djava.io.tmpdir={home}/tmp"),
    ]
    .map(str::to_owned)
    .to_vec();
    let mut modules = "ALL-MODULE-PATH,org.elasticsearch.server".to_owned();
    if recipe.class == NINE.class {
        modules += ",jdk.incubator.vector";
        let native = "ALL-UNNAMED,org.elasticsearch.nativeaccess,org.apache.lucene.core";
        options.push(format!("--enable-native-access={native}"));
    }
    options.push(format!("--add-modules={modules}"));
    let arguments = vec![home.to_string()];
    Launch { java: installed.java.clone(), options, class: recipe.class, arguments }
}

/// Lays out the home folder as the server wants it: each module has its own jars.
fn prepare(home: &Path, installed: &Path, settings: String) -> io::Result<()> {
    let module = home.join("modules/transport-netty4");
    for folder in [&home.join("config"), &home.join("lib"), &home.join("tmp"), &module] {
        fs::create_dir_all(folder)?;
    }
    for descriptor in fs::read_dir(installed.join("module"))? {
        let descriptor = descriptor?;
        fs::copy(descriptor.path(), module.join(descriptor.file_name()))?;
    }
    for jar in fs::read_dir(installed.join("lib"))? {
        let jar = jar?;
        let name = jar.file_name().into_string().unwrap();
        let own = name.starts_with("netty-") || name.starts_with("transport-netty4-");
        let folder = if own { module.clone() } else { home.join("lib") };
        std::os::unix::fs::symlink(jar.path(), folder.join(name))?;
    }
    fs::write(home.join("config/log4j2.properties"), LOG)?;
    fs::write(home.join("config/elasticsearch.yml"), settings)
}

fn settings(recipe: &Recipe, port: u16) -> String {
    // A test needs little room, and a machine of tests may have little.
    let mut settings = format!(
        "cluster.name: pulso-test
node.name: pulso-test
discovery.type: single-node
http.port: {port}
transport.port: {}
cluster.routing.allocation.disk.threshold_enabled: false
cluster.max_shards_per_node: 5000
",
        free_port()
    );
    if recipe.class == NINE.class {
        settings +=
            "indices.merge.disk.watermark.high: 100%\nindices.merge.disk.check_interval: 1s\n";
    }
    settings
}

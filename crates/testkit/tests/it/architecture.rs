//! Rules of the workspace that the compiler does not check: who may depend on whom, and the size
//! and shape of files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The rows of the workspace, from the top. A crate depends only on crates in rows below its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    /// All layers in one process. The one crate above the other applications.
    Program,
    App,
    /// Used only by applications; adapters get plain values.
    Glue,
    /// Connects to the outside world. Adapters never depend on each other.
    Adapter,
    Ports,
    /// Pure, and without logging.
    Pure,
    /// Appears only under `[dev-dependencies]`.
    Test,
}

const ROWS: [(&str, Row); 18] = [
    ("pulso", Row::Program),
    ("pulso-acquisition", Row::App),
    ("pulso-speed", Row::App),
    ("pulso-batch", Row::App),
    ("pulso-web", Row::App),
    ("pulso-simulator", Row::App),
    ("pulso-runtime", Row::Glue),
    ("pulso-sqlite", Row::Adapter),
    ("pulso-lake", Row::Adapter),
    ("pulso-file", Row::Adapter),
    ("pulso-kafka", Row::Adapter),
    ("pulso-elasticsearch", Row::Adapter),
    ("pulso-pipeline", Row::Ports),
    ("pulso-window", Row::Pure),
    ("pulso-streams", Row::Pure),
    ("pulso-organiser", Row::Pure),
    ("pulso-model", Row::Pure),
    ("pulso-testkit", Row::Test),
];

/// Libraries that only these crates may name, even in tests.
const OWNED: [(&str, &[&str]); 8] = [
    ("elasticsearch", &["pulso-elasticsearch"]),
    ("rdkafka", &["pulso-kafka"]),
    ("reqwest", &[]),
    ("rusqlite", &["pulso-sqlite"]),
    ("deltalake", &["pulso-lake", "pulso-batch"]),
    ("datafusion", &["pulso-lake", "pulso-batch"]),
    ("axum", &["pulso-web", "pulso-simulator"]),
    ("vrl", &["pulso-streams"]),
];

/// Libraries that reach outside the process or start tasks.
const OUTSIDE: [&str; 12] = [
    "axum",
    "clap",
    "datafusion",
    "deltalake",
    "elasticsearch",
    "hyper",
    "metrics-exporter-prometheus",
    "parquet",
    "rdkafka",
    "reqwest",
    "rusqlite",
    "tokio-tungstenite",
];

const CRATES_MAX: usize = 18;
const LINES_MAX: usize = 500;

#[derive(Debug)]
struct Package {
    name: String,
    row: Row,
    folder: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    dev: bool,
}

fn packages() -> Vec<Package> {
    let root = Path::new("../..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(package: &Value) -> Package {
    let name = package["name"].as_str().unwrap().to_owned();
    let row = row(&name).unwrap_or_else(|| panic!("`{name}` has no row in this test's table"));
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let dependency = |dependency: &Value| Dependency {
        name: dependency["name"].as_str().unwrap().to_owned(),
        dev: dependency["kind"] == "dev",
    };
    let dependencies = package["dependencies"].as_array().unwrap().iter().map(dependency).collect();
    Package { name, row, folder: manifest.parent().unwrap().to_owned(), dependencies }
}

fn row(name: &str) -> Option<Row> {
    ROWS.into_iter().find(|(known, _)| *known == name).map(|(_, row)| row)
}

/// Whether a crate in one row may depend on a crate in the other, outside its tests.
fn may_depend(from: Row, on: Row) -> bool {
    match (from, on) {
        (_, Row::Test) | (_, Row::Program) => false,
        (Row::Test, on) => on >= Row::Ports,
        // `window` and `streams` stand on `model`; they need no order between more.
        (Row::Pure, on) => on == Row::Pure,
        // Adapters get plain values, not the configuration file's types.
        (from, on) => from < on,
    }
}

#[test]
fn crates_depend_on_rows_below_only() {
    assert!(may_depend(Row::App, Row::Adapter) && may_depend(Row::Program, Row::App));
    assert!(!may_depend(Row::App, Row::App) && !may_depend(Row::Adapter, Row::Adapter));
    assert!(!may_depend(Row::Adapter, Row::Glue) && !may_depend(Row::Pure, Row::Ports));
    for Package { name, row: from, dependencies, .. } in packages() {
        for dependency in dependencies.iter().filter(|dependency| !dependency.dev) {
            if let Some(on) = row(&dependency.name) {
                assert!(may_depend(from, on), "`{name}` must not depend on `{}`", dependency.name);
            }
        }
    }
}

#[test]
fn the_core_reaches_nothing_outside() {
    for Package { name, row, folder, dependencies } in packages() {
        if row != Row::Pure && row != Row::Ports {
            continue;
        }
        for Dependency { name: dependency, dev } in dependencies {
            let pure_only = ["tokio", "tracing", "metrics", "rand"];
            let banned = OUTSIDE.contains(&&*dependency)
                || row == Row::Pure && pure_only.contains(&&*dependency);
            assert!(dev || !banned, "`{name}` must not depend on `{dependency}`");
        }
        // The features that a crate asks for do not show in the manifest when it inherits others.
        for (file, text) in sources(&folder.join("src")) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for rest in code.split("tokio::").skip(1) {
                let allowed = rest.starts_with("sync") || rest.starts_with("time");
                assert!(allowed, "`{}` uses more of tokio than `sync` and `time`", file.display());
            }
        }
    }
}

/// What is computed, kept and served is the same for every stream, as far as names go. One stream by name in
/// here, and the next one would need a change here. A source's protocol has a name, too, which acquisition
/// and whoever tells it of sources know.
#[test]
fn only_streams_are_about_streams() {
    let about_streams = ["pulso-streams", "pulso-simulator", "pulso-testkit"];
    let computing = ["pulso-speed", "pulso-batch", "pulso-web"];
    for Package { name, row, folder, .. } in packages() {
        if about_streams.contains(&&*name) {
            continue;
        }
        let core = matches!(row, Row::Pure | Row::Ports | Row::Adapter);
        let names: &[&str] = match core || computing.contains(&&*name) {
            true => &["rsvp", "meetup", "bluesky", "jetstream"],
            false => &["rsvp"],
        };
        for (file, text) in sources(&folder.join("src")) {
            if file.ends_with("tests.rs")
                || file.ends_with("testing.rs")
                || file.components().any(|part| part.as_os_str() == "tests")
            {
                continue;
            }
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_lowercase();
            for stream in names {
                assert!(!code.contains(stream), "`{}` is about `{stream}`", file.display());
            }
        }
    }
}

#[test]
fn heavy_libraries_have_owners() {
    for Package { name, dependencies, .. } in packages() {
        for (library, owners) in OWNED {
            let named = dependencies.iter().any(|dependency| dependency.name == library);
            assert!(!named || owners.contains(&&*name), "`{name}` must not name `{library}`");
        }
    }
}

#[test]
fn there_are_few_crates_and_short_files() {
    let packages = packages();
    assert!(packages.len() <= CRATES_MAX, "{} crates, at most {CRATES_MAX}", packages.len());
    for package in packages {
        for (file, text) in sources(&package.folder) {
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "`{}` has {lines} lines", file.display());
            assert!(!file.ends_with("mod.rs"), "`{}`: `foo.rs` and `foo/` instead", file.display());
            let in_src = file.starts_with(package.folder.join("src"));
            if in_src && !file.ends_with("tests.rs") {
                assert!(text.starts_with("//!"), "`{}` does not say what it is", file.display());
            }
        }
    }
}

/// The Rust files below a folder, with their text.
fn sources(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path, text);
            }
        }
    }
    found
}

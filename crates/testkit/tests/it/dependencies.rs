//! Rules for third-party code: licences, origin, one version of heavy crates, and the minimum Rust
//! version. The same rules as in `deny.toml`, for machines without `cargo deny`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// At least one alternative of each package's licence must consist only of these.
const LICENCES: [&str; 18] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "public-domain",
];

/// Two versions of these would double the build, or make two types of what should be one.
const ONE_VERSION: [&str; 8] =
    ["arrow-array", "axum", "datafusion", "hyper", "parquet", "rusqlite", "rustls", "tokio"];

/// TLS is rustls, so that a build needs no system library...
const BANNED: [&str; 2] = ["openssl", "native-tls"];

/// ...except for Kafka's own client, which is C and can neither encrypt nor log in (SCRAM) without
/// the system's OpenSSL. It binds OpenSSL directly, and nothing else may use it.
const OPENSSL: (&str, &str) = ("openssl-sys", "rdkafka-sys");

fn root() -> PathBuf {
    PathBuf::from("../..")
}

/// The platform that this test was built on. Packages for other platforms may not be on this
/// machine.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// What Cargo knows about the lock file, as far as it is built here.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", &host()])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All packages in the lock file that are built here.
fn packages() -> Vec<Value> {
    metadata()["packages"].as_array().unwrap().clone()
}

fn permitted(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ");
    let plain = licence.replace(['(', ')'], "");
    let alternatives: Vec<&str> = plain.split(" OR ").collect();
    let all = |part: &str| part.split(" AND ").all(|one| LICENCES.contains(&one.trim()));
    // `(A OR B) AND C`: every factor must have one alternative.
    if licence.contains(") AND") || licence.contains("AND (") {
        return licence.split(" AND ").all(|factor| {
            let factor = factor.replace(['(', ')'], "");
            factor.split(" OR ").any(|one| LICENCES.contains(&one.trim()))
        });
    }
    alternatives.into_iter().any(all)
}

#[test]
fn licences_are_read_as_written() {
    assert!(permitted("MIT OR GPL-3.0"));
    assert!(permitted("Apache-2.0 AND ISC"));
    assert!(permitted("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(permitted("MIT/Apache-2.0"));
    assert!(!permitted("GPL-3.0"));
    assert!(!permitted("MIT AND GPL-3.0"));
    assert!(!permitted("(MIT OR Apache-2.0) AND GPL-3.0"));
}

#[test]
fn dependencies_are_free_to_use_and_come_from_the_registry() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let version = package["version"].as_str().unwrap();
        versions.entry(name.to_owned()).or_default().push(version.to_owned());
        let Some(source) = package["source"].as_str() else { continue };
        assert!(source.starts_with("registry+"), "`{name}` comes from {source}");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(permitted(licence), "`{name}` {version} has the licence `{licence}`");
    }
    for name in ONE_VERSION {
        let found = versions.get(name).map_or(0, Vec::len);
        assert_eq!(found, 1, "`{name}`: {:?}", versions.get(name));
    }
    for name in BANNED {
        assert!(!versions.contains_key(name), "`{name}` is banned");
    }
}

#[test]
fn the_systems_openssl_is_for_kafka_only() {
    let metadata = metadata();
    // An id ends in `name@version`, or in `name#version` or just the version when it is a path.
    let named = |id: &Value, name: &str| {
        let id = id.as_str().unwrap();
        id.contains(&format!("#{name}@")) || id.contains(&format!("/{name}#"))
    };
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let users: Vec<_> = nodes
        .iter()
        .filter(|node| {
            node["dependencies"].as_array().unwrap().iter().any(|id| named(id, OPENSSL.0))
        })
        .map(|node| &node["id"])
        .collect();
    assert!(matches!(users[..], [user] if named(user, OPENSSL.1)), "{users:?} use {}", OPENSSL.0);
}

#[test]
fn the_toolchain_is_the_declared_minimum() {
    let read = |file: &str| -> String { fs::read_to_string(root().join(file)).unwrap() };
    let value = |text: &str, key: &str| -> String {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let minimum = value(&read("Cargo.toml"), "rust-version");
    let toolchain = value(&read("rust-toolchain.toml"), "channel");
    assert!(toolchain.starts_with(&minimum), "{toolchain} checks nothing about {minimum}");
}

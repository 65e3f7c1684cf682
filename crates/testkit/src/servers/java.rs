//! Chooses a Java: the first home folder that has a compiler and is new enough.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Where operating systems put Java homes, each in its own folder.
const FOLDERS: [&str; 3] = ["/usr/lib/jvm", "/opt/java", "/Library/Java/JavaVirtualMachines"];

/// The home of a development kit of at least this release: from `JAVA_HOME`, the path, or anywhere.
pub(super) fn home(release_min: u32) -> Option<PathBuf> {
    let named = env::var_os("JAVA_HOME").map(PathBuf::from);
    named.into_iter().chain(in_path()).chain(installed()).find(|home| {
        home.join("bin/javac").exists() && release(home).is_some_and(|found| found >= release_min)
    })
}

fn in_path() -> Option<PathBuf> {
    let javac = super::jars::program("javac")?.canonicalize().ok()?;
    Some(javac.parent()?.parent()?.to_owned())
}

fn installed() -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .flat_map(|path| [path.join("Contents/Home"), path])
        .collect();
    homes.sort();
    homes
}

/// The first number of the version in the `release` file, which every home has since Java 9.
fn release(home: &Path) -> Option<u32> {
    let text = fs::read_to_string(home.join("release")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    line.trim_matches('"').split('.').next()?.parse().ok()
}

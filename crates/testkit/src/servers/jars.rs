//! Downloads the jars of a server once, and compiles its launcher, in a folder outside the
//! checkout.
//!
//! The folder is `${XDG_CACHE_HOME:-~/.cache}/pulso/servers/NAME-VERSION-DIGEST/{lib,classes}`; the
//! digest is that of the pom and the launcher. It is built beside its place and then renamed, so it
//! is never incomplete, and only one process at a time builds it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Missing, java};

const LEASE: &str = include_str!("../../servers/Lease.java");

/// What to download, and the program that starts it.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// The oldest Java that runs it.
    pub(super) java_min: u32,
    pub(super) pom: &'static str,
    /// The launcher's class, and its source.
    pub(super) class: &'static str,
    pub(super) source: &'static str,
    pub(super) module: Module,
}

/// Where the description of a server's module comes from. It ends up in the folder `module`.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) enum Module {
    None,
    /// In the jar of this name.
    InJar(&'static str),
    /// It is not in the jar; this is its text.
    Text(&'static str),
}

/// A server ready to be started.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) folder: PathBuf,
    pub(super) java: PathBuf,
}

impl Recipe {
    /// Returns the jars from the cache, or downloads them now.
    pub(super) fn install(&self) -> Result<Installed, Missing> {
        let java = java::home(self.java_min).ok_or_else(|| self.needs_java())?;
        let folder = self.folder();
        if !folder.exists() {
            let _lock = lock(&cache());
            if !folder.exists() {
                self.make(&java, &folder)?;
            }
        }
        Ok(Installed { folder, java: java.join("bin/java") })
    }

    pub(super) fn has_java(&self) -> bool {
        java::home(self.java_min).is_some()
    }

    pub(super) fn folder(&self) -> PathBuf {
        let mut digest = DefaultHasher::new();
        (self, LEASE).hash(&mut digest);
        cache().join(format!("{}-{}-{:016x}", self.name, self.version, digest.finish()))
    }

    fn needs_java(&self) -> Missing {
        let Self { name, version, java_min, .. } = self;
        Missing(format!(
            "{name} {version} needs a Java development kit of release {java_min} or later and Maven: \
             apt-get install openjdk-{java_min}-jdk-headless maven (or set JAVA_HOME)"
        ))
    }

    fn make(&self, java: &Path, folder: &Path) -> Result<(), Missing> {
        let Self { name, version, .. } = self;
        let maven = program("mvn").ok_or_else(|| {
            Missing(format!("{name} {version} needs Maven: apt-get install maven"))
        })?;
        let making = tempfile::tempdir_in(cache()).unwrap();
        let (pom, lib) = (making.path().join("pom.xml"), making.path().join("lib"));
        fs::write(&pom, self.pom).unwrap();
        let mut fetch = Command::new(maven);
        fetch.args(["-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", "-f"]);
        fetch.arg(&pom).arg(format!("-Dversion.server={version}"));
        fetch.arg(format!("-DoutputDirectory={}", lib.display())).env("JAVA_HOME", java);
        run(fetch).map_err(|why| Missing(format!("cannot fetch {name} {version}: {why}")))?;
        self.compile(java, making.path())
            .map_err(|why| Missing(format!("cannot compile {}: {why}", self.class)))?;
        match self.module {
            Module::None => {}
            Module::InJar(name) => unpack_module(java, making.path(), name)
                .map_err(|why| Missing(format!("cannot unpack {name}: {why}")))?,
            Module::Text(text) => {
                fs::create_dir(making.path().join("module")).unwrap();
                fs::write(making.path().join("module/plugin-descriptor.properties"), text).unwrap();
            }
        }
        fs::rename(making.keep(), folder).unwrap();
        Ok(())
    }

    fn compile(&self, java: &Path, folder: &Path) -> Result<(), String> {
        let sources = folder.join("source");
        fs::create_dir(&sources).unwrap();
        fs::write(sources.join("Lease.java"), LEASE).unwrap();
        fs::write(sources.join(format!("{}.java", self.class)), self.source).unwrap();
        let mut compile = Command::new(java.join("bin/javac"));
        compile.arg("--release").arg(self.java_min.to_string());
        compile.arg("-d").arg(folder.join("classes")).arg("-cp").arg(folder.join("lib/*"));
        compile.arg(sources.join("Lease.java")).arg(sources.join(format!("{}.java", self.class)));
        run(compile)
    }
}

/// Unpacks `META-INF/es-plugins/MODULE` of a jar into the folder `module`.
fn unpack_module(java: &Path, folder: &Path, module: &str) -> Result<(), String> {
    let jars = fs::read_dir(folder.join("lib")).unwrap().map(|jar| jar.unwrap().path());
    let named = |jar: &PathBuf| {
        jar.file_name().is_some_and(|name| name.to_string_lossy().starts_with(module))
    };
    let jar = jars.into_iter().find(named).ok_or("there is no such jar")?;
    let mut unpack = Command::new(java.join("bin/jar"));
    let inside = format!("META-INF/es-plugins/{module}");
    unpack.arg("-xf").arg(jar).arg(&inside).current_dir(folder);
    run(unpack)?;
    fs::rename(folder.join(inside), folder.join("module")).map_err(|error| error.to_string())
}

/// A program in the path.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Locks the folder for changes, until the returned file is dropped.
pub(super) fn lock(folder: &Path) -> File {
    fs::create_dir_all(folder).unwrap();
    let file = File::options().create(true).append(true).open(folder.join("lock")).unwrap();
    file.lock().unwrap();
    file
}

fn cache() -> PathBuf {
    let variable = |name| env::var_os(name).filter(|value| value != OsStr::new(""));
    let root = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(&variable("HOME").unwrap()).join(".cache"));
    root.join("pulso/servers")
}

fn run(mut command: Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().filter(|line| !line.trim().is_empty()).take(5).collect::<Vec<_>>();
    if output.status.success() { Ok(()) } else { Err(last.join(" | ")) }
}

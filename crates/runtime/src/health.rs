//! What a service needs right now, and which of it is missing.
//!
//! Nobody is asked for this: [`Watched`] ports note how the calls went that the service makes anyway,
//! so what is told is what the service meets, and telling it costs nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulso_pipeline::AdapterError;

use crate::chain;

mod watched;

pub use watched::Watched;

/// The state of what a service depends on; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Whose dependencies this tells of.
    stream: Option<Arc<str>>,
    missing: Arc<Mutex<BTreeMap<String, String>>>,
    /// Sources that somebody has paused, and since when: nothing is wrong with them.
    paused: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Health {
    /// The part of the state that is a stream's.
    pub fn of_stream(&self, stream: &str) -> Self {
        let (missing, paused) = (Arc::clone(&self.missing), Arc::clone(&self.paused));
        Self { stream: Some(stream.into()), missing, paused }
    }

    /// A dependency that is not there yet.
    pub fn awaits(&self, dependency: &'static str) {
        self.lock().insert(self.name(dependency), "not reached yet".to_owned());
    }

    /// A dependency did what it was asked for.
    pub fn works(&self, dependency: &'static str) {
        self.lock().remove(&self.name(dependency));
    }

    /// A dependency failed.
    pub fn fails(&self, dependency: &'static str, error: &impl AdapterError) {
        let why = match error.hint() {
            Some(hint) => format!("{} (hint: {hint})", chain(error)),
            None => chain(error).to_string(),
        };
        self.lock().insert(self.name(dependency), why);
    }

    /// Since when a source is paused; `None` if it is not.
    pub fn paused(&self, source: &str, since: Option<String>) {
        let mut paused = lock(&self.paused);
        match since {
            Some(since) => paused.insert(source.to_owned(), since),
            None => paused.remove(source),
        };
    }

    /// The sources that are paused, and since when.
    pub fn paused_sources(&self) -> BTreeMap<String, String> {
        lock(&self.paused).clone()
    }

    /// Which dependencies are missing, and why; empty when the service does its work.
    pub fn missing(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    /// All that is missing in one line.
    pub fn problem(&self) -> Option<String> {
        let missing = self.missing();
        let lines: Vec<_> =
            missing.iter().map(|(dependency, why)| format!("{dependency}: {why}")).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// Notes how a call of a dependency went.
    fn note<T, E: AdapterError>(&self, dependency: &'static str, result: &Result<T, E>) {
        match result {
            Ok(_) => self.works(dependency),
            Err(error) => self.fails(dependency, error),
        }
    }

    fn name(&self, dependency: &str) -> String {
        match &self.stream {
            Some(stream) => format!("{dependency} of {stream}"),
            None => dependency.to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        lock(&self.missing)
    }
}

fn lock(map: &Mutex<BTreeMap<String, String>>) -> MutexGuard<'_, BTreeMap<String, String>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The checkpoint of one reader, kept beside the views that it describes. Whoever loses the views
//! loses it too, and computes them again.
//!
//! It is one document. A save replaces it only if it is the one that this reader saved or loaded
//! last. If a second reader runs at the same time, the save fails, and the reader loads again.

use std::io::{Read, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use pulso_model::EventTime;
use pulso_pipeline::{Checkpoint, Checkpoints, Progress};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::connection::off_thread;
use crate::error::{Error, Operation};
use crate::indices::Made;
use crate::request::Request;
use crate::store::Store;
use crate::templates::checkpoint_mappings;

/// The longest text of a state, in bytes before Base64. The server's JSON parser takes texts of 50
/// MB; a whole request may have `http.max_content_length`, which is 100 MB by default.
const CHUNK_BYTES: usize = 12 * 1024 * 1024;

/// Keeps the checkpoint of one reader, by name.
#[derive(Debug)]
pub struct CheckpointStore {
    store: Arc<Store>,
    name: Arc<str>,
    last: Last,
}

/// The document as this reader knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Unknown,
    Absent,
    Version(Version),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Version {
    #[serde(rename = "_seq_no")]
    number: u64,
    #[serde(rename = "_primary_term")]
    term: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed_until: Option<i64>,
    partitions: Vec<Partition>,
    /// Compressed, in Base64.
    state: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Partition {
    first_offset: u64,
    next_offset: u64,
    counted: u64,
    echoes: u64,
    late: u64,
    skipped: u64,
    dead_letters: u64,
}

#[derive(Debug, Deserialize)]
struct Answer {
    found: bool,
    #[serde(flatten)]
    version: Option<Version>,
    #[serde(rename = "_source")]
    stored: Option<Stored>,
}

impl CheckpointStore {
    pub(crate) fn new(store: Arc<Store>, name: &str) -> Self {
        Self { store, name: name.into(), last: Last::Unknown }
    }

    fn path(&self, endpoint: &str) -> String {
        format!("{}/{endpoint}/{}", self.store.names.checkpoints(), self.name)
    }

    /// Reads the stored document and its version, which the next save must replace.
    async fn read(&mut self, operation: Operation) -> Result<Option<Stored>, Error> {
        self.store.make_checkpoints(operation).await?;
        let request = Request::get(self.path("_doc"));
        let patience = self.store.write_patience();
        let client = &self.store.client;
        let response = client.send_patiently(operation, &request, patience).await?;
        if response.status != 404 && !response.succeeded() {
            return Err(client.refused(operation, &response));
        }
        let answer: Answer = client.parse(operation, &response)?;
        self.last = match answer.version.filter(|_| answer.found) {
            Some(version) => Last::Version(version),
            None => Last::Absent,
        };
        Ok(answer.stored.filter(|_| answer.found))
    }
}

impl Checkpoints for CheckpointStore {
    type Error = Error;

    async fn load(&mut self) -> Result<Option<Checkpoint>, Error> {
        let Some(stored) = self.read(Operation::LoadCheckpoint).await? else { return Ok(None) };
        let broken = || Error::Checkpoint { name: self.name.to_string() };
        decode(stored).map(Some).ok_or_else(broken)
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), Error> {
        let operation = Operation::SaveCheckpoint;
        if self.last == Last::Unknown {
            self.read(operation).await?;
        }
        let request = match self.last {
            Last::Version(Version { number, term }) => Request::put(self.path("_doc"))
                .with("if_seq_no", number.to_string())
                .with("if_primary_term", term.to_string()),
            _ => Request::put(self.path("_create")),
        };
        let encoded = off_thread(move || serde_json::to_vec(&encode(checkpoint))).await;
        let request = request.packed(encoded.expect("numbers and texts are JSON"));
        let patience = self.store.write_patience();
        // After an error nobody knows which one is there: it may have been saved.
        self.last = Last::Unknown;
        let response = self.store.client.send_patiently(operation, &request, patience).await?;
        if response.status == 409 {
            return Err(Error::Replaced { name: self.name.to_string() });
        }
        if !response.succeeded() {
            return Err(self.store.client.refused(operation, &response));
        }
        self.last = Last::Version(self.store.client.parse(operation, &response)?);
        Ok(())
    }
}

impl Store {
    pub(crate) async fn make_checkpoints(&self, operation: Operation) -> Result<(), Error> {
        let name = self.names.checkpoints();
        let exists = Request::get(format!("{name}/_alias")).with("expand_wildcards", "all");
        let found = self.client.send_patiently(operation, &exists, self.write_patience()).await?;
        if found.succeeded() {
            return Ok(());
        }
        let made = self.make(operation, &name, checkpoint_mappings(), Map::new()).await?;
        debug_assert!(made != Made::DayTaken, "it has no aliases");
        Ok(())
    }
}

fn encode(checkpoint: Checkpoint) -> Stored {
    let Checkpoint { progress, closed_until, state } = checkpoint;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(&state).and_then(|()| encoder.finish());
    let compressed = written.expect("memory can be written to");
    let partition = |progress| {
        let Progress { first_offset, next_offset, counted, echoes, late, skipped, dead_letters } =
            progress;
        Partition { first_offset, next_offset, counted, echoes, late, skipped, dead_letters }
    };
    Stored {
        closed_until: closed_until.map(|time| time.0),
        partitions: progress.into_iter().map(partition).collect(),
        state: compressed.chunks(CHUNK_BYTES).map(|chunk| STANDARD.encode(chunk)).collect(),
    }
}

fn decode(stored: Stored) -> Option<Checkpoint> {
    let Stored { closed_until, partitions, state: chunks } = stored;
    let mut compressed = Vec::new();
    for chunk in chunks {
        STANDARD.decode_vec(chunk, &mut compressed).ok()?;
    }
    let mut state = Vec::new();
    GzDecoder::new(&*compressed).read_to_end(&mut state).ok()?;
    let progress = |partition| {
        let Partition { first_offset, next_offset, counted, echoes, late, skipped, dead_letters } =
            partition;
        Progress { first_offset, next_offset, counted, echoes, late, skipped, dead_letters }
    };
    let progress = partitions.into_iter().map(progress).collect();
    Some(Checkpoint { progress, closed_until: closed_until.map(EventTime), state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_read_back() {
        let progress = Progress { first_offset: 7, next_offset: u64::MAX, ..Progress::default() };
        let state: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for (state, closed_until) in [(state, Some(EventTime(-1))), (Vec::new(), None)] {
            let checkpoint = Checkpoint { progress: vec![progress; 2], closed_until, state };
            let text = serde_json::to_string(&encode(checkpoint.clone())).unwrap();
            assert_eq!(decode(serde_json::from_str(&text).unwrap()), Some(checkpoint));
        }
        let broken = Stored { closed_until: None, partitions: Vec::new(), state: vec!["x".into()] };
        assert_eq!(decode(broken), None);
    }
}

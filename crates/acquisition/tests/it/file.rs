//! The program follows files, is killed at any moment, and stores every line exactly once.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use pulso_pipeline::{Source as _, SystemClock};
use pulso_sqlite::Log;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const KILLS: u64 = 100;

/// How long the program may take for what it does in a moment.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) const CONFIG: &str = "[operations]\nacquisition = \"off\"\n\
    [[acquisition.sources]]\nname = \"files\"\nprotocol = \"file\"\npaths = [\"logs/app.log*\"]\n";

struct Logs {
    folder: PathBuf,
    random: StdRng,
    written: u64,
    rotated: u64,
}

impl Logs {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&mut self) {
        let mut file =
            OpenOptions::new().append(true).create(true).open(self.path("app.log")).unwrap();
        for _ in 0..self.random.random_range(1..60) {
            // In two parts: the end of a line comes later.
            write!(file, "{{\"rsvp_id\":{}", self.written.wrapping_mul(48_271)).unwrap();
            file.write_all(b"}\n").unwrap();
            self.written += 1;
        }
    }

    fn rotate(&mut self) {
        let old = format!("app.log-{}", self.rotated);
        if self.random.random() {
            fs::rename(self.path("app.log"), self.path(&old)).unwrap();
        } else {
            fs::copy(self.path("app.log"), self.path(&old)).unwrap();
            OpenOptions::new().write(true).truncate(true).open(self.path("app.log")).unwrap();
        }
        self.rotated += 1;
        let older = format!("app.log-{}", self.random.random_range(0..self.rotated));
        if self.path(&older).exists() {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&fs::read(self.path(&older)).unwrap()).unwrap();
            let compressed = encoder.finish().unwrap();
            fs::write(self.path(&format!("{older}.gz")), compressed).unwrap();
            fs::remove_file(self.path(&older)).unwrap();
        }
    }
}

pub(crate) fn start(directory: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_pulso-acquisition"))
        .arg("run")
        .current_dir(directory)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) fn kill(mut program: Child) {
    program.kill().unwrap();
    program.wait().unwrap();
}

pub(crate) fn log(directory: &Path) -> Log {
    Log::open(&directory.join("pulso-data/log/rsvps.db"), 4, SystemClock).unwrap()
}

pub(crate) async fn until_stored(log: &Log, count: u64) {
    let stored = async {
        while log.end_offsets().await.unwrap().messages_before() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stored).await.expect("all lines are stored");
}

/// How often each line is in the log.
pub(crate) async fn counts(log: &Log) -> BTreeMap<Vec<u8>, u64> {
    let mut source = log.source(5000).unwrap();
    let end = log.end_offsets().await.unwrap().messages_before();
    let (mut counts, mut read) = (BTreeMap::new(), 0);
    while read < end {
        for record in source.next_batch().await.unwrap().records {
            *counts.entry(record.payload.to_vec()).or_default() += 1;
            read += 1;
        }
    }
    counts
}

#[tokio::test]
async fn every_line_is_stored_once_through_a_hundred_kills_and_rotations() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pulso.toml"), CONFIG).unwrap();
    let folder = directory.path().join("logs");
    fs::create_dir(&folder).unwrap();
    let random = StdRng::seed_from_u64(7);
    let mut logs = Logs { folder, random, written: 0, rotated: 0 };
    for _ in 0..KILLS {
        let program = start(directory.path());
        for _ in 0..2 {
            for _ in 0..logs.random.random_range(1..12) {
                logs.write();
                tokio::time::sleep(Duration::from_millis(logs.random.random_range(0..10))).await;
            }
            logs.rotate();
        }
        kill(program);
    }
    let log = log(directory.path());
    let meanwhile = log.end_offsets().await.unwrap().messages_before();
    assert!(meanwhile > logs.written / 4, "{meanwhile}: it gets on between two kills");
    let program = start(directory.path());
    until_stored(&log, logs.written).await;
    kill(program);
    // What would come again comes before this.
    let program = start(directory.path());
    logs.write();
    until_stored(&log, logs.written).await;
    kill(program);
    let counts = counts(&log).await;
    let wrong: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(wrong.is_empty(), "{} of {} lines came otherwise", wrong.len(), logs.written);
    assert_eq!(counts.len() as u64, logs.written, "and none is missing");
}

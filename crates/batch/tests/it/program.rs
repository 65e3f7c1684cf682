//! The program, as a user types it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use pulso_pipeline::SystemClock;
use pulso_sqlite::Log;

fn archive(data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulso-batch"));
    command.args(["archive", "--config", "/dev/null", "--data"]).arg(data).output().unwrap()
}

#[test]
fn one_program_at_a_time_runs_batch_jobs() {
    let folder = tempfile::tempdir().unwrap();
    drop(Log::open(&folder.path().join("log.db"), 1, SystemClock).unwrap());
    fs::create_dir(folder.path().join("scratch")).unwrap();
    let lock = File::create(folder.path().join("scratch/batch.lock")).unwrap();
    lock.lock().unwrap();
    let refused = archive(folder.path());
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains("another program runs batch jobs") && text.contains("hint: "), "{text}");
    drop(lock);
    let done = archive(folder.path());
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!((done.status.code(), text.as_str()), (Some(0), "0 messages archived\n"));
}

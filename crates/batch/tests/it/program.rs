//! The program, as a user types it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use pulso_pipeline::SystemClock;
use pulso_sqlite::Log;

fn archive(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulso-batch"));
    command.args(["archive", "--config", "/dev/null", "--data"]).arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn one_program_at_a_time_runs_batch_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch/rsvps");
    fs::create_dir(folder.path().join("log")).unwrap();
    drop(Log::open(&folder.path().join("log/rsvps.db"), 1, SystemClock).unwrap());
    fs::create_dir_all(&scratch).unwrap();
    let lock = File::create(scratch.join("batch.lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = archive(folder.path()).spawn().unwrap();
    let mut logs = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("another program is running batch jobs; waiting for it") {
        line.clear();
        assert_ne!(logs.read_line(&mut line).unwrap(), 0, "it has ended");
    }
    drop(lock);
    let done = waiting.wait_with_output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!((done.status.code(), text.as_str()), (Some(0), "messages archived: 0\n"));
}

//! The program: arguments, standard input, exit codes and what is in the log afterwards.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use pulso_pipeline::SystemClock;
use pulso_sqlite::Log;

/// Runs the program in a directory; tells its exit code and what it wrote to standard error.
fn acquisition(directory: &Path, args: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pulso-acquisition"))
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(input).unwrap();
    let output = program.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// How many messages are in the log.
async fn stored(directory: &Path) -> u64 {
    let log = Log::open(&directory.join("pulso-data/log.db"), 4, SystemClock).unwrap();
    log.end_offsets().await.unwrap().into_iter().sum()
}

fn lines(count: u32) -> String {
    (0..count).map(|number| format!("{{\"rsvp_id\":{}}}\n", number.wrapping_mul(48_271))).collect()
}

#[tokio::test]
async fn standard_input_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let (code, error) =
        acquisition(directory.path(), &["run", "--file", "-"], lines(3000).as_bytes());
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(stored(directory.path()).await, 3000);
}

#[tokio::test]
async fn a_file_that_ends_too_early_is_stored_as_far_as_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines(50_000).as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    std::fs::write(directory.path().join("cut.gz"), &whole[..whole.len() / 2]).unwrap();
    let (code, error) = acquisition(directory.path(), &["run", "--file", "cut.gz"], b"");
    let stored = stored(directory.path()).await;
    assert!((10_000..40_000).contains(&stored), "{stored}");
    assert_eq!(code, Some(1));
    let message = format!("error: failed to read `cut.gz` after line {stored}: ");
    assert!(error.lines().any(|line| line.starts_with(&message)), "{error}");
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let check = |args: &[&str], code: i32| {
        let (found, error) = acquisition(directory.path(), args, b"");
        assert_eq!(found, Some(code), "{args:?}: {error}");
        assert_eq!(error.matches("error: ").count(), 1, "{args:?}: {error}");
    };
    check(&["run"], 2);
    check(&["run", "--file", "-", "--set", "window.size=1"], 2);
    check(&["run", "--file", "-", "--pace", "soon"], 2);
    check(&["run", "--file", "missing.jsonl"], 4);
    check(&["run", "--file", "-"], 4);
    check(&["check"], 2);
    let nobody_there = "acquisition.sources=[{name='a',url='ws://127.0.0.1:1/'}]";
    check(&["check", "--set", nobody_there], 3);
}

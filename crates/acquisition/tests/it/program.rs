//! The program: arguments, standard input, exit codes and what is in the log afterwards.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use pulso_model::Offsets;
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
    partitions(directory, "rsvps").await.messages_before()
}

/// The same by partition, for any stream.
async fn partitions(directory: &Path, stream: &str) -> Offsets {
    let path = directory.join(format!("pulso-data/log/{stream}.db"));
    Log::open(&path, 4, SystemClock).unwrap().end_offsets().await.unwrap()
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
async fn each_stream_has_a_log_of_its_own_partitioned_by_its_own_key() {
    let directory = tempfile::tempdir().unwrap();
    let run = |stream: &str, input: &str| {
        let args = ["run", "--file", "-", "--stream", stream];
        let (code, error) = acquisition(directory.path(), &args, input.as_bytes());
        assert_eq!(code, Some(0), "{error}");
    };
    run("rsvps", &lines(10));
    let post = |author: u32| format!("{{\"did\":\"did:plc:{author}\",\"kind\":\"commit\"}}\n");
    run("posts", &(0..400).map(|number| post(number % 100)).collect::<String>());
    assert_eq!(stored(directory.path()).await, 10);
    let posts = partitions(directory.path(), "posts").await;
    assert_eq!(posts.messages_before(), 400);
    let spread = |(_, count)| count > 40 && count % 4 == 0;
    assert!(posts.by_partition().all(spread), "{posts}");

    let unknown = ["run", "--file", "-", "--stream", "none"];
    let (code, error) = acquisition(directory.path(), &unknown, b"");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("there is no stream `none`"), "{error}");
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
    let lines: Vec<_> = error.lines().skip_while(|line| !line.starts_with(&message)).collect();
    let [_, hint] = lines.as_slice() else { panic!("{error}") };
    assert!(hint.starts_with("hint: all lines before that are stored"), "{error}");
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let check = |args: &[&str], code: i32| {
        let (found, error) = acquisition(directory.path(), args, b"");
        assert_eq!(found, Some(code), "{args:?}: {error}");
        let errors = error.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{args:?}: {error}");
        // The library that reads the arguments has a way of its own to say what to do.
        let hints = error.matches("hint: ").count() + error.matches("try '--help'").count();
        assert_eq!(hints, 1, "{args:?}: {error}");
    };
    check(&["run"], 2);
    check(&["run", "--file", "-", "--set", "window.size=1"], 2);
    check(&["run", "--file", "-", "--pace", "soon"], 2);
    check(&["run", "--file", "-", "--file", "missing.jsonl"], 4);
    check(&["run", "--file", "."], 4);
    assert!(!directory.path().join("pulso-data").exists(), "nothing was made for nothing");
    check(&["run", "--file", "-"], 4);
    check(&["check"], 2);
    let nobody_there = "acquisition.sources=[{name='a',url='ws://127.0.0.1:1/'}]";
    check(&["check", "--set", nobody_there], 3);
    check(&["check", "--set", nobody_there, "--set", "acquisition.trusted_certificates=no.pem"], 2);
}

#[tokio::test]
async fn what_is_wrong_with_the_data_directory_is_said_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    std::fs::write(place("file"), "not a directory").unwrap();
    std::fs::create_dir_all(place("damaged/log")).unwrap();
    std::fs::write(
        place("damaged/log/rsvps.db"),
        "not a database, and long enough for one".repeat(99),
    )
    .unwrap();
    let check = |args: &[&str], code: i32, message: &str, hint: &str| {
        let args = [&["run", "--file", "-"], args].concat();
        let (found, error) = acquisition(directory.path(), &args, b"{}\n");
        assert_eq!(found, Some(code), "{args:?}: {error}");
        let lines: Vec<_> = error.lines().collect();
        let [first, second] = lines.as_slice() else { panic!("{args:?}: {error}") };
        assert!(first.starts_with(message), "{args:?}: {error}");
        assert!(second.starts_with("hint: ") && second.contains(hint), "{args:?}: {error}");
    };
    let cannot_make = "error: failed to make the data directory `file";
    check(&["--data", "file"], 3, cannot_make, "`--data`");
    check(&["--data", "file/x"], 3, cannot_make, "`--data`");
    check(&["--data", "damaged"], 3, "error: failed to open the log in ", "is damaged");
    let (code, _) = acquisition(directory.path(), &["run", "--file", "-"], b"{}\n");
    assert_eq!(code, Some(0));
    let more = "log.partitions=9";
    check(&["--set", more], 2, "error: the log in ", "configure 4 partitions");
    assert_eq!(stored(directory.path()).await, 1);
}

/// The limit of a file's size stands for a full disk.
#[tokio::test]
async fn a_full_disk_is_an_error_that_keeps_what_was_stored() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("in.jsonl"), lines(200_000)).unwrap();
    let program = env!("CARGO_BIN_EXE_pulso-acquisition");
    let limited = format!("ulimit -f 2000; exec {program} run --file in.jsonl");
    let mut shell = Command::new("bash");
    let output = shell.args(["-c", &limited]).current_dir(directory.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("\nhint: ") || error.starts_with("hint: "), "{error}");
    let before = stored(directory.path()).await;
    assert!((1000..200_000).contains(&before), "{before}");
    let (code, error) = acquisition(directory.path(), &["run", "--file", "in.jsonl"], b"");
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(stored(directory.path()).await, before + 200_000);
}

//! The program from the command line: ports, exit codes, hints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pulso_model::WallTime;
use pulso_pipeline::{Checkpoints, ManualClock, Sink, speed_checkpoint};
use pulso_runtime::Config;
use pulso_speed::{Processor, StreamSettings, settings};
use pulso_sqlite::{Log, ViewStore};
use pulso_testkit::message::{EPOCH, message};
use serde_json::json;

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulso-speed"));
    command.current_dir(folder).args(arguments).env_clear();
    // Tests run side by side, and would all listen at one address.
    command.env("PULSO__OPERATIONS__SPEED", "off");
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) -> Output {
    let output = program(folder, arguments).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    output
}

fn write_messages(path: &Path, ids: std::ops::Range<i64>) {
    let line = |id| text(&message(id, EPOCH + id * 1000).bytes()).to_owned() + "\n";
    std::fs::write(path, ids.map(line).collect::<String>()).unwrap();
}

#[test]
fn files_become_lines() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_messages(&folder.join("a.jsonl"), 0..20);
    write_messages(&folder.join("b.jsonl"), 20..30);
    let source = "file:a.jsonl,b.jsonl";
    let run = ["run", "--source", source, "--sink"];
    let output = check(folder, &[&run[..], &["ndjson:-"]].concat(), 0, &[]);
    let lines = text(&output.stdout);
    let count = |view: &str| lines.matches(&format!("{{\"_view\":\"{view}\",\"_id\":\"")).count();
    assert_eq!((count("responses"), count("country-activity")), (30, 3));
    assert!(count("trending-topics") > 0 && lines.ends_with("}\n"));

    check(folder, &[&run[..], &["ndjson:views.ndjson"]].concat(), 0, &[]);
    assert_eq!(std::fs::read_to_string(folder.join("views.ndjson")).unwrap(), lines);
    check(folder, &["check", "--source", source, "--sink", "ndjson:x"], 0, &[]);
    assert!(!folder.join("x").exists(), "a check changes nothing");
}

/// A post of Bluesky with a hashtag, so many seconds after [`EPOCH`].
fn post(author: usize, seconds: i64) -> String {
    let time_us = (EPOCH + seconds * 1000) * 1000;
    let record = json!({"text": "#art", "createdAt": "", "langs": ["de"], "tags": ["Art"]});
    let commit = json!({
        "rev": format!("r{seconds}"), "operation": "create", "collection": "app.bsky.feed.post",
        "rkey": format!("k{seconds}"), "record": record
    });
    let did = format!("did:plc:{author}");
    json!({"did": did, "time_us": time_us, "kind": "commit", "commit": commit}).to_string() + "\n"
}

#[test]
fn files_of_another_stream_become_lines_of_its_views() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let posts: String = (0..8).map(|author| post(author, 1)).collect();
    std::fs::write(folder.join("posts"), posts + "{}\n" + &post(0, 20)).unwrap();
    let arguments = ["run", "--source", "file:posts", "--sink", "ndjson:-", "--stream"];
    let output = check(folder, &[&arguments[..], &["posts"]].concat(), 0, &[]);
    let lines = text(&output.stdout);
    let count = |view: &str| lines.matches(&format!("{{\"_view\":\"{view}\",\"_id\":\"")).count();
    assert_eq!((count("posts"), count("language-activity")), (0, 2), "{lines}");
    assert!(count("trending-hashtags") > 0 && count("trending-hashtags-by-language") > 0);
    assert_eq!((count("dead-letters"), count("responses")), (1, 0), "{lines}");

    let shown = [&arguments[..], &["none"]].concat();
    check(
        folder,
        &shown,
        2,
        &[
            "there is no stream `none`",
            "there are rsvps, posts, requests, clicks, comments, open-events, calendar",
        ],
    );
}

#[test]
fn a_pipe_that_is_closed_is_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    write_messages(&folder.path().join("a.jsonl"), 0..5000);
    let arguments = ["run", "--source", "file:a.jsonl", "--sink", "ndjson:-"];
    let mut child = program(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"_view\":\"responses\""), "{line}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn without_an_input_the_exit_code_is_4() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("empty"), "\n").unwrap();
    for verb in ["run", "check"] {
        let missing = [verb, "--source", "file:missing", "--sink", "ndjson:-"];
        check(folder, &missing, 4, &["error: failed to open `missing`", "hint: name a file"]);
        check(folder, &[verb], 4, &["there is no log", "hint: start `pulso-acquisition`"]);
    }
    let empty = ["run", "--source", "file:empty", "--sink", "ndjson:-"];
    check(folder, &empty, 4, &["there was nothing to read"]);
}

#[test]
fn wrong_usage_has_exit_code_2_and_what_fails_to_be_written_3() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_messages(&folder.join("a"), 0..1);
    check(folder, &["run", "--source", "a"], 2, &["file:PATH"]);
    check(folder, &["run", "--set", "window.size=7s"], 2, &["`window.size`", "hint:"]);
    let nowhere = ["run", "--source", "file:a", "--sink", "ndjson:missing/x"];
    check(folder, &nowhere, 3, &["failed to create `missing/x`"]);
}

/// Saves the checkpoint of a reader that stands at these offsets.
async fn save_checkpoint(folder: &Path, next_offsets: [u64; 2]) {
    let config = Config::default();
    let (stream, settings) = (StreamSettings::new(&config), settings(&config));
    let processor = Processor::beginning_at(&stream, settings, next_offsets.into());
    let views = ViewStore::open(&folder.join("views.db"), &config.all_views()).unwrap();
    let mut checkpoints = views.checkpoints(&speed_checkpoint(&config.stream));
    checkpoints.save(processor.checkpoint()).await.unwrap();
}

/// A folder with a log of some messages, and a checkpoint.
async fn with_checkpoint(folder: &Path) {
    let clock = ManualClock::at(WallTime(EPOCH));
    std::fs::create_dir(folder.join("log")).unwrap();
    let mut log = Log::open(&folder.join("log/rsvps.db"), 2, clock).unwrap();
    let messages = (0..9).map(|id| message(id, EPOCH + id).received(WallTime(EPOCH))).collect();
    log.write(messages).await.unwrap();
    save_checkpoint(folder, [0, 0]).await;
}

#[tokio::test]
async fn a_data_folder_is_read_until_the_program_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    with_checkpoint(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    check(folder.path(), &["check", "--data", data], 0, &[]);
    let other = ["check", "--data", data, "--stream", "posts"];
    check(folder.path(), &other, 4, &["there is no log"]);
    let mut child =
        program(folder.path(), &["run", "--data", data]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reading = lines.find(|line| line.as_ref().unwrap().contains("reading the log"));
    assert!(reading.is_some());
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(lines.filter(|line| line.as_ref().unwrap().contains("rror")).count(), 0);
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_log_that_ends_before_the_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    with_checkpoint(folder.path()).await;
    // Of nine messages the second partition has four.
    save_checkpoint(folder.path(), [5, 5]).await;
    let data = folder.path().to_str().unwrap();
    for verb in ["run", "check"] {
        let words = [
            "has read partition 1 up to offset 5, the log has only 4 messages there",
            "hint: use the data folder of this log",
        ];
        check(folder.path(), &[verb, "--data", data], 2, &words);
    }
}

#[tokio::test]
async fn a_configuration_that_does_not_fit_the_checkpoint_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    with_checkpoint(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    for verb in ["run", "check"] {
        let arguments = [verb, "--data", data, "--set", "window.size=10m"];
        let words = [
            "`window.size` was changed from 5m to 10m since the checkpoint was made",
            "hint: set `window.size` back to \"5m\"; to start anew, stop, and move `views.db`",
        ];
        check(folder.path(), &arguments, 2, &words);
    }
}

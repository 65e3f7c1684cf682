//! The program: arguments, exit codes, and what it writes where.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn simulator(directory: &Path, args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pulso-simulator"));
    program.args(args).current_dir(directory).stdin(Stdio::null());
    if args[0] == "run" {
        // A server that should not have started must at least end.
        program.args(["--messages", "0", "--wait-for-clients", "0", "--exit-at-end"]);
    }
    program.output().unwrap()
}

#[test]
fn exit_codes_tell_what_is_wrong_and_one_line_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("empty"), "\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let check = |args: &[&str], code: i32, message: &str| {
        let output = simulator(directory.path(), args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        let lines: Vec<_> = error.lines().collect();
        let [first, second] = lines.as_slice() else { panic!("{args:?}: {error}") };
        assert!(first.starts_with(&format!("error: {message}")), "{args:?}: {error}");
        assert!(second.starts_with("hint: "), "{args:?}: {error}");
    };
    check(&["run", "--rate", "100001"], 2, "invalid configuration: `rate` (100001)");
    check(&["run", "--garbage", "1.1"], 2, "invalid configuration: `garbage` (1.1)");
    check(&["run", "--drop-every", "0"], 2, "invalid configuration: `drop-every`");
    check(&["run", "--drop-after", "0s"], 2, "invalid configuration: `drop-after`");
    check(&["run", "--stall-every", "0"], 2, "invalid configuration: `stall-every`");
    let malformed = "invalid configuration: the share of malformed messages (NaN)";
    check(&["generate", "--messages", "1", "--malformed", "NaN"], 2, malformed);
    let hashtags = "invalid configuration: `hashtags` is for posts, not for RSVPs";
    check(&["generate", "--messages", "1", "--hashtags", "500"], 2, hashtags);
    let hashtags = "invalid configuration: the number of hashtags (7)";
    check(&["run", "--stream", "posts", "--hashtags", "7"], 2, hashtags);
    let recordings = "invalid configuration: recordings are of RSVPs only";
    check(&["run", "--stream", "posts", "empty"], 2, recordings);
    let absent =
        "invalid configuration: `clock-back-every` is for requests and clicks, not for RSVPs";
    check(&["run", "--clock-back-every", "5"], 2, absent);
    let whole =
        "invalid configuration: `cut-every` is for clicks: a websocket sends whole messages";
    check(&["run", "--cut-every", "5"], 2, whole);
    check(&["run", "--listen", &taken], 3, "failed to listen on `");
    check(&["run", "missing"], 4, "failed to read recording `missing`");
    check(&["repeat", "--messages", "1", "."], 4, "failed to read recording `.`");
    check(&["run", "empty"], 4, "found no message");
    check(&["generate", "--messages", "1", "--output", "no/x"], 1, "failed to write `no/x`");
}

#[test]
fn what_does_not_fit_a_destination_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let check = |to: &str, more: &[&str], message: &str| {
        let output = simulator(directory.path(), &[&["send", "--to", to], more].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{to} {more:?}: {error}");
        assert!(error.contains(message), "{to} {more:?}: {error}");
    };
    check("access.log", &[], "is none of `file:PATH`, `tcp:HOST:PORT`");
    check("file:x", &["--compress"], "no rotation without `rotate-lines` or `rotate-every`");
    check("file:x", &["--rotate-lines", "0"], "`rotate-lines` is 0");
    check("file:x", &["--rotate-every", "0s"], "`rotate-every` is 0");
    let torn = ["--rotate-lines", "9", "--rotate-inside-line", "--rotate", "copytruncate"];
    check("file:x", &torn, "a copy would tear the line apart");
    check("file:x", &["--cut-every", "5"], "`cut-every` is for connections");
    check("file:x", &["--rate", "recorded"], "`rate` is `recorded`, and nothing here is");
    check("tcp:localhost:1", &["--rotate-lines", "5"], "only `file:` is rotated");
    check("tcp:localhost:1", &["--framing", "counted"], "are for `syslog:` and `syslog+tcp:`");
    check("tcp:localhost:1", &["--cut-every", "0"], "`cut-every` is 0");
    check("syslog:localhost:1", &["--framing", "counted"], "a datagram is one message");
    check("http://localhost", &["--log-line", "caddy"], "the server writes the lines");
    check("http://localhost", &["--stream", "posts"], "`--stream` has to be `requests`");
}

#[test]
fn a_sent_file_has_the_same_bytes_each_time_and_the_counts_are_printed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |to: &str, seed: &str| {
        let args = ["send", "--to", to, "--seed", seed, "--messages", "500", "--rate", "unlimited"];
        let more = ["--start", "2026-01-01T00:00:00Z", "--log-line", "traefik"];
        let output = simulator(directory.path(), &[&args[..], &more].concat());
        assert_eq!(output.status.code(), Some(0));
        let path = directory.path().join(to.strip_prefix("file:").unwrap());
        (String::from_utf8(output.stdout).unwrap(), std::fs::read(path).unwrap())
    };
    let (said, first) = write("file:a.log", "7");
    let bytes = first.len();
    let rest = "rotations=0 cuts=0 stalls=0 broken=0 unanswered=0";
    assert_eq!(said, format!("messages=500 bytes={bytes} {rest}\n"));
    assert!(first == write("file:b.log", "7").1 && first != write("file:c.log", "8").1);
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let generate = |seed, more: &[&str]| {
        let mut args = vec!["generate", "--messages", "500", "--seed", seed];
        args.extend(more);
        let output = simulator(directory.path(), &args);
        assert_eq!(output.status.code(), Some(0));
        output.stdout
    };
    let rsvps: &[&str] = &["--stream", "rsvps"];
    let posts: &[&str] = &["--stream", "posts", "--hashtags", "500"];
    let version_1: &[&str] = &["--stream", "posts", "--protocol", "v1"];
    let clicks: &[&str] = &["--stream", "clicks"];
    for stream in [rsvps, posts, version_1, clicks] {
        let first = generate("7", stream);
        assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 500);
        assert!(first == generate("7", stream) && first != generate("8", stream));
    }
    assert!(generate("7", &[]) == generate("7", rsvps));
}

/// Commands from a script, a log for a script to read, and a stop by a signal.
#[test]
fn a_server_obeys_its_input_and_stops_on_a_signal() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_pulso-simulator"))
        .args(["run", "--listen", "127.0.0.1:0"])
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    output.read_line(&mut address).unwrap();
    assert!(address.starts_with("ws://127.0.0.1:"), "{address}");
    let mut log = BufReader::new(server.stderr.take().unwrap());
    server.stdin.as_mut().unwrap().write_all(b"stall 1s\ndance\n").unwrap();
    let mut text = String::new();
    while !text.contains("`dance` is not one of") {
        assert_ne!(log.read_line(&mut text).unwrap(), 0, "{text}");
    }
    assert!(text.contains("obeyed command=Stall(1s)"), "{text}");
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    log.read_to_string(&mut text).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0), "{text}");
    assert!(text.contains("stopped messages_made=0"), "{text}");
    assert!(!text.contains('\u{1b}'), "plain where nobody sees colours: {text}");
}

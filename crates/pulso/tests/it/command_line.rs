//! What a user sees who types the wrong thing, and the small commands.

use std::net::TcpListener;

use crate::support::{pulso, recording, replay, run};

/// Runs with wrong arguments; the error must have all of `parts`.
#[track_caller]
fn check(code: i32, args: &[&str], parts: &[&str]) {
    let output = run(code, pulso().args(args));
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in parts {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
    assert!(!stderr.contains('\u{1b}'), "plain where it is no terminal: {stderr:?}");
}

#[test]
fn wrong_use_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    check(2, &["replay"], &["<FILE>"]);
    check(2, &["trends"], &["unrecognized subcommand"]);
    check(2, &["export", "trends"], &["there is no view `trends`", "trending-topics"]);
    check(2, &["replay", "x", "--rate", "0"], &["0"]);
    check(
        2,
        &["--set", "window.size=7m", "--set", "window.slide=2m", "check"],
        &["window.size", "hint:"],
    );
    check(
        4,
        &["replay", "/no/such/file", "--data", data],
        &["failed to open `/no/such/file`", "hint:"],
    );
    check(
        4,
        &["replay", folder.path().to_str().unwrap(), "--data", data],
        &["is a folder", "hint:"],
    );
    check(4, &["verify", "--data", data], &["there is no pulso data", "hint:"]);
    check(4, &["export", "groups", "--data", data], &["there is no pulso data"]);
    check(2, &["--config", "/no/such.toml", "check"], &["failed to read config `/no/such.toml`"]);
    assert!(!folder.path().join("data").exists(), "nothing is left behind");
}

#[test]
fn an_unusable_data_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "{}\n").unwrap();
    let below = file.join("data");
    check(
        3,
        &["replay", file.to_str().unwrap(), "--data", below.to_str().unwrap()],
        &["failed to create the data folder", "hint:"],
    );
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 1, 500, 10);
    let data = folder.path().join("data");
    replay(&recording, &data);
    for name in ["log.db", "views.db"] {
        let path = data.join(name);
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[..64].fill(0x55);
        std::fs::write(&path, &damaged).unwrap();
        check(
            3,
            &["replay", recording.to_str().unwrap(), "--data", data.to_str().unwrap()],
            &[name, "hint:"],
        );
        assert!(std::fs::read(&path).unwrap() == damaged, "{name} was changed");
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 1, 500, 10);
    let data = folder.path().join("data");
    replay(&recording, &data);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["serve", "--data", data.to_str().unwrap(), "--listen", &address];
    check(3, &args, &[&address, "hint:"]);
}

#[test]
fn an_empty_input_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.jsonl");
    std::fs::write(&file, "\n\n").unwrap();
    let data = folder.path().join("data");
    let args = ["replay", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    check(4, &args, &["no message"]);
}

#[test]
fn completions_and_check_print_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(0, pulso().args(["completions", "bash"]));
    assert!(String::from_utf8(output.stdout).unwrap().contains("_pulso"));
    let mut command = pulso();
    command
        .args(["check", "--set", "web.listen=127.0.0.1:0"])
        .arg("--data")
        .arg(folder.path().join("new"));
    let output = run(0, &mut command);
    assert!(String::from_utf8(output.stdout).unwrap().contains("configuration: ok"));
    assert!(!folder.path().join("new").exists(), "check changes nothing");
}

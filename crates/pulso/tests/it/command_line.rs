//! What a user sees who types the wrong thing, and the small commands.

use std::net::TcpListener;

use crate::support::{check, pulso, recording, replay, run};

#[test]
fn wrong_use_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    check(2, &["replay"], &["<FILE>"]);
    check(2, &["trends"], &["unrecognized subcommand"]);
    check(2, &["export", "trends"], &["there is no view `trends`", "trending-topics"]);
    check(2, &["replay", "x", "--rate", "0"], &["0"]);
    check(2, &["replay", "x", "--rate", "-5"], &["`-5` is not a pace"]);
    check(2, &["demo", "--url", "ftp://example.org/"], &["is not a websocket url", "hint:"]);
    let none = "the stream `rsvps` has no public server";
    check(2, &["demo", "--live"], &[none, "hint: name one with `--url`"]);
    for other in [["--url", "ws://localhost/"], ["--rate", "5"], ["--seed", "5"]] {
        check(2, &["demo", "--live", other[0], other[1]], &["cannot be used with"]);
    }
    check(2, &["demo", "--file", "x", "--live"], &["cannot be used with"]);
    let none = "no file matches `/no/such/*.log*`";
    check(4, &["demo", "--file", "/no/such/*.log*"], &[none, "hint: check the name"]);
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

#[test]
fn who_stops_reading_gets_no_error_and_a_full_disk_is_named() {
    for args in [vec!["check", "--set", "web.listen=127.0.0.1:0"], vec!["completions", "zsh"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        run(0, pulso().args(&args).stdout(writer));
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = run(3, pulso().args(&args).stdout(full));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("error: failed to write to standard output"), "{stderr}");
    }
}

#[test]
fn an_export_replaces_its_file_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 1, 500, 10);
    let data = folder.path().join("data");
    replay(&recording, &data);
    let file = folder.path().join("groups.csv");
    std::fs::write(&file, "what was there before").unwrap();
    let (data, path) = (data.to_str().unwrap(), file.to_str().unwrap());
    let export = ["export", "groups", "--data", data, "--format", "csv", "--output"];
    check(2, &[&export[..], &[path, "--layer", "none"]].concat(), &["none"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "what was there before");
    run(0, pulso().args(export).arg(path));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("@timestamp,group.id,"));
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 3, "the recording, the data and the export");
    check(3, &[&export[..], &["/no/such/folder/x"]].concat(), &["`/no/such/folder/x`", "hint:"]);
    check(3, &[&export[..], &["/dev/full"]].concat(), &["No space left on device", "hint:"]);
}

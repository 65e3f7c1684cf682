//! Data folders that are unusable, damaged, or not whole any more.

use std::path::{Path, PathBuf};

use crate::support::{check, recording, replay};

/// A folder after a small replay, and the recording.
fn replayed(folder: &Path) -> (PathBuf, PathBuf) {
    let recording = recording(folder, 1, 500, 10);
    let data = folder.join("data");
    replay(&recording, &data);
    (data, recording)
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
    let file = file.to_str().unwrap();
    for args in [vec!["replay", file], vec!["verify"], vec!["check"], vec!["serve"]] {
        check(3, &[&args[..], &["--data", file]].concat(), &["is not a folder", "hint:"]);
    }
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (data, recording) = replayed(folder.path());
    for name in ["log/rsvps.db", "views.db"] {
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

/// Nothing is migrated: another folder is to be chosen.
#[test]
fn a_folder_of_an_older_program_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (data, recording) = replayed(folder.path());
    let (path, recording) = (data.to_str().unwrap(), recording.to_str().unwrap());
    for (name, commands) in [
        (
            "views.db",
            &[&["replay", recording][..], &["verify"], &["check"], &["export", "groups"]][..],
        ),
        ("log/rsvps.db", &[&["replay", recording][..], &["verify"], &["check"]]),
    ] {
        let file = data.join(name);
        let kept = std::fs::read(&file).unwrap();
        let mut older = kept.clone();
        // SQLite's `user_version`.
        older[60..64].copy_from_slice(&1_u32.to_be_bytes());
        std::fs::write(&file, &older).unwrap();
        for command in commands {
            let refusal =
                ["was made by an older version of Pulso", name, "hint: nothing is migrated"];
            check(3, &[command, &["--data", path][..]].concat(), &refusal);
            assert!(std::fs::read(&file).unwrap() == older, "{name} was changed by {command:?}");
        }
        std::fs::write(&file, kept).unwrap();
    }
    replay(Path::new(recording), &data);
}

#[test]
fn a_lost_log_is_named_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (data, recording) = replayed(folder.path());
    let (path, recording) = (data.to_str().unwrap(), recording.to_str().unwrap());
    let log = data.join("log/rsvps.db");
    let kept = std::fs::read(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    for args in [vec!["replay", recording], vec!["verify"], vec!["check"]] {
        check(3, &[&args[..], &["--data", path]].concat(), &["log/rsvps.db` is missing", "hint:"]);
        assert!(!log.exists(), "a new log would be taken for one that was read long ago");
    }
    std::fs::write(&log, "").unwrap();
    let args = ["replay", recording, "--data", path];
    check(3, &args, &["ends at offset 0", "hint:"]);
    std::fs::write(&log, kept).unwrap();
    replay(Path::new(recording), &data);
}

#[test]
fn other_windows_than_those_of_the_views_are_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (data, recording) = replayed(folder.path());
    for args in [vec!["replay", recording.to_str().unwrap()], vec!["verify"]] {
        let data = ["--data", data.to_str().unwrap(), "--set", "window.size=10m"];
        check(2, &[&args[..], &data].concat(), &["`window.size` was changed", "hint:"]);
    }
}

#[test]
fn a_damaged_lake_is_named_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (data, recording) = replayed(folder.path());
    let log = data.join("lake/rsvps/_delta_log");
    for entry in std::fs::read_dir(&log).unwrap() {
        std::fs::write(entry.unwrap().path(), "garbage").unwrap();
    }
    let args = ["replay", recording.to_str().unwrap(), "--data", data.to_str().unwrap()];
    check(3, &args, &["the master dataset is damaged", "hint:"]);
}

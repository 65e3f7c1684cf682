//! From a sample to trends in three commands.

use std::path::Path;
use std::process::Command;

use crate::support::{pulso, run};

fn in_folder(folder: &Path, args: &[&str]) -> Command {
    let mut command = pulso();
    command.current_dir(folder).args(args);
    command
}

#[track_caller]
fn stdout(folder: &Path, code: i32, args: &[&str]) -> String {
    String::from_utf8(run(code, &mut in_folder(folder, args)).stdout).unwrap()
}

#[track_caller]
fn stderr(folder: &Path, code: i32, args: &[&str]) -> String {
    String::from_utf8(run(code, &mut in_folder(folder, args)).stderr).unwrap()
}

/// Orders of ten minutes, some of one shop many a minute, and a heartbeat.
fn sample() -> String {
    let order = |number: u32| {
        let (minute, second) = (number / 20, number % 20 * 3);
        let shop = if number.is_multiple_of(3) { "corner" } else { "main" };
        format!(
            "{{\"id\":\"o{number}\",\"at\":\"2026-01-05T00:{minute:02}:{second:02}Z\",\"status\":\"paid\",\
             \"country\":\"DE\",\"tags\":[\"{shop}\",\"t{number}\"],\"quantity\":{number}}}\n"
        )
    };
    (0..200).map(order).collect::<String>() + "{\"alive\":true}\n"
}

#[test]
fn a_sample_becomes_a_stream_that_works_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("orders.jsonl"), sample()).unwrap();
    let new = ["streams", "new", "orders", "--from", "orders.jsonl"];
    let said = stdout(folder, 0, &new);
    for part in [
        "wrote `streams/orders/stream.toml` and `streams/orders/decode.vrl`",
        "time: `.at`, in RFC 3339",
        "200 facts, 1 skipped as `no_at`",
        "pulso replay orders.jsonl --stream orders",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    run(0, &mut in_folder(folder, &["streams", "check"]));
    let tried = stdout(folder, 0, &["streams", "try", "orders", "orders.jsonl"]);
    assert!(tried.contains("messages: 201") && tried.contains("skipped, no_at: 1"), "{tried}");
    run(0, &mut in_folder(folder, &["replay", "orders.jsonl", "--stream", "orders"]));
    let report = stdout(folder, 0, &["verify", "--stream", "orders"]);
    assert!(report.contains("the layers agree"), "{report}");
    let trends = stdout(folder, 0, &["export", "trending-tags"]);
    assert!(trends.contains("\"tag\":\"corner\""), "{trends}");

    let before = std::fs::read(folder.join("streams/orders/stream.toml")).unwrap();
    let again = stderr(folder, 2, &new);
    assert!(again.contains("there is a stream `orders` already"), "{again}");
    assert_eq!(std::fs::read(folder.join("streams/orders/stream.toml")).unwrap(), before);
}

#[test]
fn nothing_is_written_of_what_is_no_stream() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (file, text) in [("empty", ""), ("words", "hello\n"), ("timeless", "{\"a\":1}\n")] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let check = |code: i32, name: &str, file: &str, expected: &str| {
        let error = stderr(folder, code, &["streams", "new", name, "--from", file]);
        assert!(error.contains(expected) && error.contains("hint: "), "{file}: {error}");
        assert!(!folder.join("streams").join(name).exists(), "{file}");
    };
    check(4, "orders", "empty", "the sample has no messages");
    check(2, "orders", "words", "most lines are neither JSON objects nor lines of a known log");
    check(2, "orders", "timeless", "no field of most messages is a time; there are `.a`");
    check(2, "Orders", "timeless", "`Orders` is not a name");
    check(2, "rsvps", "timeless", "there is a stream `rsvps` already");
    std::fs::create_dir_all(folder.join("streams/kept")).unwrap();
    std::fs::write(folder.join("orders.jsonl"), sample()).unwrap();
    let kept = stderr(folder, 2, &["streams", "new", "kept", "--from", "orders.jsonl"]);
    assert!(kept.contains("failed to create the folder `streams/kept`"), "{kept}");
    assert!(std::fs::read_dir(folder.join("streams/kept")).unwrap().next().is_none());
}

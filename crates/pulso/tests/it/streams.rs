//! Several streams in one data folder.

use std::collections::BTreeMap;
use std::io::Write;

use pulso_model::{View, ViewKind};
use serde_json::Value;

use crate::support::{
    assert_same, check, export, exports, pulso, recorded_posts, recording, replay, replay_stream,
    run, verify, verify_stream,
};

/// Every view of the stream posts that a layer writes.
fn exports_of_posts(data: &std::path::Path) -> Vec<(String, String)> {
    let streams = pulso_streams::Streams::brought();
    let posts = streams.get("posts").unwrap().stream;
    let mut all = Vec::new();
    // Single posts are not shown.
    for view in posts.views().into_iter().filter(|view| *view != posts.facts_view.view) {
        let layers: &[&str] = match view.kind() {
            ViewKind::Day => &["speed", "batch", "current"],
            _ => &["batch"],
        };
        for layer in layers {
            all.push((format!("{view} {layer}"), export(view, layer, data)));
        }
    }
    all
}

/// How many documents of a journal each stream has.
fn by_stream(journal: View, data: &std::path::Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in export(journal, "current", data).lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        *counts.entry(document["stream"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn posts_are_counted_once_by_both_layers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let posts = recorded_posts(folder.path(), 7, 10_000, 20);
    let summary = replay_stream("posts", &posts, &data);
    let log = &summary["log"];
    let part = |name: &str| log[name].as_u64().unwrap();
    let parts = ["counted", "echoes", "late", "skipped", "dead_letters"];
    assert_eq!(summary["messages"], 10_000);
    assert_eq!(parts.iter().map(|name| part(name)).sum::<u64>(), 10_000, "{log}");
    assert!(parts.iter().all(|name| part(name) > 0), "the stream has all of them: {log}");
    let report = verify_stream("posts", 0, &data);
    let last = report.lines().last().unwrap();
    let holds = "every message is accounted for once; the layers agree in ";
    assert!(last.starts_with(holds) && last.ends_with(" documents"), "{report}");
    let file = folder.path().join("posts.csv");
    for args in [vec![], vec!["--format", "csv", "--output", file.to_str().unwrap()]] {
        let args = [&["export", "posts", "--data", data.to_str().unwrap()], &args[..]].concat();
        check(
            4,
            &args,
            &[
                "the view `posts` is empty: the stream `posts` keeps single posts in the lake only",
                "hint: ",
            ],
        );
    }
    assert!(!file.exists());

    let before = exports_of_posts(&data);
    assert!(before.iter().all(|(name, text)| !text.is_empty() || panic!("{name} is empty")));
    let again = replay_stream("posts", &posts, &data);
    assert_eq!(again["log"]["counted"], log["counted"], "the same messages again are echoes");
    assert_same(&exports_of_posts(&data), &before);
}

/// What one stream has written is not another's, whichever was there first.
#[test]
fn streams_in_one_folder_leave_each_other_alone() {
    let folder = tempfile::tempdir().unwrap();
    let rsvps = recording(folder.path(), 9, 2_000, 20);
    let posts = recorded_posts(folder.path(), 7, 10_000, 20);
    for recording in [&rsvps, &posts] {
        // So that both have a dead letter.
        let mut file = std::fs::File::options().append(true).open(recording).unwrap();
        file.write_all(b"no json\n").unwrap();
    }
    let [alone, other, both] = ["rsvps", "posts", "both"].map(|name| folder.path().join(name));
    let summary = replay(&rsvps, &alone);
    let summary_of_posts = replay_stream("posts", &posts, &other);
    let of_rsvps = exports(&alone);
    let of_posts = exports_of_posts(&other);

    let path = both.to_str().unwrap();
    assert_eq!(replay(&rsvps, &both)["log"], summary["log"]);
    // Nothing of the other stream is there yet, and none of it is missing.
    let listen = ["--set", "web.listen=127.0.0.1:0"];
    run(0, pulso().args(["check", "--stream", "posts", "--data", path]).args(listen));
    check(4, &["verify", "--stream", "posts", "--data", path], &[]);
    let replayed = replay_stream("posts", &posts, &both);
    assert_eq!(replayed["log"], summary_of_posts["log"]);
    let reasons = "dead_letters_by_reason";
    assert_eq!(replayed[reasons], summary_of_posts[reasons], "not those of RSVPs");
    assert_same(&exports(&both), &of_rsvps);
    assert_same(&exports_of_posts(&both), &of_posts);
    verify(0, &both);
    verify_stream("posts", 0, &both);
    for journal in [View::DEAD_LETTERS, View::LATE_FACTS] {
        let mut expected = by_stream(journal, &alone);
        expected.extend(by_stream(journal, &other));
        assert_eq!(expected.len(), 2, "both streams have {journal}");
        assert_eq!(by_stream(journal, &both), expected, "{journal}");
    }
    for stream in ["rsvps", "posts"] {
        run(0, pulso().args(["check", "--stream", stream, "--data", path]).args(listen));
    }
}

#[test]
fn a_stream_that_is_not_there_is_named_with_those_that_are() {
    for args in [vec!["check"], vec!["replay", "x"], vec!["verify"], vec!["serve"], vec!["demo"]] {
        let args = [&args[..], &["--stream", "tweets"]].concat();
        check(2, &args, &["there is no stream `tweets`", "hint: there are rsvps, posts"]);
    }
}

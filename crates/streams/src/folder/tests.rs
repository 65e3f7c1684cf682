use pulso_model::{Decode, Decoded, TimeLimits, WallTime};

use super::*;
use crate::Streams;

const STREAM: &str = "name = \"shots\"
decode = \"shots.vrl\"
[fact]
one = \"shot\"
many = \"shots\"
kinds = [\"hit\", \"miss\"]
[columns]
player = \"text\"
[[jobs]]
view = \"player-days\"
per = \"day\"
key = [\"day\", \"player\"]
fields = { day = \"day\", player = \"text\", shots = \"integer\" }
";

const PROGRAM: &str = ".time = from_unix_timestamp!(int!(.t))
.kind = .k
.columns.player = .player
";

/// Folders with these files.
fn folders(files: &[(&str, &str)]) -> Vec<Folder> {
    let mut folders: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for (name, text) in files {
        let (folder, file) = name.split_once('/').unwrap();
        folders.entry(folder).or_default().insert(file.to_owned(), (*text).to_owned());
    }
    let folder = |(path, files): (&str, _)| Folder { path: path.into(), files };
    folders.into_iter().map(folder).collect()
}

/// What is wrong with folders, each problem in a line without what follows the first one.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let (_, wrong) = Streams::brought().with_folders(&folders(files));
    let shown = wrong.iter().map(ToString::to_string);
    shown.map(|text| text.lines().next().unwrap().to_owned()).collect()
}

#[test]
fn a_stream_of_a_folder_is_one_like_any_other() {
    let folders = folders(&[
        ("shots/stream.toml", STREAM),
        ("shots/shots.vrl", PROGRAM),
        ("shots/player-days.sql", "SELECT 1"),
    ]);
    let (streams, problems) = Streams::brought().with_folders(&folders);
    assert_eq!(problems, []);
    let shots = streams.get("shots").unwrap();
    assert_eq!(shots.folder.as_deref(), Some(Path::new("shots")));
    assert_eq!(shots.stream.jobs[0].sql, "SELECT 1");
    assert!(streams.view("player-days").is_some() && streams.view("responses").is_some());
    let message = br#"{"t": 5, "k": "miss", "player": "Ann"}"#;
    let decoded = shots.decoder(TimeLimits::NONE).decode(message, WallTime(0)).unwrap();
    let Decoded::Fact(fact) = decoded else { panic!("{decoded:?}") };
    assert_eq!((fact.time.0, fact.kind), (5000, 1));
    assert_eq!(shots.program().unwrap().head(message).key, None);
}

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    let found = problems(&[
        (
            "a/stream.toml",
            "name = \"shots\"\ntitel = \"Shots\"\n[fact]\none = \"shot\"\nmany = \"shots\"\n",
        ),
        ("a/decode.vrl", ".time = now()\n.kind ="),
        ("b/stream.toml", STREAM),
        ("b/player-days.sql", ""),
        ("c/stream.toml", &STREAM.replace("shots", "goals")),
        ("c/goals.vrl", ".time = now()\n.kind = \"hit\"\n.columns.goal = 1"),
        ("c/player-days.sql", ""),
        ("d/decode.vrl", ""),
    ]);
    let begins = [
        "a/decode.vrl:1: `now` is not offered",
        "a/decode.vrl:2: error[E204]: syntax error",
        "a/stream.toml:2: unknown key `titel`",
        "a/stream.toml:3: `kinds` is missing in `[fact]`",
        "b/stream.toml:2: there is no file `shots.vrl` with the program that decodes",
        "c/goals.vrl:1: `now` is not offered",
        "c/goals.vrl:3: `.columns.goal`: `goal` is not one of the stream's columns",
        "d/stream.toml: it is missing: it describes the stream",
    ];
    assert_eq!(found.len(), begins.len(), "{found:#?}");
    for (found, begin) in found.iter().zip(begins) {
        assert!(found.starts_with(begin), "{found}\n{begin}");
    }
}

#[test]
fn names_that_others_have_are_refused() {
    let files = |name: &str, stream: &str| {
        let files =
            [("stream.toml", stream), ("shots.vrl", PROGRAM), ("player-days.sql", "SELECT 1")];
        files.map(|(file, text)| (format!("{name}/{file}"), text.to_owned()))
    };
    let of = |streams: &[[(String, String); 3]]| {
        let files: Vec<_> = streams.concat().into_iter().collect();
        let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        problems(&files)
    };
    let same = of(&[files("a", STREAM), files("b", STREAM)]);
    assert_eq!(same, ["b/stream.toml:1: there is a stream `shots` already; choose another `name`"]);
    let brought = of(&[files("a", &STREAM.replace("\"shots\"", "\"responses\""))]);
    assert_eq!(brought, ["a/stream.toml:1: there is a view `responses` already, of `rsvps`"]);
    let other = STREAM.replace("\"shots\"", "\"goals\"").replace("\"shot\"", "\"goal\"");
    let job = of(&[files("a", STREAM), files("b", &other)]);
    assert_eq!(job, ["b/stream.toml:10: there is a view `player-days` already, of `shots`"]);
    let journal = STREAM
        .replace("player-days", "health")
        .replace("view = \"health\"", "view = \"health\"\nsql = \"player-days.sql\"");
    assert!(of(&[files("a", &journal)])[0].contains("there are two views `health`"));
}

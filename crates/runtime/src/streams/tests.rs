use std::path::Path;

use pulso_model::{Reason, WallTime};

use super::*;
use crate::config::Layers;

#[test]
fn each_stream_has_places_of_its_own_and_the_views_are_of_all() {
    let rsvps = Config::default();
    assert_eq!(rsvps.stream().name, "rsvps", "where none is named");
    let posts = rsvps.of_stream("posts").unwrap();
    assert_eq!(posts.stream().name, "posts");
    for (config, name) in [(&rsvps, "rsvps"), (&posts, "posts")] {
        let place = |place: &str| Path::new("pulso-data").join(place);
        assert_eq!(config.log_path(), place(&format!("log/{name}.db")));
        assert_eq!(config.lake_path(), place(&format!("lake/{name}")));
        assert_eq!(config.scratch_path(), place(&format!("scratch/{name}")));
        assert_eq!(config.spool_directory(), place(&format!("spool/{name}")));
        assert_eq!(config.views_path(), place("views.db"));
        assert_eq!(config.decoder().stream(), config.stream());
    }
    assert_eq!(rsvps.all_views(), posts.all_views());
    for view in rsvps.stream().views().into_iter().chain(posts.stream().views()) {
        assert!(rsvps.all_views().contains(&view), "{view}");
    }
    assert!(View::JOURNALS.iter().all(|journal| rsvps.all_views().contains(journal)));
}

#[test]
fn readers_see_the_streams_that_are_chosen_or_all() {
    let shown = |config: &Config| {
        let shown: Vec<_> =
            config.shown_streams().iter().map(|config| config.stream().name).collect();
        let views = config.shown_views();
        for definition in config.streams().iter() {
            let stream = definition.stream;
            assert_eq!(views.contains(&stream.activity_view), shown.contains(&stream.name));
        }
        assert!(View::JOURNALS.iter().all(|journal| views.contains(journal)));
        shown
    };
    let config = Config::default();
    assert!(shown(&config).len() > 2, "nothing says which");
    assert_eq!(shown(&config.serving(&["posts".to_owned()]).unwrap()), ["posts"]);
    let overrides = vec![("streams.clicks".to_owned(), "{}".to_owned())];
    let clicks = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
    assert_eq!(shown(&clicks), ["clicks"]);
    assert_eq!(shown(&clicks.serving(&["rsvps".to_owned()]).unwrap()), ["rsvps"]);
}

/// A folder with a stream of these parts.
fn declared(name: &str, program: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    let descriptor = format!(
        "name = \"{name}\"\n[fact]\none = \"goal\"\nmany = \"goals\"\nkinds = [\"goal\"]\n"
    );
    std::fs::write(folder.join("stream.toml"), descriptor).unwrap();
    std::fs::write(folder.join("decode.vrl"), program).unwrap();
    directory
}

fn with_directory(directory: &Path) -> Config {
    let directory = directory.to_str().unwrap().to_owned();
    let overrides = vec![("streams.directory".to_owned(), directory)];
    Config::load(&Layers { overrides, ..Layers::default() }).unwrap()
}

#[test]
fn streams_of_the_directory_are_known_like_any_other() {
    let directory = declared("goals", ".time = from_unix_timestamp!(int!(.t))");
    let config = with_directory(directory.path());
    assert_eq!(config.declared.problems, []);
    let goals = config.of_stream("goals").unwrap();
    assert_eq!(goals.stream().name, "goals");
    assert!(config.all_views().iter().any(|view| view.name() == "goal-activity"));
    assert!(goals.decoder().decode(b"{\"t\": 5}", WallTime(5000)).is_ok());
    assert!(Config::default().of_stream("goals").is_err());
}

#[test]
fn what_is_wrong_with_a_declared_stream_is_told_and_the_others_are_known() {
    let directory = declared("goals", ".time = now()");
    let config = with_directory(directory.path());
    assert!(config.declared.problems[0].to_string().contains("goals/decode.vrl:1: `now`"));
    assert!(config.of_stream("goals").is_err() && config.of_stream("posts").is_ok());
    let missing = with_directory(Path::new("no-such-folder"));
    assert_eq!(missing.declared.problems.len(), 1, "only the default need not be there");
}

#[test]
fn a_stream_that_is_not_there_is_refused_with_those_that_are() {
    let error = Config::default().of_stream("tweets").unwrap_err();
    assert_eq!(error.to_string(), "there is no stream `tweets`");
    assert_eq!(
        error.hint(),
        "there are rsvps, posts, requests, clicks, comments, open-events, calendar"
    );
}

/// A message is judged by the configured limits around the time at which the log stored it.
#[test]
fn the_limits_of_time_are_those_of_the_configuration() {
    let message = br#"{"rsvp_id":1,"mtime":1489924800000,"response":"yes","guests":0,
        "member":{"member_id":1},"event":{"event_id":"e"},"group":{"group_id":1,
        "group_country":"de","group_lat":1.0,"group_lon":1.0,"group_topics":[]}}"#;
    let own = 1_489_924_800_000;
    let check = |settings: &[(&str, &str)], stored_after: i64, expected: Option<Reason>| {
        let overrides = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        let layers = Layers { overrides: overrides.collect(), ..Layers::default() };
        let decoder = Config::load(&layers).unwrap().decoder();
        let stored = WallTime(own + stored_after);
        let found = decoder.decode(message, stored).err().map(|dead| dead.reason);
        assert_eq!(found, expected, "{settings:?}, stored {stored_after} ms after");
    };
    let minute = 60_000;
    check(&[], -minute, None);
    check(&[], -minute - 1, Some(Reason::FutureTime));
    check(&[], 1_000_000 * minute, None);
    check(&[("time.ahead_max", "1s")], -1_001, Some(Reason::FutureTime));
    let past = [("time.behind_max", "2m")];
    check(&past, 2 * minute, None);
    check(&past, 2 * minute + 1, Some(Reason::PastTime));
}

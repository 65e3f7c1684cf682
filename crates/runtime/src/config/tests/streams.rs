//! What differs by stream.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

const TWO: &str = "[streams.rsvps]\n[streams.posts.window]\nsize = '10m'\n";

fn served(config: &Config) -> Vec<String> {
    config.each_stream().into_iter().map(|config| config.stream).collect()
}

#[test]
fn the_streams_that_have_a_table_are_served_and_the_usual_one_without_any() {
    assert_eq!(served(&Config::default()), ["rsvps"]);
    assert_eq!(served(&load("[streams.posts]")), ["posts"]);
    assert_eq!(served(&load(TWO)), ["posts", "rsvps"]);
    assert_eq!(load(TWO).stream, "rsvps");
    assert_eq!(load("[streams.posts.window]\nsize = '10m'").window.size, Duration::from_mins(10));
}

#[test]
fn a_stream_overrides_what_holds_for_all() {
    let config = load(
        "[window]\nslide = '20s'\n[trends]\ncount_above = 9\n[retention]\njournals = '9d'\n\
         lake = '9d'\n[streams.posts]\nfacts = true\n[streams.posts.window]\nsize = '10m'\n\
         [streams.posts.echo]\nkeys_max = 7\n[streams.posts.trends]\nterms_max = 3\nmute = ['win']\n\
         [streams.posts.time]\nbehind_max = '1d'\n[streams.posts.retention]\nlake = '8d'\n\
         [streams.rsvps]",
    );
    let [posts, rsvps] = config.each_stream().try_into().unwrap();
    let windows = |config: &Config| (config.window.size.as_secs(), config.window.slide.as_secs());
    assert_eq!((windows(&posts), windows(&rsvps)), ((600, 20), (300, 20)));
    assert_eq!((posts.echo.keys_max, rsvps.echo.keys_max), (7, 4_000_000));
    assert_eq!((posts.trends.count_above, posts.trends.terms_max), (9, 3));
    assert_eq!(posts.trends.mute, BTreeSet::from(["win".to_owned()]));
    assert!(rsvps.trends.mute.is_empty());
    assert_eq!((rsvps.trends.count_above, rsvps.trends.terms_max), (9, 100));
    let day = Duration::from_hours(24);
    assert_eq!((posts.time.behind_max, rsvps.time.behind_max), (Some(day), None));
    assert_eq!((posts.retention.lake, rsvps.retention.lake), (Some(8 * day), Some(9 * day)));
}

#[test]
fn a_stream_shows_single_facts_as_configured_or_as_it_says_itself() {
    let shown = |file: &str, stream: &str| {
        let config = load(file).of_stream(stream).unwrap();
        assert_eq!(config.decoder().stream().facts_view.shown, config.stream().facts_view.shown);
        config.stream().facts_view.shown
    };
    assert!(shown("", "rsvps") && !shown("", "posts"));
    let otherwise = "[streams.posts]\nfacts = true\n[streams.rsvps]\nfacts = false";
    assert!(!shown(otherwise, "rsvps") && shown(otherwise, "posts"));
    let as_it_is = "[streams.posts]\nfacts = false\n[streams.rsvps]\nfacts = true";
    assert!(shown(as_it_is, "rsvps") && !shown(as_it_is, "posts"));
}

/// A stream without a table is as all are, whether it is served or not.
#[test]
fn a_stream_that_is_named_need_not_be_served() {
    let config = load("[window]\nslide = '20s'\n[streams.posts.window]\nsize = '10m'");
    let named = config.serving(&["rsvps".to_owned()]).unwrap();
    assert_eq!(served(&named), ["rsvps"]);
    assert_eq!((named.window.size.as_secs(), named.window.slide.as_secs()), (300, 20));
}

#[test]
fn the_environment_and_flags_reach_into_a_stream() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let layers = Layers {
        environment: vec![
            pair("PULSO__STREAMS__POSTS__WINDOW__SIZE", "20m"),
            pair("PULSO__STREAMS__POSTS__ECHO__KEYS_MAX", "7"),
            pair("PULSO__STREAMS__RSVPS", "{}"),
        ],
        overrides: vec![
            pair("streams.posts.window.size", "30m"),
            pair("streams.posts.facts", "true"),
        ],
        ..layers(TWO)
    };
    let config = Config::load(&layers).unwrap();
    let [posts, rsvps] = config.each_stream().try_into().unwrap();
    assert_eq!((posts.window.size.as_secs(), rsvps.window.size.as_secs()), (1800, 300));
    assert_eq!((posts.echo.keys_max, posts.facts), (7, Some(true)));
    assert!(posts.stream().sessions.is_empty(), "the stream says so");
    // Names of streams may have hyphens, names of variables may not.
    let environment = vec![pair("PULSO__STREAMS__NO_EVENTS__WINDOW__ALLOWED_LATENESS", "1s")];
    let unknown = Config::load(&Layers { environment, ..Layers::default() }).unwrap_err();
    assert_eq!(unknown.to_string(), "failed to load config: `streams.no-events` is not a stream");
}

#[test]
fn sessions_of_a_stream_are_computed_or_not() {
    let sessions = |text: &str| -> Vec<_> {
        let of_streams = load(&format!("[streams.posts]\n{text}\n[streams.requests]\n{text}"));
        let of_streams = of_streams.each_stream();
        of_streams.iter().map(|config| config.stream().sessions.len()).collect()
    };
    assert_eq!(sessions(""), [0, 1]);
    assert_eq!(sessions("show_sessions = false"), [0, 0]);
    assert_eq!(sessions("show_sessions = true"), [1, 1]);
}

#[test]
fn what_is_wrong_with_a_stream_is_named_with_its_place() {
    let brought = pulso_streams::Streams::brought();
    let known: Vec<_> = brought.iter().map(|definition| definition.stream.name).collect();
    let known = format!("there are {}", known.join(", "));
    check("[streams.tweets]", "`streams.tweets` is not a stream", &known);
    let keys = "the keys here are `echo`, `facts`, `honour_deletions`, `retention`, `sessions`, `show_sessions`, \
                `time`, `trends`, `window`";
    check("[streams]\nposts = 5", "`streams.posts` is a section, not 5", keys);
    check("[streams.posts.kafka]", "`streams.posts.kafka` is not a key of the configuration", keys);
    check(
        "[streams.posts.time]\nahead = '1s'",
        "`streams.posts.time.ahead` is not a key of the configuration",
        "the keys here are `ahead_max`, `behind_max`",
    );
    check(
        "[streams.posts]\nfacts = 'yes'",
        "`streams.posts.facts` (yes) is neither true nor false",
        "write `true` or `false`",
    );
    check(
        "[streams.posts.window]\nsize = '1 h'",
        "`streams.posts.window.size` (1 h) is not a duration",
        "write a number and a unit, like \"10s\" or \"5m\"",
    );
    check(
        "[window]\nsize = '6m'\n[streams.posts.window]\nslide = '4m'",
        "`window.size` (6m) is not a multiple of `streams.posts.window.slide` (4m)",
        "use `slide = \"3m\"` or `slide = \"6m\"`",
    );
    check(
        "[streams.posts.retention]\njournals = '1d'",
        "`streams.posts.retention.journals` is not a key of the configuration",
        "the keys here are `batch_views`, `lake`, `speed_views`",
    );
    check(
        "[retention]\njournals = '2d'\nlake = '2d'\n[streams.posts.retention]\nlake = '3d'",
        "`retention.journals` (2d) is shorter than `streams.posts.retention.lake` (3d)",
        "a day of the lake is verified with its journals; keep them as long",
    );
}

/// What is wrong for all streams is said once, not again for each.
#[test]
fn a_problem_of_all_streams_is_one_problem() {
    check(
        &format!("[echo]\nhorizon = 'x'\n{TWO}"),
        "`echo.horizon` (x) is not a duration",
        "write a number and a unit, like \"10s\" or \"5m\"",
    );
    check(
        &format!("[trends]\nbaseline = '65s'\n{TWO}"),
        "`trends.baseline` (65s) is not a multiple of `window.slide` (10s)",
        "use `slide = \"5s\"`",
    );
}

#[test]
fn a_source_is_of_a_stream_that_is_served() {
    let source =
        |stream: &str| format!("[[acquisition.sources]]\nname = 'a'\nurl = 'ws://a'\n{stream}");
    let stream = |file: String| load(&file).acquisition.sources[0].stream.clone();
    assert_eq!(stream(source("")), "rsvps");
    assert_eq!(stream(source("[streams.posts]")), "posts");
    assert_eq!(stream(source(TWO)), "rsvps");
    assert_eq!(stream(source(&format!("stream = 'posts'\n{TWO}"))), "posts");
    check(
        &source("stream = 'posts'"),
        "`acquisition.sources[0].stream` (posts) is not a stream that is served",
        "serve it with a section `[streams.posts]`, or name one of `rsvps`",
    );
}

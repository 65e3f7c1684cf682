use super::*;

#[test]
fn a_pause_lasts_until_it_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources::in_folder(folder.path());
    assert_eq!(sources.paused_since("a").unwrap(), None);
    assert!(!sources.resume("a").unwrap());
    assert!(sources.pause("a", WallTime(0)).unwrap());
    assert!(!sources.pause("a", WallTime(1000)).unwrap(), "it is paused already");
    let again = Sources::in_folder(folder.path());
    assert_eq!(again.paused_since("a").unwrap().as_deref(), Some("1970-01-01T00:00:00.000Z"));
    assert_eq!(again.paused_since("b").unwrap(), None);
    assert!(again.resume("a").unwrap());
    assert_eq!(sources.paused_since("a").unwrap(), None);
}

#[test]
fn what_acquisition_says_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources::in_folder(folder.path());
    assert_eq!(sources.state("a").unwrap(), None);
    let counts = SourceCounts { read: 4, filtered: 3, sampled_out: 2, filter_errors: 1 };
    for paused_since in [None, Some("1970-01-01T00:00:00Z".to_owned())] {
        let state = SourceState { counts, paused_since };
        sources.tell("a", &state).unwrap();
        assert_eq!(sources.state("a").unwrap(), Some(state));
    }
    assert_eq!(sources.names().unwrap(), ["a"]);
    for name in ["", "../a", "a/b", "ü"] {
        assert_eq!(sources.pause(name, WallTime(0)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    // A name may look like a file of another kind, but leads nowhere else.
    assert!(sources.pause("..", WallTime(0)).unwrap());
    assert!(folder.path().join("sources/...paused").is_file());
}

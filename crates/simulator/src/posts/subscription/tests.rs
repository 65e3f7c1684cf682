use super::*;
use crate::clock::Clock;
use crate::posts::{Generator, PostsConfig};

fn parse(address: &str) -> Result<Subscription, Refusal> {
    let (path, query) =
        address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    Subscription::parse(path, query)
}

fn version_2(query: &str) -> Result<Subscription, Refusal> {
    parse(&format!("{PATH_2}?{query}"))
}

#[test]
fn a_cursor_is_a_number_or_a_time() {
    let start = |address: &str| parse(address).map(|subscription| subscription.start);
    assert_eq!(start("/subscribe"), Ok(Start::Live));
    assert_eq!(start("/subscribe?cursor=7"), Ok(Start::Time(7)));
    assert_eq!(start("/subscribe?cursor=1767225600000000"), Ok(Start::Time(1_767_225_600_000_000)));
    let start = |query: &str| version_2(query).map(|subscription| subscription.start);
    assert_eq!(start("cursor=999999999999999"), Ok(Start::Seq(999_999_999_999_999)));
    assert_eq!(start("cursor=1000000000000000"), Ok(Start::Time(1_000_000_000_000_000)));
    for wrong in ["cursor=", "cursor=now", "cursor=-1", "cursor=1.5"] {
        assert!(matches!(start(wrong), Err(Refusal::InvalidRequest(_))), "{wrong}");
    }
}

#[test]
fn names_of_the_other_version_are_refused_by_version_2_alone() {
    for name in [
        "wantedCollections=app.bsky.feed.post",
        "wantedDids=did:plc:a",
        "maxMessageSizeBytes=1",
        "x=1",
    ] {
        assert!(matches!(version_2(name), Err(Refusal::InvalidRequest(_))), "{name}");
        assert!(parse(&format!("/subscribe?{name}")).is_ok(), "{name}");
    }
    for wrong in ["kinds=post", "collections=post", "dids=me", "zstdDictionary=1"] {
        assert!(matches!(version_2(wrong), Err(Refusal::InvalidRequest(_))), "{wrong}");
    }
    let many = "collections=app.bsky.feed.post&".repeat(COLLECTIONS_MAX + 1);
    assert!(matches!(version_2(&many), Err(Refusal::InvalidRequest(_))));
    assert!(parse("/subscribe?compress=true").is_err());
    assert!(parse("/subscribe?compress=false").is_ok());
    assert_eq!(parse("/"), Err(Refusal::NoSuchPath));
}

#[test]
fn filters_choose_commits_by_collection_and_all_by_kind() {
    let events: Vec<_> =
        Generator::new(PostsConfig::default(), Clock::new(|| 0)).take(3000).collect();
    let names = |subscription: &Subscription| {
        let wanted = events.iter().filter(|event| subscription.frame(event).is_some());
        wanted.map(|event| event.collection().unwrap_or(event.name())).collect::<BTreeSet<_>>()
    };
    let post = "app.bsky.feed.post";
    let one = parse("/subscribe?wantedCollections=app.bsky.feed.post").unwrap();
    assert_eq!(names(&one), BTreeSet::from([post, "identity", "account"]));
    let two = version_2("collections=app.bsky.feed.post").unwrap();
    assert_eq!(names(&two), BTreeSet::from([post, "identity", "account", "sync"]));
    let two = version_2("kinds=commit&collections=app.bsky.feed.%2A").unwrap();
    assert_eq!(names(&two), BTreeSet::from([post, "app.bsky.feed.like", "app.bsky.feed.repost"]));
    let two = version_2("kinds=sync&kinds=account").unwrap();
    assert_eq!(names(&two), BTreeSet::from(["sync", "account"]));
    let did = &events[100].did;
    let two = version_2(&format!("dids={}", did.replace(':', "%3A"))).unwrap();
    assert!(events.iter().all(|event| two.frame(event).is_some() == (event.did == *did)));
    let small = parse("/subscribe?maxMessageSizeBytes=400").unwrap();
    let lengths: Vec<_> =
        events.iter().filter_map(|event| small.frame(event)).map(|f| f.len()).collect();
    assert!(!lengths.is_empty() && lengths.iter().all(|length| *length <= 400));
}

#[test]
fn refusals_say_what_is_wrong_in_json() {
    let body = Refusal::CursorTooOld { oldest: 7 }.body();
    assert_eq!(body, r#"{"error":"CursorTooOld","message":"cursor is too old; the oldest is 7"}"#);
    assert_eq!(Refusal::NoSuchPath.status(), 404);
    let info = version_2("").unwrap().outdated_cursor().unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["payload"]["$type"], "network.bsky.jetstream.subscribeEvents#info");
    assert_eq!(parse("/subscribe").unwrap().outdated_cursor(), None);
}

use pulso_testkit::message::{message, received};
use tempfile::TempDir;

use super::*;

const MIB: u64 = 1024 * 1024;

fn open(folder: &TempDir, bytes_max: u64) -> Spool {
    Spool::open(&folder.path().join("spool.db"), bytes_max).unwrap()
}

fn messages(ids: std::ops::Range<i64>) -> Vec<Message> {
    ids.map(|id| {
        let mut message = message(id, id * 1000).received(WallTime(id * 1000 + 5));
        message.headers.cursor = Some(format!("after {id}").into());
        message
    })
    .collect()
}

async fn waiting(spool: &Spool) -> u64 {
    spool.level().await.unwrap().messages
}

#[tokio::test]
async fn messages_leave_in_the_order_in_which_they_came_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder, MIB);
    assert_eq!(spool.first(10, 1000).await.unwrap(), Spooled::default());
    let mut all = messages(0..7);
    all.push(received("other", WallTime(-1), &[0xff, 0x00][..]));
    all.push(received("other", WallTime(-1), &b""[..]));
    all.extend(["a/b", "7", ""].map(|key| Message {
        key: Some(Key::Text(key.into())),
        ..received("other", WallTime(3), &b"keyed by a text"[..])
    }));
    for one in &all {
        assert_eq!(spool.append(vec![one.clone()]).await.unwrap(), Appended::Stored);
    }
    drop(spool);
    let spool = open(&folder, MIB);
    assert_eq!(waiting(&spool).await, 12);
    let first = spool.first(4, usize::MAX).await.unwrap();
    assert_eq!(first.messages, all[..4]);
    assert_eq!(spool.first(4, usize::MAX).await.unwrap(), first, "reading removes nothing");
    spool.remove(first.last).await.unwrap();
    let rest = spool.first(100, usize::MAX).await.unwrap();
    assert_eq!(rest.messages, all[4..]);
    spool.remove(rest.last).await.unwrap();
    assert_eq!(waiting(&spool).await, 0);
    spool.append(all.clone()).await.unwrap();
    assert_eq!(spool.first(100, usize::MAX).await.unwrap().messages, all, "it begins anew");
}

#[tokio::test]
async fn a_read_is_bounded_in_bytes_but_gives_one_message_at_least() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder, MIB);
    let large = |size: usize| received("test", WallTime(0), vec![b'x'; size]);
    spool.append(vec![large(100), large(100), large(100), large(5000)]).await.unwrap();
    let read = async |bytes| {
        let spooled = spool.first(100, bytes).await.unwrap();
        spool.remove(spooled.last).await.unwrap();
        spooled.messages.len()
    };
    assert_eq!(read(250).await, 2);
    assert_eq!(read(1).await, 1);
    assert_eq!(read(1).await, 1);
    assert_eq!(read(1).await, 0);
}

#[tokio::test]
async fn the_file_stays_below_its_limit_and_gives_its_room_back() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder, 4 * MIB);
    let file = || std::fs::metadata(folder.path().join("spool.db")).unwrap().len();
    let empty = spool.level().await.unwrap().bytes;
    for round in 0..3 {
        let mut stored = 0;
        while spool.append(messages(stored..stored + 100)).await.unwrap() == Appended::Stored {
            stored += 100;
        }
        assert!(stored > 1000, "{stored} messages of more than a kilobyte have room, not more");
        let level = spool.level().await.unwrap();
        assert!(level.bytes <= 4 * MIB && level.bytes > 3 * MIB, "{level:?} in round {round}");
        assert_eq!(
            level.messages,
            u64::try_from(stored).unwrap(),
            "what has no room is not stored"
        );
        let spooled = spool.first(200, usize::MAX).await.unwrap();
        spool.remove(spooled.last).await.unwrap();
        let after = spool.append(messages(0..100)).await.unwrap();
        assert_eq!(after, Appended::Stored, "what is removed makes room");
        while waiting(&spool).await > 0 {
            let spooled = spool.first(300, usize::MAX).await.unwrap();
            spool.remove(spooled.last).await.unwrap();
        }
        assert_eq!(spool.level().await.unwrap().bytes, empty);
    }
    drop(spool);
    assert!(file() < MIB, "{} bytes", file());
    let spool = open(&folder, 1000);
    assert_eq!(spool.append(messages(0..100)).await.unwrap(), Appended::Stored);
    assert_eq!(spool.append(messages(0..1)).await.unwrap(), Appended::Full);
}

#[tokio::test]
async fn it_remembers_how_far_sources_are_stored() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder, MIB);
    let last = async |source| spool.last_cursor(source).await.unwrap();
    let after = |id: i64| {
        let cursor = format!("after {id}").into();
        Some(SourceCursor { received_time: WallTime(id * 1000 + 5), cursor })
    };
    assert_eq!(last("test").await, None);
    spool.append(messages(0..5)).await.unwrap();
    assert_eq!(last("test").await, after(4));
    spool.remember(messages(7..9)).await.unwrap();
    assert_eq!(last("test").await, after(8));
    assert_eq!(waiting(&spool).await, 5, "what is stored elsewhere does not wait here");
    spool.remove(i64::MAX).await.unwrap();
    spool.append(vec![received("test", WallTime(9005), &b"no cursor"[..])]).await.unwrap();
    assert_eq!(last("test").await, after(8));
    assert_eq!(last("other").await, None);
}

//! From files into the log.

use pulso_runtime::config::{Acquisition, FilesFrom, Protocol, Source};

use super::super::place::Places;
use super::Folder;
use crate::Input;
use crate::testing::{Running, options, source};

fn input(folder: &Folder) -> Input {
    let paths = vec![folder.path("*").to_str().unwrap().to_owned()];
    let protocol = Protocol::File { paths, from: FilesFrom::Start };
    Input::Source(Source { urls: Vec::new(), protocol, ..source("a") })
}

#[tokio::test]
async fn the_last_line_of_a_write_says_how_far_all_files_are_read() {
    let folder = Folder::new();
    let lines = |name: &str| (0..50).map(|number| format!("{name} {number}\n")).collect::<String>();
    folder.append("a.log", lines("a"));
    folder.append("b.log", lines("b"));
    let mut running = Running::start(vec![input(&folder)], options());
    running.stored(100).await;
    folder.append("a.log", "last\n");
    assert_eq!(running.stored(1).await, ["last"]);
    let (batches, messages) = (running.log.batches(), running.log.messages());
    running.stop(101).await;

    let mut end = 0;
    for count in batches {
        let batch = &messages[end..end + count];
        end += count;
        let (last, others) = batch.split_last().unwrap();
        assert!(others.iter().all(|message| message.headers.cursor.is_none()));
        let places: Places = last.headers.cursor.as_ref().unwrap().parse().unwrap();
        assert_eq!(places.number, end as u64, "of all lines");
    }
    let last: Places = messages[100].headers.cursor.as_ref().unwrap().parse().unwrap();
    assert_eq!(last.places.len(), 2);

    let mut running = Running::start_after(messages, vec![input(&folder)], options());
    folder.append("b.log", "one more\n");
    assert_eq!(running.stored(1).await, ["one more"]);
    running.stop(1).await;
}

/// However few messages a write and the buffer take.
#[tokio::test]
async fn lines_that_fill_several_writes_come_whole() {
    let folder = Folder::new();
    folder.append("a.log", (0..1000).map(|number| format!("{number}\n")).collect::<String>());
    for (batch_messages, buffer_messages) in [(1, 1), (3, 100), (100, 7), (90, 1000)] {
        let options = Acquisition { batch_messages, buffer_messages, ..options() };
        let mut running = Running::start(vec![input(&folder)], options);
        running.stored(1000).await;
        let (batches, messages) = (running.log.batches(), running.log.messages());
        running.stop(1000).await;
        assert!(batches.iter().all(|count| *count <= batch_messages), "{batches:?}");
        let lines = messages.iter().map(|message| String::from_utf8_lossy(&message.payload));
        assert!(lines.eq((0..1000).map(|number| number.to_string())));
        let mut end = 0;
        for count in batches {
            end += count;
            let cursor = messages[end - 1].headers.cursor.as_ref().unwrap();
            let places: Places = cursor.parse().unwrap();
            assert_eq!(places.number, end as u64, "each write says how far it is");
        }
    }
}

//! What the table notes of partitions is what a query finds.

use pulso_lake::{Archived, Lake, SegmentBuilder};
use pulso_model::{EventTime, WallTime};
use pulso_pipeline::Record;

use crate::support::{DAY_MS, LOG_TIME, NOON, NOW, decoder, message, query, record};

/// By partition, what a query of all rows finds.
async fn found(lake: &Lake) -> Vec<String> {
    let sql = "select partition, max(\"offset\") + 1, \
               cast(last_value(log_time order by \"offset\") as bigint) / 1000, \
               cast(max(time) as bigint) / 1000 from messages group by partition order by 1";
    query(lake, sql).await
}

fn noted(partition: usize, archived: &Archived) -> String {
    let Archived { next_offset, log_time, event_time, .. } = archived;
    let event_time = event_time.map_or(String::new(), |time| time.0.to_string());
    format!("{partition}|{next_offset}|{}|{event_time}", log_time.unwrap().0)
}

/// A message of the partition, stored and sent so many milliseconds after the others; or a dead letter.
fn stored(partition: u32, offset: u64, later: i64, event_later: Option<i64>) -> Record {
    let payload = event_later.map(|later| message(1, NOON + later)).unwrap_or_default();
    Record { log_time: WallTime(LOG_TIME.0 + later), ..record(partition, offset, payload) }
}

#[tokio::test]
async fn notes_of_partitions_are_what_a_query_finds() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.archived(2).await.unwrap(), [Archived::default(); 2]);
    // Times go back and forth; partition 2 has dead letters only, 3 nothing, and 1 is quiet in the end.
    let segments = [
        vec![stored(0, 0, 5, Some(7)), stored(0, 1, 3, Some(-DAY_MS)), stored(1, 0, 9, Some(-5))],
        vec![stored(1, 1, 8, None), stored(2, 0, 4, None)],
        vec![stored(1, 2, 7, Some(-6)), stored(0, 2, 4, Some(6))],
        vec![stored(0, 3, 6, Some(DAY_MS / 4)), stored(2, 1, 2, None)],
    ];
    for records in segments {
        let mut builder = SegmentBuilder::new(&decoder(), &lake.next_offsets(4).await.unwrap());
        records.iter().for_each(|record| builder.push(record).unwrap());
        lake.append(builder.finish()).await.unwrap();
        let archived = lake.archived(4).await.unwrap();
        let touched = archived.iter().enumerate().filter(|(_, archived)| archived.next_offset > 0);
        let notes: Vec<_> =
            touched.map(|(partition, archived)| noted(partition, archived)).collect();
        assert_eq!(notes, found(&lake).await);
        assert!(archived.iter().all(|archived| archived.end_offset == archived.next_offset));
    }
    let last = lake.archived(4).await.unwrap();
    assert_eq!(last[0].event_time, Some(EventTime(NOON + DAY_MS / 4)));
    assert_eq!((last[2].event_time, last[3]), (None, Archived::default()));

    lake.compact(1 << 20, 2, NOW).await.unwrap();
    assert_eq!(
        Lake::open(folder.path(), &decoder()).await.unwrap().archived(4).await.unwrap(),
        last
    );
}

#[tokio::test]
async fn partitions_that_were_not_read_to_their_end_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let append = async |lake: &mut Lake, record: Record, ends: [u64; 2]| {
        let mut builder = SegmentBuilder::new(&decoder(), &lake.next_offsets(2).await.unwrap());
        builder.push(&record).unwrap();
        builder.log_ends_at(&ends.into());
        lake.append(builder.finish()).await.unwrap();
        let archived = lake.archived(2).await.unwrap();
        archived
            .iter()
            .map(|archived| archived.end_offset - archived.next_offset)
            .collect::<Vec<_>>()
    };
    assert_eq!(append(&mut lake, stored(0, 0, 0, None), [1, 0]).await, [0, 0]);
    assert_eq!(append(&mut lake, stored(0, 1, 0, None), [3, 5]).await, [1, 5]);
    assert_eq!(append(&mut lake, stored(1, 0, 0, None), [3, 5]).await, [1, 4]);
}

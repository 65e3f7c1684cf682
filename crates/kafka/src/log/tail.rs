//! Searches the end of the log for the last message of a source.

use std::sync::Arc;

use pulso_model::Offsets;
use pulso_pipeline::{Batch, Headers, Source, SourceCursor};

use super::LogOptions;
use crate::connection::Connection;
use crate::error::Error;
use crate::source::{KafkaSource, Lost, SourceOptions};

/// How many messages of each partition are searched, in successive rounds. The last few nearly
/// always suffice; a source that was quiet while others were not is found further back.
const TAIL_RECORDS: [u64; 3] = [500, 5_000, TAIL_RECORDS_MAX];

/// The search ends after this many messages of each partition. A source without a message among
/// them has no known position.
pub(super) const TAIL_RECORDS_MAX: u64 = 50_000;

/// How many messages are read at once.
const BATCH_RECORDS: usize = 5_000;

/// Returns the cursor of the source's last message among the last messages of the log.
pub(super) async fn last_cursor(
    connection: &Connection,
    options: &LogOptions,
    source: &str,
) -> Result<Option<SourceCursor>, Error> {
    let LogOptions { topic, partitions, .. } = options;
    // Retention may take away what is looked at meanwhile.
    let lost = Lost::Skip;
    let options = SourceOptions { lost, ..SourceOptions::new(topic, *partitions, BATCH_RECORDS) };
    let mut reader = KafkaSource::open(connection, options).await?;
    let mut looked_at = None;
    for records in TAIL_RECORDS {
        let (begins, ends) = reader.edges().await?;
        let from = ends.back_by(records).at_least(&begins);
        // Nothing further back.
        if looked_at.as_ref() == Some(&from) {
            break;
        }
        let found = read(&mut reader, &from, &ends, source).await?;
        if found.is_some() {
            return Ok(found);
        }
        looked_at = Some(from);
    }
    Ok(None)
}

async fn read(
    reader: &mut KafkaSource,
    from: &Offsets,
    to: &Offsets,
    source: &str,
) -> Result<Option<SourceCursor>, Error> {
    reader.seek(from).await?;
    let (mut next_offsets, mut latest) = (from.clone(), None);
    while !next_offsets.reach(to) {
        let Batch { records, .. } = reader.next_batch().await?;
        for record in &records {
            next_offsets.pass(record.position());
            let Headers { source: of, received_time, cursor } = &record.headers;
            if &**of == source
                && let Some(cursor) = cursor
            {
                let (received_time, cursor) = (*received_time, Arc::clone(cursor));
                latest = latest.max(Some(SourceCursor { received_time, cursor }));
            }
        }
    }
    Ok(latest)
}

//! What topics in Kafka still have of a person: nobody can change a message there. A topic forgets by age, or
//! when it is told to forget all that comes before an offset.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::anyhow;
use pulso_model::{EventTime, Offsets};
use pulso_pipeline::{Checkpoint, Record, Source};
use pulso_runtime::stores::{LogReader, Topic};
use pulso_runtime::{Config, Exit, ExplainExt, FailureExt};

use super::search::Search;

/// The newest message of a partition that names the person.
#[derive(Clone, Copy, Debug)]
struct Newest {
    offset: u64,
    /// How many messages the partition has up to it, which a cut removes.
    messages: u64,
    /// When it is gone at the latest; `None` never.
    until: Option<EventTime>,
}

/// What one topic has of a person.
#[derive(Debug)]
pub(super) struct Left {
    topic: Topic,
    newest: BTreeMap<u32, Newest>,
}

/// What the log has in the messages that the lake has, too, and the topic of dead letters.
///
/// # Errors
/// When Kafka cannot be had, or the speed layer has not read all of it: it would bring the person back.
pub(super) async fn left(
    config: &Config,
    log: &mut LogReader,
    archived: &Offsets,
    checkpoint: Option<&Checkpoint>,
    search: &Search<'_>,
) -> anyhow::Result<Vec<Left>> {
    let topic = Topic::of_messages(config).await.explained()?;
    let concerned = |record: &Record| search.concerns(&record.payload, record.log_time);
    let messages = Left::read(topic, log, Some(archived), concerned).await?;
    messages.must_be_read(checkpoint)?;
    let mut all = vec![messages];
    if let Some((topic, mut reader)) = Topic::of_dead_letters(config).await.explained()? {
        // Of some nobody knows any more what they were meant to be.
        let named = |record: &Record| search.renaming.is_named_in(&record.payload);
        all.push(Left::read(topic, &mut reader, None, named).await?);
    }
    all.retain(|left| !left.newest.is_empty());
    Ok(all)
}

impl Left {
    /// Reads from where the topic begins to some offsets, or to where it ends now.
    async fn read(
        topic: Topic,
        reader: &mut LogReader,
        until: Option<&Offsets>,
        concerned: impl Fn(&Record) -> bool,
    ) -> anyhow::Result<Self> {
        let mut next_offsets = reader.first_offsets().await.explained()?;
        reader.seek(&next_offsets).await.explained()?;
        let (mut newest, mut until) = (BTreeMap::new(), until.cloned());
        let mut read: BTreeMap<u32, u64> = BTreeMap::new();
        loop {
            let batch = reader.next_batch().await.explained()?;
            let until = until.get_or_insert_with(|| batch.end_offsets.clone());
            for record in &batch.records {
                next_offsets.pass(record.position());
                let messages = read.entry(record.partition).or_default();
                *messages += 1;
                let before = until.have_passed(record.partition, record.offset);
                if before && concerned(record) {
                    let kept_for =
                        topic.kept_for.and_then(|age| i64::try_from(age.as_millis()).ok());
                    let until =
                        kept_for.map(|age| EventTime(record.log_time.0.saturating_add(age)));
                    let found = Newest { offset: record.offset, messages: *messages, until };
                    newest.insert(record.partition, found);
                }
            }
            if next_offsets.reach(&until.at_most(&batch.end_offsets)) {
                return Ok(Self { topic, newest });
            }
        }
    }

    fn must_be_read(&self, checkpoint: Option<&Checkpoint>) -> anyhow::Result<()> {
        let read = checkpoint.map(Checkpoint::next_offsets).unwrap_or_default();
        for (partition, Newest { offset, .. }) in &self.newest {
            if !read.have_passed(*partition, *offset) {
                let until = read.get(*partition).unwrap_or_default();
                return Err(anyhow!(
                    "the speed layer has read partition {partition} of the log only before offset {until}, and the \
                     person is named at offset {offset}"
                ))
                .exit(Exit::Unavailable)
                .hint("run `pulso-speed` until it has read all of the log, stop it, and run the command again");
            }
        }
        Ok(())
    }

    /// Has the topic forget the person, and all that came before.
    pub(super) async fn cut(&self, config: &Config) -> anyhow::Result<()> {
        let before = |(partition, newest): (&u32, &Newest)| (*partition, newest.offset + 1);
        self.topic.cut(config, &self.newest.iter().map(before).collect()).await.explained()
    }
}

impl fmt::Display for Left {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (partition, Newest { offset, messages, until }) in &self.newest {
            let name = &self.topic.name;
            write!(formatter, "{name}: partition {partition} names them up to offset {offset}, ")?;
            match until {
                Some(until) => write!(formatter, "which Kafka removes for its age by {until}")?,
                None => write!(formatter, "which Kafka keeps for ever")?,
            }
            writeln!(formatter, "; a cut there removes {messages} messages, of all people")?;
        }
        Ok(())
    }
}

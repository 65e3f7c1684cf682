//! Erasing a person: all that is stored of them becomes that of somebody who does not exist ([`Renaming`]), and
//! nothing else changes.
//!
//! The embedded log is searched, or the lake where the log is in Kafka; everything else follows from what is
//! found there. So what is searched is changed last: a run that is broken off finds the same again, and gives
//! the same names, as the key of the first one is kept until nothing is left to do. What is changed twice
//! becomes the same twice.

mod command;
mod documents;
mod key;
mod search;
mod topics;

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use pulso_lake::{Lake, Rewrite};
use pulso_model::{ColumnType, Part, Position, Renaming, Stream, View, WallTime};
use pulso_pipeline::{Amend, Change, Checkpoint, Checkpoints, Clock, Source, SystemClock};
use pulso_runtime::stores::{self, Alone, LogReader, OwnLog, OwnStores, OwnViews, Waiting};
use pulso_runtime::{Config, Exit, ExplainExt, FailureExt};
use pulso_window::Saved;
use tokio_util::sync::CancellationToken;

use crate::lock::{LOCK, lock};
use crate::{ArchiveOptions, Until, archive, find_lake};
pub use command::{EraseArgs, erase};
use key::Kept;
use search::{Found, Search};
use topics::Left;

/// How many messages an error names.
const NAMED_MAX: usize = 5;

/// So long after it was written every replaced file is removed, however coarse the times of files are.
const AFTER_MS: i64 = 60_000;

/// What was found of a person, and is not changed yet. Nobody else can change the stores meanwhile.
#[derive(Debug)]
pub struct Erasure {
    config: Config,
    kept: Kept,
    log: OwnLog,
    lake: Option<Lake>,
    views: Option<OwnViews>,
    spool: Option<Alone>,
    found: Found,
    changes: Vec<Change>,
    /// That of the speed layer, as it will be.
    checkpoint: Option<Checkpoint>,
    /// What waits for the log, by its place in the spool.
    waiting: Vec<i64>,
    /// What cannot be changed.
    left: Vec<Left>,
    /// Whether the log in Kafka is to forget the person, and all that came before.
    cut: bool,
    _batch: File,
}

impl Erasure {
    /// Finds all that is stored of an actor of the configuration's stream. Changes nothing, but brings to the
    /// lake what a log in Kafka has; with `cut` that is forgotten there.
    ///
    /// # Errors
    /// When another program uses the stores, the stream is about nobody, the person cannot be taken out of a
    /// message, or the speed layer has not read all that a log in Kafka says of them.
    pub async fn find(config: Config, actor: &str, cut: bool) -> anyhow::Result<Self> {
        // Views that are off now may have been on.
        let whole = config.definition().whole();
        let Some(kept) = Kept::of(&config.data.directory, whole, actor)? else {
            return about_nobody(&config);
        };
        let OwnStores { log, mut views, spool } = OwnStores::open(&config).await.explained()?;
        let Some(mut log) = log else { return no_log(&config) };
        if let (OwnLog::Embedded(_), true) = (&log, cut) {
            return nothing_to_cut();
        }
        let batch = alone(&config).await?;
        let decoder = config.decoder();
        let search = Search::new(&decoder, &kept.renaming);
        let mut found = Found::default();
        let lake = find_in_messages(&config, &mut log, &search, &mut found).await?;
        must_be_possible(&found)?;
        let mut waiting = Vec::new();
        if let Some(spool) = &spool {
            let see = |message: Waiting| {
                let concerned = search.concerns(&message.payload, message.received_time);
                waiting.extend(concerned.then_some(message.position));
            };
            spool.each_waiting(see).explained()?;
        }
        let stored = match &mut views {
            Some(views) => views.load().await.explained()?,
            None => None,
        };
        let left = match (&mut log, &lake) {
            (OwnLog::Kafka(log), Some(lake)) => {
                let archived = lake.next_offsets(log.partitions()).await.explained()?;
                topics::left(&config, log, &archived, stored.as_ref(), &search).await?
            }
            _ => Vec::new(),
        };
        let changes = match &mut views {
            Some(views) => documents::changes(views, &kept.renaming, &found).await?,
            None => Vec::new(),
        };
        let checkpoint =
            stored.map(|stored| renamed(stored, &kept.renaming, &found)).transpose()?;
        Ok(Self {
            config,
            kept,
            log,
            lake,
            views,
            spool,
            found,
            changes,
            checkpoint,
            waiting,
            left,
            cut,
            _batch: batch,
        })
    }

    /// Whether there is nothing to do, nor left to do by a run that was broken off.
    pub fn is_empty(&self) -> bool {
        let found = !self.found.payloads.is_empty() || !self.changes.is_empty();
        let cut = self.cut && !self.left.is_empty();
        !found && self.waiting.is_empty() && !cut && !self.kept.begun
    }

    /// What Kafka has of the person, which goes only as a whole with what came before.
    fn left_in_kafka(&self) -> String {
        let mut text: String = self.left.iter().map(Left::to_string).collect();
        if !self.left.is_empty() {
            text.push_str(match self.cut {
                true => "all up to there is removed from these topics, of everybody\n",
                false => {
                    "`--cut-log` removes all up to there from these topics now, of everybody\n"
                }
            });
        }
        text
    }

    /// Makes all changes. Killed at any moment, it is to be run again.
    ///
    /// # Errors
    /// When a store fails; then, too.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let rewrite = rewrite(&self.found);
        // It may have been filled when the messages were understood in another way: then nothing is changed.
        let prepared = match &mut self.lake {
            Some(lake) => Some(lake.prepare(&rewrite).await.explained()?),
            None => None,
        };
        if let OwnLog::Kafka(log) = &self.log {
            log.may_write().explained()?;
        }
        self.kept.keep()?;
        if let Some(mut views) = self.views {
            if let Some(checkpoint) = self.checkpoint {
                views.save(checkpoint).await.explained()?;
            }
            views.amend(&self.changes).await.explained()?;
            let journals = [View::CONTACTS, View::DEAD_LETTERS];
            let all = [self.kept.renaming.views(), journals.to_vec()].concat();
            views.finish(&all).await.explained()?;
        }
        if let Some(mut spool) = self.spool {
            spool.forget(&self.waiting).explained()?;
            spool.write_anew().explained()?;
        }
        empty(&self.config.scratch_path())?;
        if self.cut {
            for left in &self.left {
                left.cut(&self.config).await?;
            }
        }
        if let (Some(mut lake), Some(prepared)) = (self.lake, prepared) {
            if lake.exchange(prepared, SystemClock.now()).await.explained()?.is_none() {
                lake.rewrite(&rewrite, SystemClock.now()).await.explained()?;
            }
            clean(&mut lake).await?;
        }
        if let OwnLog::Embedded(mut log) = self.log {
            log.replace_payloads(&self.found.payloads).explained()?;
            log.write_anew().explained()?;
        }
        self.kept.forget()
    }
}

impl fmt::Display for Erasure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { own, others, no_facts, left, .. } = &self.found;
        let messages = match &self.log {
            OwnLog::Embedded(_) => "log and lake",
            OwnLog::Kafka(_) => "lake",
        };
        writeln!(
            formatter,
            "{messages}: {own} facts of the person, {others} of others that name them, {no_facts} messages \
             that are no facts"
        )?;
        for (view, documents) in documents::counts(&self.changes) {
            writeln!(formatter, "{view}: {documents} documents")?;
        }
        writeln!(formatter, "spool: {} messages", self.waiting.len())?;
        formatter.write_str(&self.left_in_kafka())?;
        if !left.is_empty() {
            writeln!(
                formatter,
                "{} facts name them where the descriptor says that nobody is named, and stay so: {}",
                left.len(),
                named(left)
            )?;
        }
        for view in self.kept.renaming.views() {
            if self.kept.renaming.actor_field(view).is_none() {
                writeln!(
                    formatter,
                    "{view}: does not say whose its documents are; compute it anew: `pulso-batch run {view}`"
                )?;
            }
        }
        Ok(())
    }
}

/// No batch run goes on meanwhile, and none begins.
async fn alone(config: &Config) -> anyhow::Result<File> {
    let scratch = config.scratch_path();
    stores::make(&scratch).explained()?;
    // Who is to stop does not wait for the others.
    let at_once = CancellationToken::new();
    at_once.cancel();
    lock(&scratch, &at_once).await
}

/// Searches the embedded log, or the lake when that has all that a log in Kafka has by now.
async fn find_in_messages(
    config: &Config,
    log: &mut OwnLog,
    search: &Search<'_>,
    found: &mut Found,
) -> anyhow::Result<Option<Lake>> {
    match log {
        OwnLog::Embedded(log) => {
            log.each_message(|record| search.see(&record, found)).explained()?;
            find_lake(config).await
        }
        OwnLog::Kafka(log) => {
            let lake = filled(config, log).await?;
            lake.each_message(|record| search.see(&record, found)).explained()?;
            Ok(Some(lake))
        }
    }
}

async fn filled(config: &Config, log: &mut LogReader) -> anyhow::Result<Lake> {
    let (options, stop) = (ArchiveOptions::from(&config.archive), CancellationToken::new());
    let mut lake = Lake::open_or_create(config.lake_path(), &config.decoder()).await.explained()?;
    archive(log, &mut lake, &options, Until::EndOfLog, &SystemClock, stop, |_| ()).await?;
    Ok(lake)
}

fn about_nobody<T>(config: &Config) -> anyhow::Result<T> {
    let stream = &config.stream;
    Err(anyhow!("the facts of the stream `{stream}` have no actor who is a person")).exit(Exit::Usage).hint(
        "a person is an actor that is `personal` in the descriptor of the stream; name one with `--actor STREAM ID`",
    )
}

fn no_log<T>(config: &Config) -> anyhow::Result<T> {
    Err(anyhow!("there is no log `{}`", config.log_path().display()))
        .exit(Exit::NoInput)
        .hint("name the data directory with `--data`")
}

fn nothing_to_cut<T>() -> anyhow::Result<T> {
    Err(anyhow!("`--cut-log` is for a log in Kafka, and that of this configuration is embedded"))
        .exit(Exit::Usage)
        .hint("leave it out: messages of an embedded log are changed where they are")
}

/// Nothing may be half done.
fn must_be_possible(found: &Found) -> anyhow::Result<()> {
    if !found.stuck.is_empty() {
        return Err(anyhow!(
            "the person cannot be taken out of {} messages without changing what they say: {}",
            found.stuck.len(),
            named(&found.stuck)
        ))
        .exit(Exit::Internal)
        .hint("nothing was changed; the program of the stream makes something else of a personal value");
    }
    if !found.terms.is_empty() {
        return Err(anyhow!(
            "{} facts have terms that name the person, as of an event that they announced: {}",
            found.terms.len(),
            named(&found.terms)
        ))
        .exit(Exit::Usage)
        .hint("nothing was changed: terms of windows cannot be called otherwise; remove the data of the stream");
    }
    Ok(())
}

/// The first of some messages.
fn named<'p>(positions: impl IntoIterator<Item = &'p Position>) -> String {
    let mut positions = positions.into_iter();
    let name = |position: &Position| {
        format!("partition {} offset {}", position.partition, position.offset)
    };
    let mut names: Vec<_> = positions.by_ref().take(NAMED_MAX).map(name).collect();
    names.extend(positions.next().map(|_| "…".to_owned()));
    names.join(", ")
}

fn renamed(
    checkpoint: Checkpoint,
    renaming: &Renaming,
    found: &Found,
) -> anyhow::Result<Checkpoint> {
    let mut saved = Saved::from_bytes(&checkpoint.state)
        .context("failed to read the checkpoint of the speed layer")
        .exit(Exit::Internal)
        .hint("use the version of pulso that made it")?;
    let new_actor = renaming.new_actor();
    saved.windows.rename((renaming.actor(), &new_actor), &found.identities);
    let state = saved.to_bytes();
    Ok(Checkpoint { state, ..checkpoint })
}

/// The new messages of the lake.
fn rewrite(found: &Found) -> Rewrite {
    let payloads = found.payloads.clone();
    let positions = payloads.keys().copied().collect();
    Rewrite::new(positions, move |record| payloads.get(&record.position()).cloned())
}

/// Removes the files of the old messages.
async fn clean(lake: &mut Lake) -> anyhow::Result<()> {
    if in_statistics(lake.stream()) {
        return lake.purge().await.explained();
    }
    // The log of the table stays: it tells jobs that they have nothing to compute again.
    let later = WallTime(SystemClock.now().0 + AFTER_MS);
    lake.vacuum(Duration::ZERO, later).await.map(drop).explained()
}

/// Whether the log of a table has ids of people: the smallest and largest integers that tell facts apart.
fn in_statistics(stream: &Stream) -> bool {
    stream.identity.iter().any(|part| match *part {
        Part::Column(at) => {
            let integer = stream.columns[at].column_type == ColumnType::Integer;
            integer && stream.personal.contains(part)
        }
        _ => false,
    })
}

/// What batch jobs left behind when they were killed.
fn empty(scratch: &Path) -> anyhow::Result<()> {
    let remove = || -> std::io::Result<()> {
        for entry in fs::read_dir(scratch)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false if entry.file_name() == LOCK => {}
                false => fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    };
    if !scratch.exists() {
        return Ok(());
    }
    remove().with_context(|| format!("failed to empty `{}`", scratch.display()))
}

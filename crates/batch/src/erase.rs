//! Erasing a person: all that is stored of them in the data directory becomes that of somebody who does not
//! exist ([`Renaming`]), and nothing else changes.
//!
//! The log is searched; everything else follows from what is found there. So the log is changed last: a run
//! that is broken off finds the same again, and gives the same names, as the key of the first one is kept
//! until nothing is left to do. What is changed twice becomes the same twice.

mod command;
mod documents;
mod key;
mod search;

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use pulso_lake::{Lake, Rewrite};
use pulso_model::{ColumnType, Part, Position, Renaming, Stream, WallTime};
use pulso_pipeline::{Checkpoint, Clock, SystemClock, speed_checkpoint};
use pulso_runtime::config::{LogStore, ViewStore};
use pulso_runtime::stores::{Change, OwnStores, Waiting};
use pulso_runtime::{Config, Exit, ExplainExt, FailureExt};
use pulso_window::Saved;

use crate::find_lake;
use crate::lock::LOCK;
pub use command::{EraseArgs, erase};
use key::Kept;
use search::{Found, Search};

/// How many messages an error names.
const NAMED_MAX: usize = 5;

/// So long after it was written every replaced file is removed, however coarse the times of files are.
const AFTER_MS: i64 = 60_000;

/// What was found of a person, and is not changed yet. Nobody else can use the stores meanwhile.
#[derive(Debug)]
pub struct Erasure {
    config: Config,
    kept: Kept,
    stores: OwnStores,
    found: Found,
    changes: Vec<Change>,
    /// That of the speed layer, as it will be.
    checkpoint: Option<Checkpoint>,
    /// What waits for the log, by its place in the spool.
    waiting: Vec<i64>,
}

impl Erasure {
    /// Finds all that is stored of an actor of the configuration's stream. Changes nothing.
    ///
    /// # Errors
    /// When another program uses the stores, they are not all in the data directory, the stream is about
    /// nobody, or the person cannot be taken out of a message.
    pub fn find(config: Config, actor: &str) -> anyhow::Result<Self> {
        must_be_embedded(&config)?;
        let Some(kept) = Kept::of(&config.data.directory, config.stream(), actor)? else {
            return about_nobody(&config);
        };
        let mut stores = OwnStores::open(&config).explained()?;
        let Some(log) = &stores.log else { return no_log(&config) };
        let decoder = config.decoder();
        let search = Search::new(&decoder, &kept.renaming);
        let mut found = Found::default();
        log.each_message(|record| search.see(&record, &mut found)).explained()?;
        must_be_possible(&found)?;
        let mut waiting = Vec::new();
        if let Some(spool) = &stores.spool {
            let see = |message: Waiting| {
                let concerned = search.concerns(&message.payload, message.received_time);
                waiting.extend(concerned.then_some(message.position));
            };
            spool.each_waiting(see).explained()?;
        }
        let (mut changes, mut checkpoint) = (Vec::new(), None);
        if let Some(views) = &mut stores.views {
            changes = documents::changes(views, &kept.renaming, &found)?;
            let stored = views.checkpoint(&speed_checkpoint(&config.stream)).explained()?;
            checkpoint =
                stored.map(|stored| renamed(stored, &kept.renaming, &found)).transpose()?;
        }
        Ok(Self { config, kept, stores, found, changes, checkpoint, waiting })
    }

    /// Whether there is nothing to do, nor left to do by a run that was broken off.
    pub fn is_empty(&self) -> bool {
        let found = !self.found.payloads.is_empty() || !self.changes.is_empty();
        !found && self.waiting.is_empty() && !self.kept.begun
    }

    /// Makes all changes. Killed at any moment, it is to be run again.
    ///
    /// # Errors
    /// When a store fails; then, too.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { config, kept, stores, found, changes, checkpoint, waiting } = self;
        let OwnStores { log, views, spool } = stores;
        kept.keep()?;
        if let Some(mut lake) = find_lake(&config).await? {
            // It may have been filled when the messages were understood in another way.
            if let Err(error) = rewrite(&mut lake, &found).await {
                kept.forget_unless_begun()?;
                return Err(error);
            }
            clean(&mut lake).await?;
        }
        if let Some(mut views) = views {
            if let Some(checkpoint) = checkpoint {
                let name = speed_checkpoint(&config.stream);
                views.save_checkpoint(&name, &checkpoint).explained()?;
            }
            views.change_documents(&changes).explained()?;
            views.finish().explained()?;
        }
        if let Some(mut spool) = spool {
            spool.forget(&waiting).explained()?;
            spool.finish().explained()?;
        }
        empty(&config.scratch_path())?;
        if let Some(mut log) = log {
            log.replace_payloads(&found.payloads).explained()?;
            log.finish().explained()?;
        }
        kept.forget()
    }
}

impl fmt::Display for Erasure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { own, others, no_facts, left, .. } = &self.found;
        writeln!(
            formatter,
            "log and lake: {own} facts of the person, {others} of others that name them, {no_facts} messages \
             that are no facts"
        )?;
        for (view, documents) in documents::counts(&self.changes) {
            writeln!(formatter, "{view}: {documents} documents")?;
        }
        writeln!(formatter, "spool: {} messages", self.waiting.len())?;
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

/// What servers hold is out of reach of this command.
fn must_be_embedded(config: &Config) -> anyhow::Result<()> {
    if config.log.store == LogStore::Embedded && config.views.store == ViewStore::Embedded {
        return Ok(());
    }
    Err(anyhow!(
        "only a person in a data directory can be erased, and the log or the views are on servers"
    ))
    .exit(Exit::Usage)
    .hint("`docs/privacy.md` says what to do on servers")
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

/// Puts the new messages into the lake, all or none.
async fn rewrite(lake: &mut Lake, found: &Found) -> anyhow::Result<()> {
    let payloads = found.payloads.clone();
    let positions = payloads.keys().copied().collect();
    let new = Rewrite::new(positions, move |record| payloads.get(&record.position()).cloned());
    lake.rewrite(&new, SystemClock.now()).await.map(drop).explained()
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

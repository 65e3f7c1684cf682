//! The reconciliation of both layers: is every message accounted for once, and do the layers agree?
//!
//! Reads the lake, the speed layer's checkpoint and the view store. What must hold
//! is said in the names of the [`Check`]s, and that no [`Difference`] is found:
//!
//! - of closed panes and windows the speed layer's documents are exactly the jobs over all facts
//!   but the late ones, up to the checkpoint;
//! - its `facts` are all of them, late ones included;
//! - where the log no longer had its oldest messages when the speed layer began, both hold from the
//!   time on after which no message plays a part that it never saw;
//! - what the batch layer published for the days it completed, and as of now, is what its jobs give
//!   now, but for days that have changed since and wait for the next run.
//!
//! What cannot be compared is [left out](LeftOut), by name and number; where that is all that a layer
//! has, the [`Verdict`] is not that it holds.

mod batch;
mod compare;
mod documents;
pub(crate) mod offsets;
mod report;
mod reports;
mod speed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pulso_model::{Day, Layer, Stream, View};
use pulso_pipeline::{Checkpoint, LayerChoice, Views};

use crate::engine::Input;
use crate::{BatchError, Engine};
use batch::BatchDocuments;
use documents::Stored;
use offsets::Accounts;
pub use report::{Check, Comparison, Difference, LeftOut, Report, Verdict};
pub use reports::Reports;
use speed::SpeedDocuments;

/// The facts that the speed layer shows, as of a moment.
pub struct Shown<V: Views>(Stored<V>);

impl<V: Views> fmt::Debug for Shown<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shown").finish_non_exhaustive()
    }
}

/// What the speed layer shows now. A lake that is filled after this has all of it, while the speed layer
/// goes on.
///
/// # Errors
/// When the view store cannot be read.
pub async fn shown<V: Views>(stream: &Stream, views: &V) -> Result<Shown<V>, BatchError> {
    let view = stream.facts_view.view;
    Stored::scan(views, view, LayerChoice::Only(Layer::Speed)).await.map(Shown)
}

/// The lake, and what both layers made of its messages.
#[derive(Debug)]
pub struct Reconciliation<'a, V: Views> {
    /// Over a lake that holds all messages before the checkpoint, and those of `shown`; what is
    /// missing is a difference.
    pub engine: &'a Engine,
    /// The speed layer's.
    pub checkpoint: &'a Checkpoint,
    pub views: &'a V,
    pub shown: Shown<V>,
    /// The days that jobs have to compute again: of these, and of views as of now while there are
    /// any, the batch layer's documents are not compared.
    pub waiting: BTreeMap<View, BTreeSet<Day>>,
}

impl<V: Views> Reconciliation<'_, V> {
    /// Compares what the layers wrote with what the lake gives.
    ///
    /// # Errors
    /// When the lake or the view store cannot be read.
    pub async fn run(self) -> Result<Report, BatchError> {
        let Self { engine, checkpoint, views, shown, waiting } = self;
        let all = engine.facts(Input::Lake, engine.jobs()).await?;
        let seen = &engine.beginning_at(checkpoint.first_offsets());
        let narrower = match seen.begins_late() {
            true => Some(seen.facts(Input::Lake, &[]).await?),
            false => None,
        };
        let seen_facts = narrower.as_ref().unwrap_or(&all);

        let accounts = Accounts::new(seen, checkpoint, views);
        let judged = accounts.check(seen_facts.echoes()).await?;
        let mut report =
            Report { checks: judged.checks, uncounted: judged.uncounted, ..Report::default() };

        let speed = SpeedDocuments::new(seen, seen_facts, checkpoint, views).await?;
        speed.compare_facts(shown, &mut report).await?;
        speed.compare_windows(judged.late, &mut report).await?;

        let batch = BatchDocuments::new(engine, &all, views, &waiting).await?;
        for job in engine.jobs() {
            batch.compare(job, &mut report).await?;
        }
        Ok(report)
    }
}

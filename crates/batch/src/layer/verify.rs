//! Comparing both layers, recorded like a run.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{Day, EventTime, View, ViewDocument};
use pulso_pipeline::{BatchViews, Checkpoint, Clock, Sink, Source, Views};
use pulso_runtime::{ExplainExt, chain};

use super::{BatchLayer, Selection};
use crate::runs::Outcome;
use crate::verify::{Reconciliation, Report, shown};
use crate::{Engine, Job};

/// The name of comparisons of both layers among the runs.
const VERIFY: &str = "verify";

impl<S, V, C> BatchLayer<S, V, C>
where
    S: Source,
    V: Views + BatchViews + Sink<ViewDocument> + Sync,
    C: Clock,
{
    /// Compares both layers' views with the lake, once it has what they show by now; the speed layer may
    /// go on meanwhile. What came of it is recorded among the runs.
    ///
    /// # Errors
    /// When the log, the lake or the view store fails.
    pub async fn verify(&mut self, checkpoint: &Checkpoint) -> anyhow::Result<Report> {
        let mut run = self.journal.start(VERIFY, self.clock.now());
        let verified = self.reconcile(checkpoint).await;
        run.ended = Some(EventTime(self.clock.now().0));
        run.rows = verified.as_ref().ok().map(Report::all_compared);
        let wrong = match &verified {
            Ok(report) => report.conclude().err().map(|error| error.to_string()),
            Err(error) => Some(chain(&**error).to_string()),
        };
        run.outcome = if wrong.is_some() { Outcome::Failed } else { Outcome::Succeeded };
        run.error = wrong;
        self.journal.record(&run).await?;
        verified
    }

    async fn reconcile(&mut self, checkpoint: &Checkpoint) -> anyhow::Result<Report> {
        // What may take long first: stores keep what is shown as of a moment for some minutes only.
        self.archive(|_| ()).await?;
        let shown = shown(self.lake.stream(), &self.views).await?;
        self.archive(|_| ()).await?;
        let _lock = self.lock().await?;
        self.lake.refresh().await.explained()?;
        let engine = self.engine().await?;
        let waiting = self.waiting(&engine).await;
        let waiting = self.explain(waiting)?;
        let views = &self.views;
        let reconciliation = Reconciliation { engine: &engine, checkpoint, views, shown, waiting };
        let report = reconciliation.run().await;
        self.explain(report.map_err(Into::into))
    }

    /// The days that each job has to compute again; of one that is not by day, also those of which only
    /// what came late is left.
    async fn waiting(&mut self, engine: &Engine) -> anyhow::Result<BTreeMap<View, BTreeSet<Day>>> {
        let mut waiting = BTreeMap::new();
        let jobs = self.jobs();
        let names: Vec<_> = jobs.iter().map(Job::name).collect();
        let last = self.journal.last_successes(&names).await?;
        for due in self.select(engine, &jobs, Selection::Changed).await? {
            let (job, mut days) = (due.job, due.days.days);
            if !job.by_day() {
                let last = last.get(job.name());
                if let Some(version) = last.and_then(|run| run.lake_version) {
                    days = self.lake.days_changed_since(version).await.explained()?;
                }
            }
            waiting.insert(job.view, days);
        }
        Ok(waiting)
    }
}

//! What a replay did, for people and for scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use pulso_model::{Stream, View};
use pulso_pipeline::{LayerChoice, Progress, Views};
use pulso_runtime::{Config, ExplainExt};
use pulso_speed::Status;
use serde::{Deserialize, Serialize};

use crate::data::DataFolder;
use crate::output;

/// Seconds of wall time by stage.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Seconds {
    /// Reading, and the speed layer beside it.
    read: f64,
    archive: f64,
    jobs: f64,
}

impl Seconds {
    pub(super) fn new(read: Duration, archive: Duration, jobs: Duration) -> Self {
        let [read, archive, jobs] = [read, archive, jobs].map(|stage| stage.as_secs_f64());
        Self { read, archive, jobs }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Summary {
    data: String,
    /// What a person types to come back.
    #[serde(skip)]
    arguments: String,
    /// A view worth a first look.
    #[serde(skip)]
    look: &'static str,
    /// Read in this run; all other counts are of the whole log.
    messages: u64,
    log: Totals,
    dead_letters_by_reason: BTreeMap<String, u64>,
    /// Every window that ended by then has been written.
    closed_until: Option<String>,
    archived: u64,
    /// Documents by batch job.
    jobs: BTreeMap<&'static str, u64>,
    seconds: Seconds,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Totals {
    messages: u64,
    counted: u64,
    echoes: u64,
    late: u64,
    skipped: u64,
    dead_letters: u64,
}

#[derive(Deserialize)]
struct DeadLetter {
    stream: String,
    reason: String,
}

impl Summary {
    pub(super) async fn new(
        config: &Config,
        messages: u64,
        status: &Status,
        archived: u64,
        jobs: BTreeMap<&'static str, u64>,
        seconds: Seconds,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            data: config.data.directory.display().to_string(),
            arguments: output::data_arguments(config),
            look: look(config.stream()).name(),
            messages,
            log: status.progress.iter().fold(Totals::default(), Totals::add),
            dead_letters_by_reason: dead_letters_by_reason(config).await?,
            closed_until: status.closed_until.map(|time| time.to_string()),
            archived,
            jobs,
            seconds,
        })
    }

    pub(super) fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("a summary has text keys and finite numbers") + "\n"
    }

    pub(super) fn text(&self) -> String {
        let Totals { messages, counted, echoes, late, skipped, dead_letters } = self.log;
        let mut text = format!(
            "read {} messages in {:.1} s (archive {:.1} s, batch jobs {:.1} s)\n\
             in the log: {messages} messages = {counted} counted + {echoes} echoes + {late} late \
             + {skipped} skipped + {dead_letters} dead letters\n",
            self.messages, self.seconds.read, self.seconds.archive, self.seconds.jobs
        );
        for (reason, count) in &self.dead_letters_by_reason {
            text.push_str(&format!("  {count} {reason}\n"));
        }
        if let Some(closed_until) = &self.closed_until {
            text.push_str(&format!("all windows until {closed_until} are written\n"));
        }
        for (job, documents) in &self.jobs {
            text.push_str(&format!("  {job}: {documents} documents\n"));
        }
        let (arguments, view) = (&self.arguments, &self.look);
        text.push_str(&format!(
            "look: pulso export {view} {arguments}\nprove: pulso verify {arguments}\n"
        ));
        text
    }
}

impl Totals {
    fn add(self, progress: &Progress) -> Self {
        Self {
            messages: self.messages + progress.next_offset,
            counted: self.counted + progress.counted,
            echoes: self.echoes + progress.echoes,
            late: self.late + progress.late,
            skipped: self.skipped + progress.skipped,
            dead_letters: self.dead_letters + progress.dead_letters,
        }
    }
}

fn look(stream: &Stream) -> View {
    stream.facets.first().map_or(stream.activity_view, |facet| facet.view)
}

async fn dead_letters_by_reason(config: &Config) -> anyhow::Result<BTreeMap<String, u64>> {
    let views = DataFolder::open_read_only(&config.data.directory)?.views_read_only(config)?;
    let mut documents = views.scan(View::DEAD_LETTERS, LayerChoice::Current).await.explained()?;
    let mut reasons = BTreeMap::new();
    while let Some(chunk) = documents.recv().await {
        for stored in chunk.explained()? {
            if let Ok(DeadLetter { stream, reason }) = serde_json::from_str(&stored.document.body)
                && stream == config.stream
            {
                *reasons.entry(reason).or_default() += 1;
            }
        }
    }
    Ok(reasons)
}

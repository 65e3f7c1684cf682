//! Decodes a sample, as the layers would, and says what became of its messages.

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Args;
use pulso_file::FileReader;
use pulso_model::MAX_MESSAGE_BYTES;
use pulso_runtime::{CommonArgs, Exit, ExplainExt, FailureExt};
use pulso_streams::{Definition, Trial};

use super::FileInput;
use crate::output::print;

#[derive(Debug, Args)]
pub(super) struct TryArgs {
    /// The name of the stream
    name: String,
    /// Files with one message a line, also .gz and .zst; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<FileInput>,
    /// How many facts to print
    #[arg(long, value_name = "N", default_value_t = 5)]
    facts: usize,
    /// How many errors to print
    #[arg(long, value_name = "N", default_value_t = 3)]
    errors: usize,
}

pub(super) async fn run(common: &CommonArgs, args: TryArgs) -> anyhow::Result<()> {
    let TryArgs { name, files, facts, errors } = args;
    let definition = common.load_stream(&name)?.definition();
    for file in &files {
        file.check().explained()?;
    }
    let mut trials = Trials::new(&definition, facts, errors);
    for file in files {
        let name = file.to_string();
        // A longer one is cut off, and is too large all the same.
        let mut reader = FileReader::open(file, MAX_MESSAGE_BYTES + 1).explained()?;
        while let Some(batch) = reader.next_batch().await.explained()? {
            for line in batch.lines {
                trials.decode(&name, &line);
            }
        }
    }
    if trials.messages == 0 {
        return Err(anyhow!("the input contains no messages")).exit(Exit::NoInput);
    }
    print(&trials.report())
}

struct Trials<'d> {
    definition: &'d Definition,
    facts_max: usize,
    errors_max: usize,
    messages: u64,
    facts: Vec<String>,
    /// By kind of outcome and reason.
    outcomes: BTreeMap<(&'static str, String), u64>,
    errors: Vec<String>,
}

impl<'d> Trials<'d> {
    fn new(definition: &'d Definition, facts_max: usize, errors_max: usize) -> Self {
        Self {
            definition,
            facts_max,
            errors_max,
            messages: 0,
            facts: Vec::new(),
            outcomes: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    fn decode(&mut self, file: &str, message: &[u8]) {
        self.messages += 1;
        let outcome = match self.definition.try_message(message) {
            Trial::Fact(fact) => {
                let kind = fact["kind"].as_str().unwrap_or_default().to_owned();
                if self.facts.len() < self.facts_max {
                    self.facts.push(fact.to_string());
                }
                ("fact", kind)
            }
            Trial::Skipped(reason) => ("skipped", reason),
            Trial::DeadLetter { reason, detail } => {
                if self.errors.len() < self.errors_max {
                    self.errors.push(format!("{file}: message {}: {detail}", self.messages));
                }
                ("dead letter", reason.to_owned())
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    fn report(&self) -> String {
        let mut text = String::new();
        for fact in &self.facts {
            text.push_str(fact);
            text.push('\n');
        }
        for error in &self.errors {
            text.push_str(&format!("\n{error}\n"));
        }
        text.push_str(&format!("\nmessages: {}\n", self.messages));
        for ((outcome, reason), count) in &self.outcomes {
            text.push_str(&format!("  {outcome}, {reason}: {count}\n"));
        }
        text
    }
}

//! Decodes a sample, as the layers would, and says what became of its messages.

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Args;
use pulso_file::FileReader;
use pulso_model::{Decoded, Fact, MAX_MESSAGE_BYTES, Stream, TimeLimits, Value, WallTime};
use pulso_runtime::{CommonArgs, Exit, ExplainExt, FailureExt};
use pulso_streams::Definition;
use serde_json::{Map, Value as Json, json};

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
    let mut trial = Trial::new(&definition, facts, errors);
    for file in files {
        let name = file.to_string();
        // A longer one is cut off, and is too large all the same.
        let mut reader = FileReader::open(file, MAX_MESSAGE_BYTES + 1).explained()?;
        while let Some(batch) = reader.next_batch().await.explained()? {
            for line in batch.lines {
                trial.decode(&name, &line);
            }
        }
    }
    if trial.messages == 0 {
        return Err(anyhow!("the input contains no messages")).exit(Exit::NoInput);
    }
    print(&trial.report())
}

struct Trial<'d> {
    definition: &'d Definition,
    decoder: pulso_model::Decoder,
    facts_max: usize,
    errors_max: usize,
    messages: u64,
    facts: Vec<String>,
    /// By kind of outcome and reason.
    outcomes: BTreeMap<(&'static str, String), u64>,
    errors: Vec<String>,
}

impl<'d> Trial<'d> {
    fn new(definition: &'d Definition, facts_max: usize, errors_max: usize) -> Self {
        Self {
            definition,
            decoder: definition.decoder(TimeLimits::NONE),
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
        let stream = self.definition.stream;
        let outcome = match self.decoder.decode(message, WallTime(0)) {
            Ok(Decoded::Fact(fact)) => {
                if self.facts.len() < self.facts_max {
                    self.facts.push(shown(stream, &fact).to_string());
                }
                ("fact", stream.kind.values[usize::from(fact.kind)].to_owned())
            }
            Ok(Decoded::Skipped(reason)) => ("skipped", reason.into_owned()),
            Err(dead_letter) => {
                if self.errors.len() < self.errors_max {
                    let place = format!("{file}: message {}", self.messages);
                    let detail = self.explained(message).unwrap_or(dead_letter.to_string());
                    self.errors.push(format!("{place}: {detail}"));
                }
                ("dead letter", dead_letter.reason.name().to_owned())
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// An error of the program as VRL shows it.
    fn explained(&self, message: &[u8]) -> Option<String> {
        let program = self.definition.program()?;
        let failure = program.run(message).err()?;
        program.show(&failure)
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

/// A fact as JSON, with the names that the program gives its parts.
fn shown(stream: &Stream, fact: &Fact<'_>) -> Json {
    let mut parts = Map::new();
    parts.insert("time".to_owned(), fact.time.to_string().into());
    parts.insert("kind".to_owned(), stream.kind.values[usize::from(fact.kind)].into());
    if stream.scope.is_some() {
        parts.insert("scope".to_owned(), fact.scope.clone().into());
    }
    if !stream.sums.is_empty() {
        let sums = stream.sums.iter().zip(fact.sums);
        let sums = sums.map(|(name, sum)| ((*name).to_owned(), sum.into()));
        parts.insert("sums".to_owned(), Json::Object(sums.collect()));
    }
    if let Some(place) = fact.place {
        let place = json!({"lat": place.latitude(), "lon": place.longitude()});
        parts.insert("place".to_owned(), place);
    }
    let terms = stream.facets.iter().zip(&fact.terms).map(|(facet, terms)| {
        let term = |term: &pulso_model::Term<'_>| match term.key == term.name {
            true => Json::from(term.key.clone()),
            false => json!({"key": term.key, "name": term.name}),
        };
        (facet.term.many.to_owned(), terms.iter().map(term).collect())
    });
    let terms: Map<_, _> = terms.collect();
    if !terms.is_empty() {
        parts.insert("terms".to_owned(), terms.into());
    }
    let columns = stream.columns.iter().zip(&fact.columns);
    let columns = columns.map(|(column, value)| (column.name.to_owned(), column_json(value)));
    let columns: Map<_, _> = columns.filter(|(_, value)| !value.is_null()).collect();
    if !columns.is_empty() {
        parts.insert("columns".to_owned(), columns.into());
    }
    Json::Object(parts)
}

fn column_json(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::Texts(texts) => texts.iter().cloned().collect(),
        Value::Time(time) => time.to_string().into(),
    }
}

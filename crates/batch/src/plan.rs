//! Checks a stream's own queries before there is data: they must plan over its facts, and give the fields
//! that its descriptor declares.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use anyhow::anyhow;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::DataFusionError;
use pulso_lake::empty_table;
use pulso_model::{FieldType, Stream, View};
use pulso_runtime::{Exit, FailureExt};

use crate::engine::Input;
use crate::jobs::JobKind;
use crate::{BatchError, Engine, Job, LayerOptions, QueryError, Resources, WindowSettings};

/// Planning needs little: there is nothing to read.
const MEMORY_MAX: usize = 64 * 1024 * 1024;

/// What is wrong with the query of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobProblem {
    pub view: View,
    /// Of the query, from 1; `None` when it is about the query as a whole.
    pub line: Option<usize>,
    pub message: String,
}

impl fmt::Display for JobProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, line, message } = self;
        match line {
            Some(line) => write!(formatter, "the query of `{view}`, line {line}: {message}"),
            None => write!(formatter, "the query of `{view}`: {message}"),
        }
    }
}

/// Plans the queries that a stream brings itself.
///
/// # Errors
/// When the queries that every stream has cannot be planned.
pub async fn check_jobs(
    stream: &'static Stream,
    windows: WindowSettings,
    scratch: PathBuf,
) -> Result<Vec<JobProblem>, BatchError> {
    let own: Vec<_> = Job::all(stream).into_iter().filter(|job| job.kind == JobKind::Own).collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let lake = empty_table(stream);
    let resources = Resources { memory_max: MEMORY_MAX, threads: 1, scratch };
    let engine = Engine::new(stream, lake, windows, &resources)?;
    let facts = engine.facts(Input::Lake, &own).await?;
    let mut problems = Vec::new();
    for job in own {
        match facts.schema(&job).await {
            Ok(schema) => problems.extend(unlike(job.view, &schema)),
            Err(error) => problems.push(wrong(job.view, error)),
        }
    }
    Ok(problems)
}

/// # Errors
/// With every problem, when a query of the stream's own is wrong.
pub(crate) async fn refuse_wrong_jobs(
    stream: &'static Stream,
    options: &LayerOptions,
) -> anyhow::Result<()> {
    let scratch = options.resources.scratch.clone();
    let problems = check_jobs(stream, options.windows.clone(), scratch).await?;
    if problems.is_empty() {
        return Ok(());
    }
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Err(anyhow!("the stream `{stream}` has wrong queries: {}", problems.join("; ")))
        .exit(Exit::Usage)
        .hint("`pulso streams check` checks them alone")
}

fn wrong(view: View, error: DataFusionError) -> JobProblem {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let message = QueryError::from(error).to_string();
    // The parser of SQL puts the place into its words.
    let said = || message.split_once("Line: ")?.1.split(',').next()?.parse().ok();
    let line = span.and_then(|span| usize::try_from(span.start.line).ok()).or_else(said);
    JobProblem { view, line, message }
}

/// Holds the columns of a query against the declared fields.
fn unlike(view: View, schema: &Schema) -> Vec<JobProblem> {
    let mut expected = Vec::new();
    for field in view.fields() {
        match field.field_type {
            FieldType::Location => {
                let part = |part| (format!("{}.{part}", field.name), FieldType::Float);
                expected.extend(["lat", "lon"].map(part));
            }
            // Pulso's own queries make histograms, no others.
            FieldType::Histogram => {
                let part = |part| (format!("{}.{part}", field.name), FieldType::Histogram);
                expected.extend(["values", "counts"].map(part));
            }
            other => expected.push((field.name.to_owned(), other)),
        }
    }
    let mut messages = Vec::new();
    for (name, field_type) in &expected {
        match schema.field_with_name(name) {
            Err(_) => messages.push(format!("the query has no column `{name}`, which `fields` declare")),
            Ok(column) if !fits(*field_type, column.data_type()) => messages.push(format!(
                "the column `{name}` is {}, but `fields` declare `{}`; `CAST(… AS {})` makes it one",
                column.data_type(),
                field_type.name(),
                sql_type(*field_type)
            )),
            Ok(_) => {}
        }
    }
    let declared = |name: &String| expected.iter().any(|(field, _)| field == name);
    let extra = schema.fields().iter().filter(|column| !declared(column.name()));
    messages.extend(extra.map(|column| {
        format!("the column `{}` of the query is not among `fields`", column.name())
    }));
    let problem = |message| JobProblem { view, line: None, message };
    messages.into_iter().map(problem).collect()
}

/// Whether the values of a column can be those of a field without a loss.
fn fits(field_type: FieldType, data_type: &DataType) -> bool {
    let text = |data_type: &DataType| {
        matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    };
    match field_type {
        FieldType::Time => matches!(data_type, DataType::Timestamp(..)),
        FieldType::Day => matches!(data_type, DataType::Date32),
        FieldType::Boolean => matches!(data_type, DataType::Boolean),
        FieldType::Integer => data_type.is_integer(),
        FieldType::Float | FieldType::Location => data_type.is_numeric(),
        FieldType::Text => text(data_type),
        FieldType::TextList => match data_type {
            DataType::List(item) | DataType::LargeList(item) => text(item.data_type()),
            _ => false,
        },
        FieldType::Histogram => match data_type {
            DataType::List(item) => item.data_type().is_numeric(),
            _ => false,
        },
    }
}

/// The type in SQL.
fn sql_type(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Time => "TIMESTAMP",
        FieldType::Day => "DATE",
        FieldType::Boolean => "BOOLEAN",
        FieldType::Integer => "BIGINT",
        FieldType::Float | FieldType::Location => "DOUBLE",
        FieldType::Text => "TEXT",
        FieldType::TextList => "TEXT[]",
        FieldType::Histogram => "DOUBLE[]",
    }
}

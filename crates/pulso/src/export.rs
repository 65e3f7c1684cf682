//! Writes a view to a file: one document a line or a row, sorted by the view's key; or the graph of a view
//! whose documents are edges.

mod csv;
mod graph;

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, anyhow};
use pulso_lake::ParquetExport;
use pulso_model::{View, ViewKind};
use pulso_pipeline::{LayerChoice, StoredDocument, Views};
use pulso_runtime::config::ViewStore;
use pulso_runtime::stores::ViewReader;
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt};

use crate::cli::{ExportArgs, ExportFormat};
use crate::data::{DataFolder, start};
use crate::export::csv::CsvExport;
use crate::export::graph::Graph;
use crate::target::{Output, Target, nobody_reads};

pub(crate) async fn export(common: &CommonArgs, args: ExportArgs) -> anyhow::Result<()> {
    let ExportArgs { view, data, layer, format, undirected, output } = args;
    let config = start(common, &data)?;
    let view = named(&config, &view)?;
    let graph = graph(&config, view, format, undirected)?;
    if format == ExportFormat::Parquet && output.is_none() && io::stdout().is_terminal() {
        return Err(anyhow!("Parquet cannot be written to a terminal"))
            .exit(Exit::Usage)
            .hint("name a file with `--output FILE`");
    }
    let views = views(&config)?;
    // A journal has one list, whichever layer is asked for.
    let layer = if view.kind() == ViewKind::Journal { LayerChoice::Current } else { layer.into() };
    let mut documents = views.scan(view, layer).await.explained()?;
    let target = Target::new(output);
    let mut writer = target.with_context(Writer::open(view, format, graph, &target))?;
    let mut empty = true;
    while let Some(chunk) = documents.recv().await {
        let chunk = chunk.explained()?;
        empty &= chunk.is_empty();
        match writer.write(&chunk) {
            Err(error) if nobody_reads(&error) => return Ok(()),
            written => target.with_context(written)?,
        }
    }
    // A view that was written before still has what it had then.
    if empty {
        must_be_written(&config, view)?;
    }
    match writer.finish() {
        Err(error) if nobody_reads(&error) => Ok(()),
        finished => target.with_context(finished.and_then(|()| Ok(target.publish()?))),
    }
}

/// Fails with the reason if no layer writes the view.
fn must_be_written(config: &Config, view: View) -> anyhow::Result<()> {
    let Some(stream) = view.stream() else { return Ok(()) };
    let config = config.of_stream(stream).exit(Exit::Internal)?;
    let Some(reason) = config.stream().unwritten(view) else { return Ok(()) };
    let lake = config.lake_path();
    Err(anyhow!(reason))
        .with_context(|| format!("the view `{view}` is empty"))
        .exit(Exit::NoInput)
        .hint(format!("read the Delta table in `{}` with Spark, DuckDB or Polars", lake.display()))
}

/// The graph that is to be made of a view, for the formats of graphs.
fn graph(
    config: &Config,
    view: View,
    format: ExportFormat,
    undirected: bool,
) -> anyhow::Result<Option<Graph>> {
    if !format.is_graph() {
        let wrong = || anyhow!("`--undirected` is for graphs");
        let graph = (!undirected).then_some(None).ok_or_else(wrong);
        return graph.exit(Exit::Usage).hint("add `--format graphml` or `--format dot`");
    }
    let Some(edges) = view.edges() else {
        let streams = config.streams();
        let with = streams.views().into_iter().filter(|view| view.edges().is_some());
        let with: Vec<_> = with.map(View::name).collect();
        return Err(anyhow!("the view `{view}` is not a graph")).exit(Exit::Usage).hint(match with
            .as_slice()
        {
            [] => "a job of a declared stream has one if it names its `edges`".to_owned(),
            with => format!("views that are: {}", with.join(", ")),
        });
    };
    Ok(Some(Graph::new(edges, undirected)))
}

/// The view of a name, of whichever stream.
fn named(config: &Config, name: &str) -> anyhow::Result<View> {
    let streams = config.streams();
    let known: Vec<_> = streams.views().iter().map(|view| view.name()).collect();
    let found = streams.view(name).ok_or_else(|| anyhow!("there is no view `{name}`"));
    found.exit(Exit::Usage).hint(format!("the views are {}", known.join(", ")))
}

/// The views of the data folder or, where the configuration has them there, of Elasticsearch.
fn views(config: &Config) -> anyhow::Result<ViewReader> {
    match config.views.store {
        ViewStore::Embedded => {
            let folder = DataFolder::open_read_only(&config.data.directory)?;
            Ok(ViewReader::Embedded(folder.views_read_only(config)?))
        }
        ViewStore::Elasticsearch => ViewReader::unseen(config).explained(),
    }
}

enum Writer {
    Ndjson(Output),
    Csv(Box<CsvExport<Output>>),
    Parquet(Box<ParquetExport<Output>>),
    /// What is added up, until all is known.
    Graph(Graph, graph::Format, Output),
}

impl Writer {
    fn open(
        view: View,
        format: ExportFormat,
        graph: Option<Graph>,
        target: &Target,
    ) -> anyhow::Result<Self> {
        let output = target.open()?;
        let graph = || graph.context("a format of graphs without a graph");
        Ok(match format {
            ExportFormat::Graphml => Self::Graph(graph()?, graph::Format::GraphMl, output),
            ExportFormat::Dot => Self::Graph(graph()?, graph::Format::Dot, output),
            ExportFormat::Ndjson => Self::Ndjson(output),
            ExportFormat::Csv => Self::Csv(Box::new(CsvExport::new(view, output)?)),
            ExportFormat::Parquet => Self::Parquet(Box::new(ParquetExport::new(view, output)?)),
        })
    }

    fn write(&mut self, chunk: &[StoredDocument]) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(output) => {
                for StoredDocument { document, .. } in chunk {
                    output.write_all(document.body.as_bytes())?;
                    output.write_all(b"\n")?;
                }
            }
            Self::Csv(csv) => csv.write(chunk)?,
            Self::Graph(graph, ..) => {
                for StoredDocument { document, .. } in chunk {
                    graph.add(&document.body)?;
                }
            }
            Self::Parquet(parquet) => {
                parquet.write(chunk.iter().map(|stored| stored.document.body.as_str()))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(mut output) => output.flush()?,
            Self::Csv(csv) => (*csv).finish()?,
            Self::Graph(graph, format, mut output) => {
                graph.write(format, &mut output)?;
                output.flush()?;
            }
            Self::Parquet(parquet) => parquet.finish()?,
        }
        Ok(())
    }
}

//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use pulso_acquisition::{FileInput, Pace};
use pulso_model::{EventTime, Layer};
use pulso_pipeline::LayerChoice;
use pulso_runtime::CommonArgs;
use pulso_runtime::config::ByteSize;
use pulso_web::account::AccountArgs;

use crate::sources::SourcesArgs;
use crate::streams::StreamsArgs;

/// What is trending in a stream, and where, within seconds; and later exactly what happened.
///
/// Runs the demo when no command is given.
#[derive(Debug, Parser)]
#[command(name = "pulso", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 internal error or `verify` found a difference, \
2 usage or configuration, 3 something needed is not available, 4 no input, nothing for `verify` to \
compare, or a view that no layer writes";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs all layers at once, on a simulated stream or a real one
    Demo(DemoArgs),
    /// Runs all layers on recordings, until their end
    Replay(ReplayArgs),
    /// Writes a view to a file, sorted by its key
    Export(ExportArgs),
    /// Writes one HTML file with charts, tables, a map and filters, from files or from a data folder
    Report(ReportArgs),
    /// Checks that no message was lost or counted twice, and that both layers agree
    Verify(DataArgs),
    /// Serves the API and the page over a data folder
    Serve(ServeArgs),
    /// Lists the streams that there are; shows, tries and checks single ones
    Streams(StreamsArgs),
    /// Lists the sources that acquisition reads; pauses and resumes single ones
    Sources(SourcesArgs),
    /// Checks the configuration and the data folder, without changing anything
    Check(DataArgs),
    Account(AccountArgs),
    /// Creates missing topics, templates and aliases on the servers of a deployment; safe to repeat
    Setup,
    /// Prints a completion script for a shell
    Completions {
        /// The shell to complete for
        #[arg(value_enum)]
        shell: Shell,
    },
}

impl Default for Command {
    fn default() -> Self {
        Self::Demo(DemoArgs::default())
    }
}

#[derive(Debug, Default, Args)]
pub(crate) struct DataArgs {
    /// The data folder [default: `data.directory` of the configuration]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Read this stream instead of a simulated one: a websocket, or over HTTP lines of an answer that does not end
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Read the stream's public servers instead of a simulated one
    #[arg(long, conflicts_with_all = ["url", "rate", "seed"])]
    pub(crate) live: bool,
    /// Follow files instead, from their beginnings: names or patterns, such as '/var/log/nginx/access.log*', that match
    /// rotated and compressed files, too. The data folder is then a temporary one, unless `--data` names one
    #[arg(long, value_name = "PATTERN", num_args = 1.., conflicts_with_all = ["url", "live", "rate", "seed"])]
    pub(crate) file: Vec<String>,
    /// Messages per second of the simulated stream [default: `demo.rate` of the configuration]
    #[arg(long, value_name = "N", conflicts_with = "url", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: Option<u32>,
    /// Seed of the simulated stream: the same seed gives the same people, groups and topics
    #[arg(long, value_name = "NUMBER", conflicts_with = "url")]
    pub(crate) seed: Option<u64>,
    /// Address of the web API, such as 127.0.0.1:8080 [default: `web.listen` of the configuration, or
    /// the next free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// NDJSON files, also .gz and .zst; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<FileInput>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Messages per second, `realtime` (with the pauses between the event times) or `max`
    #[arg(long, value_name = "RATE", default_value = "max", allow_negative_numbers = true)]
    pub(crate) rate: Pace,
    /// Format of the summary
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The name of a view of any stream, or of a journal: dead-letters, late-facts, batch-runs, health
    pub(crate) view: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Which layer's documents: `current` takes each day from the layer that answers for it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) layer: LayerArg,
    /// One JSON document per line, CSV with a header, Parquet; or, of a view of links, a graph
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExportFormat,
    /// In a graph, count both directions of a link as one
    #[arg(long)]
    pub(crate) undirected: bool,
    /// File to write; an existing file is replaced once everything is written [default: standard
    /// output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Files of messages, one a line, such as access logs, also .gz and .zst; `-` is standard input. Their first lines
    /// tell the stream, unless `--stream` names it [default: what the data folder has]
    #[arg(value_name = "FILE", conflicts_with = "data")]
    pub(crate) files: Vec<FileInput>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Report what happened from then on: a day of UTC, or a time such as 2015-05-18T04:00:00+02:00
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<EventTime>,
    /// Report what happened before then
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<EventTime>,
    /// File to write; an existing file is replaced once everything is written [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The largest file to write. What does not fit is made coarser, and the report says so
    #[arg(long, value_name = "SIZE", default_value = "1900KiB")]
    pub(crate) max_size: ByteSize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayerArg {
    Speed,
    Batch,
    #[default]
    Current,
}

impl From<LayerArg> for LayerChoice {
    fn from(layer: LayerArg) -> Self {
        match layer {
            LayerArg::Speed => Self::Only(Layer::Speed),
            LayerArg::Batch => Self::Only(Layer::Batch),
            LayerArg::Current => Self::Current,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    #[default]
    Ndjson,
    Csv,
    Parquet,
    /// For Gephi, Cytoscape, NetworkX
    Graphml,
    /// For Graphviz
    Dot,
}

impl ExportFormat {
    pub(crate) fn is_graph(self) -> bool {
        matches!(self, Self::Graphml | Self::Dot)
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Address to listen on, such as 127.0.0.1:8080 [default: `web.listen` of the configuration]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

/// # Errors
/// When the standard output cannot be written.
pub(crate) fn print_completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pulso", &mut script);
    crate::output::print(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}

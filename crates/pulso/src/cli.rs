//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use pulso_acquisition::{FileInput, Pace};
use pulso_model::{Layer, View};
use pulso_pipeline::LayerChoice;
use pulso_runtime::CommonArgs;

/// Who says yes to which meetup, worldwide: trending topics now, exact facts later.
///
/// Without a command: the demo.
#[derive(Debug, Parser)]
#[command(name = "pulso", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 internal error or `verify` found a difference, \
2 usage or configuration, 3 something needed is not available, 4 no input, or nothing for `verify` to \
compare";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs everything at once on a made-up stream, or on a real one
    Demo(DemoArgs),
    /// Runs everything on recordings, to the end
    Replay(ReplayArgs),
    /// Writes a view to a file, sorted by its key
    Export(ExportArgs),
    /// Checks that no message was lost or counted twice, and that both layers agree
    Verify(DataArgs),
    /// Serves the API and the page over a data folder
    Serve(ServeArgs),
    /// Checks the configuration and the data folder; changes nothing
    Check(DataArgs),
    /// Makes what is missing on the servers of a deployment: topics, templates, aliases; may be run again
    Setup,
    /// Prints a completion script for a shell
    Completions {
        /// Whose script
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
    /// Read this websocket stream instead of a made-up one
    #[arg(long, value_name = "WS-URL")]
    pub(crate) url: Option<String>,
    /// Messages a second of the made-up stream [default: `demo.rate` of the configuration]
    #[arg(long, value_name = "N", conflicts_with = "url", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: Option<u32>,
    /// Makes the same made-up people, groups and topics again
    #[arg(long, value_name = "NUMBER", conflicts_with = "url")]
    pub(crate) seed: Option<u64>,
    /// Where the web API listens, as 127.0.0.1:8080 [default: `web.listen` of the configuration, or
    /// the next free port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// NDJSON files, also .gz and .zst; `-` is the standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<FileInput>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Messages a second, `realtime` (as the event times are apart) or `max`
    #[arg(long, value_name = "RATE", default_value = "max", allow_negative_numbers = true)]
    pub(crate) rate: Pace,
    /// How the summary is printed
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
    /// One of: responses, country-activity, trending-topics, trending-topics-by-country, groups,
    /// events, group-days, event-days, dead-letters, late-responses, batch-runs, health
    #[arg(value_parser = parse_view)]
    pub(crate) view: View,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Whose documents; `current`: of each day the layer that answers it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) layer: LayerArg,
    /// One JSON document a line, rows with a header, or columns
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExportFormat,
    /// Where to write; a file that is there is replaced once all is written [default: the standard
    /// output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

fn parse_view(name: &str) -> Result<View, String> {
    let names = View::ALL.map(View::name).join(", ");
    name.parse().map_err(|error| format!("{error}; there are {names}"))
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
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Where to listen, as 127.0.0.1:8080 [default: `web.listen` of the configuration]
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

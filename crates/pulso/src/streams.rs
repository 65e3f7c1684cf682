//! The streams that there are: listed, shown, tried on a sample, checked.

mod check;
mod new;
mod show;
mod trial;

use clap::{Args, Subcommand};
use pulso_file::FileInput;
use pulso_runtime::CommonArgs;
use pulso_streams::{Definition, Streams};

use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct StreamsArgs {
    /// What to do with them [default: list them]
    #[command(subcommand)]
    command: Option<StreamsCommand>,
}

#[derive(Debug, Subcommand)]
enum StreamsCommand {
    /// Lists the streams: name, title, where they are from, views
    List,
    /// Shows a stream: its columns, facets, views and jobs
    Show {
        /// The name of the stream
        name: String,
    },
    /// Writes the folder of a stream of your own, guessed from some of its messages
    New(new::NewArgs),
    /// Decodes messages and prints the first facts, how many there are of each outcome, and the first
    /// errors
    Try(trial::TryArgs),
    /// Compiles all declared streams and plans their jobs; prints every problem with file and line
    Check,
}

pub(crate) async fn streams(common: &CommonArgs, args: StreamsArgs) -> anyhow::Result<()> {
    match args.command.unwrap_or(StreamsCommand::List) {
        StreamsCommand::List => print(&list(&common.load()?.streams())),
        StreamsCommand::Show { name } => {
            let config = common.load_stream(&name)?;
            print(&show::show(&config.definition()))
        }
        StreamsCommand::New(args) => new::run(common, args).await,
        StreamsCommand::Try(args) => trial::run(common, args).await,
        StreamsCommand::Check => check::check(common).await,
    }
}

fn list(streams: &Streams) -> String {
    let rows = streams.iter().map(|definition| {
        let views: Vec<_> = definition.stream.views().iter().map(|view| view.name()).collect();
        let stream = definition.stream;
        [stream.name.to_owned(), stream.title.to_owned(), origin(definition), views.join(", ")]
    });
    table(&rows.collect::<Vec<_>>(), "")
}

/// Where a stream is from.
fn origin(definition: &Definition) -> String {
    match &definition.folder {
        Some(folder) => folder.display().to_string(),
        None => "Pulso".to_owned(),
    }
}

/// Lines of cells below one another, the last as long as it likes.
pub(crate) fn table<const CELLS: usize>(rows: &[[String; CELLS]], indent: &str) -> String {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; CELLS] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(indent);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

//! The sources that acquisition reads into a data folder: listed, paused and resumed.

use std::collections::BTreeSet;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use pulso_pipeline::{Clock, SystemClock};
use pulso_runtime::sources::{SourceCounts, Sources};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt};

use crate::cli::DataArgs;
use crate::data::start;
use crate::output::print;
use crate::streams::table;

#[derive(Debug, Args)]
pub(crate) struct SourcesArgs {
    /// What to do with them [default: list them]
    #[command(subcommand)]
    command: Option<SourcesCommand>,
}

#[derive(Debug, Subcommand)]
enum SourcesCommand {
    /// Lists the sources: whether each is paused, and what acquisition has counted since it began
    List(DataArgs),
    /// Stops reading a source, also after a restart, until it is resumed
    Pause(SwitchArgs),
    /// Goes on reading a source where it was paused
    Resume(SwitchArgs),
}

#[derive(Debug, Args)]
struct SwitchArgs {
    /// The name of the source
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(common: &CommonArgs, args: SourcesArgs) -> anyhow::Result<()> {
    let command = args.command.unwrap_or_else(|| SourcesCommand::List(DataArgs::default()));
    let (SourcesCommand::List(data)
    | SourcesCommand::Pause(SwitchArgs { data, .. })
    | SourcesCommand::Resume(SwitchArgs { data, .. })) = &command;
    let config = start(common, data)?;
    let sources = Sources::of(&config);
    let known = known(&config, &sources)?;
    match &command {
        SourcesCommand::List(_) => print(&list(&sources, &known)?),
        SourcesCommand::Pause(SwitchArgs { name, .. }) => {
            must_be_known(name, &known)?;
            sources.pause(name, SystemClock.now()).with_context(|| failed(&config))?;
            let since = sources.paused_since(name).with_context(|| failed(&config))?;
            print(&format!("{name}: paused since {}\n", since.unwrap_or_default()))
        }
        SourcesCommand::Resume(SwitchArgs { name, .. }) => {
            must_be_known(name, &known)?;
            let resumed = sources.resume(name).with_context(|| failed(&config))?;
            let said = if resumed { "goes on" } else { "was not paused" };
            print(&format!("{name}: {said}\n"))
        }
    }
}

/// The sources that are configured, and those that acquisition has read into the folder.
fn known(config: &Config, sources: &Sources) -> anyhow::Result<BTreeSet<String>> {
    let configured = config.acquisition.sources.iter().map(|source| source.name.to_string());
    let read = sources.names().with_context(|| failed(config))?;
    Ok(configured.chain(read).collect())
}

fn failed(config: &Config) -> String {
    format!("failed to use the states of sources in `{}`", config.data.directory.display())
}

fn must_be_known(name: &str, known: &BTreeSet<String>) -> anyhow::Result<()> {
    if known.contains(name) {
        return Ok(());
    }
    let hint = match known.len() {
        0 => "no source is configured, and none was ever read into the data folder (`--data DIR`)"
            .to_owned(),
        _ => {
            let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("there are {}", names.join(", "))
        }
    };
    Err(anyhow!("there is no source `{name}`")).exit(Exit::Usage).hint(hint)
}

fn list(sources: &Sources, known: &BTreeSet<String>) -> anyhow::Result<String> {
    let head = ["source", "state", "read", "filtered", "sampled out", "filter errors"];
    let mut rows = vec![head.map(str::to_owned)];
    for name in known {
        let state = sources.state(name)?;
        let shown = match (sources.paused_since(name)?, &state) {
            (Some(since), _) => format!("paused since {since}"),
            (None, Some(_)) => "not paused".to_owned(),
            (None, None) => "never read".to_owned(),
        };
        let counts = state.map(|state| state.counts).unwrap_or_default();
        let SourceCounts { read, filtered, sampled_out, filter_errors } = counts;
        let counts = [read, filtered, sampled_out, filter_errors].map(|count| count.to_string());
        let [read, filtered, sampled_out, filter_errors] = counts;
        rows.push([name.clone(), shown, read, filtered, sampled_out, filter_errors]);
    }
    Ok(table(&rows, ""))
}

#[cfg(test)]
mod tests {
    use pulso_runtime::sources::SourceState;

    use super::*;

    #[test]
    fn a_list_says_what_is_paused_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::in_folder(folder.path());
        let counts = SourceCounts { read: 10, filtered: 2, sampled_out: 3, filter_errors: 1 };
        sources.tell("a", &SourceState { counts, paused_since: None }).unwrap();
        sources.pause("b", pulso_model::WallTime(0)).unwrap();
        let known = ["a", "b", "c"].map(str::to_owned).into();
        let expected = "\
            source  state                                  read  filtered  sampled out  filter errors\n\
            a       not paused                             10    2         3            1\n\
            b       paused since 1970-01-01T00:00:00.000Z  0     0         0            0\n\
            c       never read                             0     0         0            0\n";
        assert_eq!(list(&sources, &known).unwrap(), expected);
        let error = must_be_known("d", &known).unwrap_err();
        assert_eq!(error.to_string(), "there is no source `d`");
    }
}

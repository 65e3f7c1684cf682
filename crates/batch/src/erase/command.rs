//! The command: what it asks and says.

use std::io::{IsTerminal, stdin};

use anyhow::{Context, anyhow};
use clap::ArgGroup;
use pulso_runtime::{Config, Exit, FailureExt};
use tokio::runtime::Handle;

use super::Erasure;
use crate::cli::print;

/// Who is to be erased.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("person").required(true).args(["member", "actor"]))]
pub struct EraseArgs {
    /// A person of the default stream, by their id there
    #[arg(long, value_name = "ID")]
    member: Option<String>,

    /// A person of another stream, by its name and their id there
    #[arg(long, num_args = 2, value_names = ["STREAM", "ID"])]
    actor: Option<Vec<String>>,

    /// Only say what is stored of the person
    #[arg(long)]
    dry_run: bool,

    /// Have a log in Kafka forget all messages up to the newest that names the person, of everybody: the
    /// lake has them
    #[arg(long)]
    cut_log: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Says what is stored of a person, and removes it when that is wanted. `chosen` are the streams of `--stream`.
///
/// # Errors
/// As [`Erasure::find`] and [`Erasure::run`]; when nothing is stored, or nobody can be asked; when a stream is
/// chosen, as that of the person may be another.
pub async fn erase(config: &Config, chosen: &[String], args: EraseArgs) -> anyhow::Result<()> {
    if !chosen.is_empty() {
        return Err(anyhow!("`erase` does not take `--stream`"))
            .exit(Exit::Usage)
            .hint("`--member` is of the default stream, `--actor STREAM ID` of any");
    }
    let EraseArgs { member, actor, dry_run, cut_log, yes } = args;
    let (stream, id) = match (member, actor.as_deref()) {
        (_, Some([stream, id])) => (stream.clone(), id.clone()),
        (member, _) => (Config::STREAM.to_owned(), member.unwrap_or_default()),
    };
    let config = match config.of_stream(&stream) {
        Ok(config) => config,
        Err(unknown) => {
            let hint = unknown.hint();
            return Err(unknown).exit(Exit::Usage).hint(hint);
        }
    };
    // It blocks for long, and a second signal is to end the program at once.
    let searching = Handle::current();
    let search = move || searching.block_on(Erasure::find(config, &id, cut_log));
    let erasure = tokio::task::spawn_blocking(search).await.context("the search ended early")??;
    if erasure.is_empty() {
        let left = erasure.left_in_kafka();
        print(&left)?;
        let but = if left.is_empty() { "nothing" } else { "nothing but what Kafka still has" };
        return Err(anyhow!("{but} is stored of that person in the stream `{stream}`"))
            .exit(Exit::NoInput)
            .hint("ids are case-sensitive; each stream has its own");
    }
    print(&erasure.to_string())?;
    if dry_run {
        return print("nothing was changed\n");
    }
    if !yes && !confirmed()? {
        return print("nothing was changed\n");
    }
    erasure.run().await?;
    print("erased; copies of this data, exports and logs of programs are not\n")
}

fn confirmed() -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        return Err(anyhow!("this cannot be undone, and nobody can be asked"))
            .exit(Exit::Usage)
            .hint("add `--yes`, or `--dry-run`");
    }
    print("This cannot be undone. Erase the person? Type yes: ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer).context("failed to read the answer")?;
    Ok(answer.trim() == "yes")
}

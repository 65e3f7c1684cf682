//! Everything that is wrong with declared streams: descriptors, programs, queries.

use anyhow::anyhow;
use pulso_batch::{JobProblem, LayerOptions, check_jobs};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt};
use pulso_streams::{Definition, FileProblem};

use crate::output::print;

pub(super) async fn check(common: &CommonArgs) -> anyhow::Result<()> {
    let config = common.load_readable()?;
    let mut problems = config.declared.problems.clone();
    let streams = config.streams();
    let mut right = Vec::new();
    for definition in streams.iter().filter(|definition| definition.folder.is_some()) {
        let found = jobs(&config, definition).await?;
        if found.is_empty() {
            right.push(format!("{}: ok\n", definition.stream));
        }
        problems.extend(found);
    }
    if problems.is_empty() && right.is_empty() {
        return nothing(&config);
    }
    let found: Vec<_> = problems.iter().map(|problem| format!("{problem}\n")).collect();
    print(&[right.concat(), found.concat()].concat())?;
    match problems.len() {
        0 => Ok(()),
        1 => Err(anyhow!("1 problem")).exit(Exit::Usage),
        count => Err(anyhow!("{count} problems")).exit(Exit::Usage),
    }
}

fn nothing(config: &Config) -> anyhow::Result<()> {
    print(&format!("there are no streams in `{}`\n", config.declared.directory.display()))
}

async fn jobs(config: &Config, definition: &Definition) -> anyhow::Result<Vec<FileProblem>> {
    let windows = LayerOptions::new(config, std::env::temp_dir()).windows;
    let found = check_jobs(definition.stream, windows, std::env::temp_dir()).await?;
    Ok(found.into_iter().map(|problem| of_file(definition, problem)).collect())
}

/// A query is in the file of its view's name, unless the descriptor names another.
fn of_file(definition: &Definition, JobProblem { view, line, message }: JobProblem) -> FileProblem {
    let folder = definition.folder.clone().unwrap_or_default();
    let query = folder.join(format!("{view}.sql"));
    if query.is_file() {
        return FileProblem { file: query, line, message };
    }
    FileProblem {
        file: folder.join("stream.toml"),
        line: None,
        message: format!("the query of `{view}`: {message}"),
    }
}

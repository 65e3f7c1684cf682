//! `pulso streams new`: a stream guessed from a sample, as a folder that works at once.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use clap::Args;
use pulso_file::FileReader;
use pulso_model::MAX_MESSAGE_BYTES;
use pulso_runtime::{CommonArgs, Exit, ExplainExt, FailureExt};
use pulso_streams::guess::{Guess, GuessError, SAMPLE_BYTES_MAX, guess};

use super::FileInput;
use crate::output::print;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The name of the stream and of its folder
    name: String,
    /// A file with some messages of it, one a line, also .gz and .zst; `-` is standard input
    #[arg(long, value_name = "SAMPLE")]
    from: FileInput,
}

/// Writes the folder of the stream below `streams.directory`; nothing is ever overwritten.
pub(super) async fn run(common: &CommonArgs, args: NewArgs) -> anyhow::Result<()> {
    let NewArgs { name, from } = args;
    // That another stream is wrong does not matter here.
    let config = common.load_readable()?;
    let sample_name = from.to_string();
    let sample = read(from).await?;
    let guess = guess(&name, &sample, &config.streams());
    let guess = guess.or_else(|error| failed(error, &sample_name))?;
    let folder = config.declared.directory.join(&name);
    write(&folder, &guess)?;
    print(&said(&name, &sample_name, &folder, &guess))
}

/// As many whole lines as guessing looks at.
async fn read(from: FileInput) -> anyhow::Result<Vec<u8>> {
    from.check().explained()?;
    let mut sample = Vec::new();
    // A longer one is cut off, and is too large all the same.
    let mut reader = FileReader::open(from, MAX_MESSAGE_BYTES + 1).explained()?;
    while let Some(batch) = reader.next_batch().await.explained()? {
        for line in batch.lines {
            if sample.len() + line.len() + 1 >= SAMPLE_BYTES_MAX {
                return Ok(sample);
            }
            sample.extend_from_slice(&line);
            sample.push(b'\n');
        }
    }
    Ok(sample)
}

fn failed(error: GuessError, sample: &str) -> anyhow::Result<Guess> {
    let hint = error.hint();
    let exit = match error {
        GuessError::Empty => Exit::NoInput,
        _ => Exit::Usage,
    };
    let failed = || format!("failed to guess a stream from `{sample}`");
    Err(error).with_context(failed).exit(exit).hint(hint)
}

fn write(folder: &Path, guess: &Guess) -> anyhow::Result<()> {
    let failed = || format!("failed to create the folder `{}`", folder.display());
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).with_context(failed).exit(Exit::Usage)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let hint = "choose another name, or remove the folder: nothing is overwritten";
            return Err(error).with_context(failed).exit(Exit::Usage).hint(hint);
        }
        created => created.with_context(failed).exit(Exit::Usage)?,
    }
    for (file, text) in [("stream.toml", &guess.descriptor), ("decode.vrl", &guess.program)] {
        let path = folder.join(file);
        let failed = || format!("failed to write `{}`", path.display());
        fs::write(&path, text).with_context(failed).exit(Exit::Usage)?;
    }
    Ok(())
}

fn said(name: &str, sample: &str, folder: &Path, guess: &Guess) -> String {
    let folder = folder.display();
    let listed =
        |lines: &[String]| -> String { lines.iter().map(|line| format!("  {line}\n")).collect() };
    format!(
        "wrote `{folder}/stream.toml` and `{folder}/decode.vrl`\n\nguessed:\n{}\nlook at:\n{}\nnext:\n  \
         pulso streams try {name} {sample}\n  pulso replay {sample} --stream {name}\n",
        listed(&guess.found),
        listed(&guess.questions),
    )
}

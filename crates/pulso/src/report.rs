//! `pulso report`: one HTML file with the numbers inside, from files or from a data folder.
//!
//! Messages are decoded and facts told apart as the layers do it, late ones included; nothing is stored.

mod dimension;
mod encode;
mod facts;
mod outcomes;
mod page;
mod read;

use std::io::{self, IsTerminal, Write};

use anyhow::anyhow;
use pulso_model::EventTime;
use pulso_pipeline::{Clock, SystemClock};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt, logs};

use crate::cli::{DataArgs, ReportArgs};
use crate::data::{DataFolder, in_folder, load_one};
use crate::target::{Target, nobody_reads};
use encode::Detail;
use outcomes::{Counting, Outcomes, Wanted};
use page::{About, Page};
use read::Files;

pub(crate) async fn report(common: &CommonArgs, args: ReportArgs) -> anyhow::Result<()> {
    let ReportArgs { files, data, from, to, output, max_size } = args;
    if output.is_none() && io::stdout().is_terminal() {
        return Err(anyhow!("a page cannot be written to a terminal"))
            .exit(Exit::Usage)
            .hint("name a file with `--output FILE`");
    }
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(anyhow!("`--from {from}` is not before `--to {to}`")).exit(Exit::Usage);
    }
    let config = in_folder(common.load()?, common, &data);
    logs::install(&config.logs)?;
    let from_log = files.is_empty();
    let source = match from_log {
        true => config.data.directory.display().to_string(),
        false => files.iter().map(|file| file.name().into_owned()).collect::<Vec<_>>().join(", "),
    };
    let wanted = Wanted { from, to };
    let (counting, gone) = match from_log {
        true => of_folder(common, &data, &config, wanted).await?,
        false => (of_files(common, &data, &config, Files::new(files)?, wanted).await?, 0),
    };
    let Counting { facts, outcomes, .. } = counting;
    something(&outcomes, facts.stream.fact.one, from_log)?;
    let text = |time: EventTime| time.to_string();
    let about = About {
        source,
        program: concat!("pulso ", env!("CARGO_PKG_VERSION")),
        made: SystemClock.now().to_string(),
        from_log,
        gone,
        asked_from: from.map(text),
        asked_to: to.map(text),
        outcomes,
    };
    let Some(page) = page::page(&facts, &about, max_size.0)? else {
        return Err(anyhow!("the report would be larger than `--max-size {max_size}`"))
            .exit(Exit::Usage)
            .hint("allow more with `--max-size`, or make it of a shorter time with `--from` and `--to`");
    };
    write(&page, output)?;
    eprintln!("{}", summary(&about, facts.stream.fact.many, &page));
    Ok(())
}

async fn of_files(
    common: &CommonArgs,
    data: &DataArgs,
    config: &Config,
    mut files: Files,
    wanted: Wanted,
) -> anyhow::Result<Counting> {
    let found = read::stream_of_files(common, config, &mut files).await?;
    let config = chosen(common, data, config, found)?;
    let mut counting = Counting::new(config.decoder(), wanted);
    read::from_files(&config, files, &mut counting).await?;
    Ok(counting)
}

async fn of_folder(
    common: &CommonArgs,
    data: &DataArgs,
    config: &Config,
    wanted: Wanted,
) -> anyhow::Result<(Counting, u64)> {
    DataFolder::open_read_only(&config.data.directory)?;
    let found = read::stream_of_folder(common, config)?;
    let config = chosen(common, data, config, found)?;
    let mut counting = Counting::new(config.decoder(), wanted);
    let gone = read::from_log(&config, &mut counting).await?;
    Ok((counting, gone))
}

/// The configuration of the stream that was found or, if none had to be, named.
fn chosen(
    common: &CommonArgs,
    data: &DataArgs,
    config: &Config,
    found: Option<&str>,
) -> anyhow::Result<Config> {
    match found {
        Some(name) => {
            eprintln!("stream: {name}, found in the input (`--stream NAME` names another)");
            config.of_stream(name).exit(Exit::Usage)
        }
        None => load_one(common, data),
    }
}

/// Fails where there is nothing to show, and says what there was instead.
fn something(outcomes: &Outcomes, fact: &str, from_log: bool) -> anyhow::Result<()> {
    if outcomes.facts > 0 {
        return Ok(());
    }
    let wrong: u64 = outcomes.dead_letters.values().sum();
    let skipped: u64 = outcomes.skipped.values().sum();
    let message = match outcomes.messages {
        0 => "the input contains no messages".to_owned(),
        messages => format!(
            "none of {messages} messages is a {fact} to report: {wrong} cannot be read, {skipped} are skipped, \
             {} are outside the time",
            outcomes.outside
        ),
    };
    let hint = match outcomes.examples.first() {
        Some(first) => format!("{}: {}: {}", first.place, first.reason, first.detail),
        None if from_log => "name the stream with `--stream NAME`".to_owned(),
        None => "each line must be one message".to_owned(),
    };
    Err(anyhow!(message)).exit(Exit::NoInput).hint(hint)
}

fn write(page: &Page, output: Option<std::path::PathBuf>) -> anyhow::Result<()> {
    let target = Target::new(output);
    let written = target.open().and_then(|mut file| {
        file.write_all(&page.html)?;
        file.flush()
    });
    match written.map_err(anyhow::Error::from) {
        Err(error) if nobody_reads(&error) => Ok(()),
        written => target.with_context(written.and_then(|()| Ok(target.publish()?))),
    }
}

/// What was counted, and what the report does not show because of its size.
fn summary(about: &About, many: &str, page: &Page) -> String {
    let outcomes = &about.outcomes;
    let wrong: u64 = outcomes.dead_letters.values().sum();
    let Detail { unit, rare_below, people } = page.detail;
    let mut text = format!("{} {many} of {} messages", outcomes.facts, outcomes.messages);
    if wrong > 0 {
        text.push_str(&format!("; {wrong} cannot be read"));
    }
    text.push_str(&format!("; {} bytes", page.html.len()));
    if unit > 1 {
        text.push_str(&format!("\nto stay small, times are kept in steps of {unit} minutes"));
    }
    if rare_below > 0 {
        text.push_str(&format!(
            "\nto stay small, values with fewer than {rare_below} are put together"
        ));
    }
    if rare_below > 0 && !people {
        text.push_str("\nto stay small, people are counted as a whole only");
    }
    text
}

//! The command line arguments that all programs share.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use pulso_streams::UnknownStream;

use crate::config::{ConfigFile, Layers, LogFormat};
use crate::{Config, Exit, FailureExt, logs};

/// The configuration file that is read, when it is there, if none is named.
const CONFIG_FILE: &str = "pulso.toml";

/// Flatten it into the arguments of a program.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CommonArgs {
    /// Read this configuration file [default: `pulso.toml`, if there is one]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// Set a configuration key, as in `--set window.size=10m`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = parse_override)]
    pub set: Vec<(String, String)>,

    /// The streams that are meant, by name.
    #[arg(long, global = true, value_name = "NAME", help = stream_help())]
    pub stream: Vec<String>,

    /// Log as text or as JSON
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Log more; twice for still more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl CommonArgs {
    /// Loads the configuration from all its layers and makes the process log as it says.
    ///
    /// # Errors
    /// With exit code 2 and hints when the configuration is wrong.
    pub fn start(&self) -> anyhow::Result<Config> {
        let config = self.load()?;
        logs::install(&config.logs)?;
        Ok(config)
    }

    /// The same for a command that takes one stream: the one that is named or, if none is, served.
    ///
    /// # Errors
    /// As [`CommonArgs::start`], and when several are.
    pub fn start_one(&self) -> anyhow::Result<Config> {
        let config = self.load_one()?;
        logs::install(&config.logs)?;
        Ok(config)
    }

    /// Loads the configuration alone.
    ///
    /// # Errors
    /// As [`CommonArgs::start`].
    pub fn load(&self) -> anyhow::Result<Config> {
        let config = self.load_readable()?;
        let problems = &config.declared.problems;
        if !problems.is_empty() {
            // Not in the error itself, which is one line: they draw the places.
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            let directory = config.declared.directory.display();
            let hint = "see docs/declared-streams.md; `pulso streams check` checks them alone";
            return Err(anyhow!("failed to load the streams of `{directory}`"))
                .exit(Exit::Usage)
                .hint(hint);
        }
        known(config.serving(&self.stream))
    }

    /// Loads the configuration for the stream that a command names.
    ///
    /// # Errors
    /// As [`CommonArgs::start`].
    pub fn load_stream(&self, name: &str) -> anyhow::Result<Config> {
        known(self.load()?.of_stream(name))
    }

    /// Loads the configuration for commands that tell themselves what is wrong with declared streams:
    /// those are left out.
    ///
    /// # Errors
    /// As [`CommonArgs::start`], but for declared streams.
    pub fn load_readable(&self) -> anyhow::Result<Config> {
        let layers =
            Layers { file: self.file()?, environment: environment(), overrides: self.overrides() };
        Config::load(&layers).or_else(|error| {
            let hints = error.hints();
            let result = Err(error).exit(Exit::Usage);
            hints.into_iter().fold(result, |result, hint| result.hint(hint))
        })
    }

    /// Loads the configuration for a command that takes one stream.
    ///
    /// # Errors
    /// As [`CommonArgs::start_one`].
    pub fn load_one(&self) -> anyhow::Result<Config> {
        let hint = "name one with `--stream`";
        if self.stream.len() > 1 {
            let message = format!("one stream is needed, not {}", self.stream.len());
            return Err(anyhow!(message)).exit(Exit::Usage).hint(hint);
        }
        self.load()?.one_stream().exit(Exit::Usage).hint(hint)
    }

    fn file(&self) -> anyhow::Result<Option<ConfigFile>> {
        let named = self.config.clone();
        let path = named.clone().unwrap_or_else(|| PathBuf::from(CONFIG_FILE));
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(ConfigFile { path, text })),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error)
                .with_context(|| format!("failed to read config `{}`", path.display()))
                .exit(Exit::Usage)
                .hint(match named {
                    Some(_) => "name a text file that you may read with `--config`",
                    None => "it is read because it is in the working directory; make it readable",
                }),
        }
    }

    fn overrides(&self) -> Vec<(String, String)> {
        let mut overrides = self.set.clone();
        if let Some(format) = self.log_format {
            overrides.push(("logs.format".to_owned(), format.name().to_owned()));
        }
        let filter = match self.verbose {
            0 => return overrides,
            1 => "warn,pulso=debug",
            _ => "info,pulso=trace",
        };
        overrides.push(("logs.filter".to_owned(), filter.to_owned()));
        overrides
    }
}

/// Says which streams there are when one is named that is not.
fn known(config: Result<Config, UnknownStream>) -> anyhow::Result<Config> {
    config.or_else(|error| {
        let hint = error.hint();
        Err(error).exit(Exit::Usage).hint(hint)
    })
}

fn stream_help() -> String {
    format!(
        "The stream that is meant, by name; may be repeated where a command takes several [default: \
         those that the configuration serves, or {}]",
        Config::STREAM
    )
}

fn environment() -> Vec<(String, String)> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

fn parse_override(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("there is no `=` after the key")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        common: CommonArgs,
    }

    fn load(args: &[&str]) -> anyhow::Result<Config> {
        let args = ["program", "--config", "/dev/null"].iter().chain(args);
        Program::try_parse_from(args)?.common.load()
    }

    #[test]
    fn flags_override_keys() {
        let config = load(&["--set", "window.slide = 20s", "--log-format", "json", "-v"]).unwrap();
        assert_eq!(config.window.slide.as_secs(), 20);
        assert_eq!(config.logs.format, LogFormat::Json);
        assert_eq!(config.logs.filter, "warn,pulso=debug");
        assert!(load(&["--set", "window.slide"]).is_err());
    }

    #[test]
    fn streams_are_named_or_those_of_the_configuration() {
        let served = |args: &[&str]| {
            let each = load(args)?.each_stream();
            anyhow::Ok(each.into_iter().map(|config| config.stream).collect::<Vec<_>>())
        };
        let tables = ["--set", "streams.posts={}", "--set", "streams.clicks.window.size=10m"];
        let with = |more: &[&'static str]| [&tables[..], more].concat();
        assert_eq!(served(&[]).unwrap(), [Config::STREAM]);
        assert_eq!(served(&tables).unwrap(), ["clicks", "posts"]);
        assert_eq!(served(&with(&["--stream", "posts", "--stream", "posts"])).unwrap(), ["posts"]);
        let unserved = ["--set", "streams.clicks={}", "--stream", "posts"];
        assert_eq!(served(&unserved).unwrap(), ["posts"], "what has no table can be named");
        let error = served(&["--stream", "clicks", "--stream", "tweets"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no stream `tweets`");
    }

    #[test]
    fn a_command_that_takes_one_stream_is_told_which() {
        let one = |args: &[&str]| {
            let args = ["program", "--config", "/dev/null"].iter().chain(args);
            anyhow::Ok(Program::try_parse_from(args)?.common.load_one()?.stream)
        };
        let posts = ["--set", "streams.posts={}"];
        assert_eq!(one(&[]).unwrap(), Config::STREAM);
        assert_eq!(one(&posts).unwrap(), "posts");
        let both = format!("streams.{}={{}}", Config::STREAM);
        assert_eq!(one(&[&posts[..], &["--set", &both]].concat()).unwrap(), Config::STREAM);
        assert_eq!(one(&[&posts[..], &["--stream", "clicks"]].concat()).unwrap(), "clicks");
        let error = one(&["--stream", "clicks", "--stream", "posts"]).unwrap_err();
        assert_eq!(error.to_string(), "one stream is needed, not 2");
    }

    #[test]
    fn a_named_file_must_be_there() {
        let args = CommonArgs { config: Some("/no/such/file.toml".into()), ..Default::default() };
        let error = format!("{:#}", args.load().unwrap_err());
        assert!(error.starts_with("failed to read config `/no/such/file.toml`: "), "{error}");
    }
}

//! The command line arguments that all programs share.

use std::path::PathBuf;

use anyhow::Context;

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

    /// The stream that is meant, by name [default: rsvps]
    #[arg(long, global = true, value_name = "NAME")]
    pub stream: Option<String>,

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

    /// Loads the configuration alone.
    ///
    /// # Errors
    /// As [`CommonArgs::start`].
    pub fn load(&self) -> anyhow::Result<Config> {
        let layers =
            Layers { file: self.file()?, environment: environment(), overrides: self.overrides() };
        let config = Config::load(&layers).or_else(|error| {
            let hints = error.hints();
            let result = Err(error).exit(Exit::Usage);
            hints.into_iter().fold(result, |result, hint| result.hint(hint))
        })?;
        let Some(stream) = &self.stream else { return Ok(config) };
        config.of_stream(stream).or_else(|error| {
            let hint = error.hint();
            Err(error).exit(Exit::Usage).hint(hint)
        })
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
    fn a_named_file_must_be_there() {
        let args = CommonArgs { config: Some("/no/such/file.toml".into()), ..Default::default() };
        let error = format!("{:#}", args.load().unwrap_err());
        assert!(error.starts_with("failed to read config `/no/such/file.toml`: "), "{error}");
    }
}

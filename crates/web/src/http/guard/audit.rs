//! Who logged in, and who changed what: a line of JSON each, in a file or in the log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pulso_pipeline::{Clock, SystemClock, observe};
use pulso_runtime::chain;
use serde::Serialize;
use tracing::{error, info};

use super::client::Client;
use crate::caller::Caller;

/// Where the log shows what is not written to a file.
const TARGET: &str = "pulso_web::audit";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum What {
    Login,
    LoginFailed,
    /// After too many.
    LoginRefused,
    Logout,
    Change,
}

#[derive(Clone, Debug, Serialize)]
pub(in crate::http) struct Event {
    pub(super) what: What,
    /// `None`: somebody who gave no name that is known.
    pub(super) who: Option<String>,
    pub(super) role: Option<String>,
    pub(super) client: IpAddr,
    /// Of a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) status: Option<u16>,
    /// What the handler says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) change: Option<String>,
}

impl Event {
    pub(super) fn new(what: What, caller: Option<&Caller>, client: Client) -> Self {
        Self {
            what,
            who: caller.map(|caller| caller.name.clone()),
            role: caller.map(|caller| caller.role.to_string()),
            client: client.address,
            request: None,
            status: None,
            change: None,
        }
    }

    fn line(&self, time: &str) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            time: &'a str,
            #[serde(flatten)]
            event: &'a Event,
        }
        serde_json::to_string(&Line { time, event: self }).expect("text and numbers are JSON")
    }
}

#[derive(Debug)]
pub(super) struct Audit {
    file: Option<PathBuf>,
}

impl Audit {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    pub(super) async fn write(&self, event: &Event) {
        let line = event.line(&SystemClock.now().to_string());
        let Some(file) = self.file.clone() else {
            info!(target: TARGET, "{line}");
            return;
        };
        let text = format!("{line}\n");
        let written = tokio::task::spawn_blocking(move || append(&file, &text)).await;
        if let Err(cause) = written.map_err(io::Error::other).flatten() {
            error!(target: TARGET, error = %chain(&cause), "failed to write to the audit file: {line}");
            observe::error("web", "process", "audit");
        }
    }
}

/// Opened for each line, as there are few, so that the file can be moved away at any time. A line is one write.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())
}

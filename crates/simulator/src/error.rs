//! The errors of the simulator, with their exit codes and hints.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the simulator could not do what it was asked to do.
///
/// A client that misbehaves or goes away is not an error: the stream continues without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The configuration contradicts itself.
    #[error("invalid configuration: {problem}")]
    Config {
        /// What is wrong, as a lower-case fragment.
        problem: String,
    },
    /// The simulator cannot listen on the address.
    #[error("failed to listen on `{address}`")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The address has no meaning on this machine, or there is no socket for it.
    #[error("failed to send to `{address}`")]
    Connect {
        /// The address asked for.
        address: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A recording cannot be read.
    #[error("failed to read recording `{}`", path.display())]
    ReadRecording {
        /// The file asked for.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The recordings contain no lines.
    #[error("found no message in {files} recording(s)")]
    NoMessages {
        /// How many files were read.
        files: usize,
    },
    /// The output cannot be written.
    #[error("failed to write `{output}`")]
    WriteOutput {
        /// The file, or `-` for standard output.
        output: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A task of the simulator stopped although nobody asked it to.
    #[error("{task} stopped unexpectedly")]
    Task {
        /// Which task.
        task: &'static str,
        /// How it ended.
        source: tokio::task::JoinError,
    },
    /// The operating system does not deliver signals to this process.
    #[error("failed to listen for signals")]
    Signals {
        /// The operating system's answer.
        source: io::Error,
    },
    /// The asynchronous runtime cannot be started.
    #[error("failed to start the runtime")]
    Runtime {
        /// The operating system's answer.
        source: io::Error,
    },
}

impl SimulatorError {
    /// The exit code of the program: 1 internal, 2 usage or configuration, 3 dependency unavailable, 4 no input.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. } => 2,
            Self::Bind { .. } | Self::Connect { .. } => 3,
            Self::ReadRecording { .. } | Self::NoMessages { .. } => 4,
            Self::WriteOutput { .. }
            | Self::Task { .. }
            | Self::Signals { .. }
            | Self::Runtime { .. } => 1,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config { .. } => {
                Some("`pulso-simulator help run` (or `send`) lists every option with its range")
            }
            Self::Bind { .. } => Some("use `--listen 127.0.0.1:0` for any free port"),
            Self::Connect { .. } => Some("check the name of the host"),
            Self::ReadRecording { .. } => {
                Some("a recording is a file with one JSON message a line")
            }
            Self::NoMessages { .. } => Some("without a file name, `run` makes a synthetic stream"),
            Self::WriteOutput { .. } => {
                Some("check that the folder is there and may be written to")
            }
            Self::Task { .. } | Self::Signals { .. } | Self::Runtime { .. } => None,
        }
    }
}

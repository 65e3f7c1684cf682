//! Sources that senders connect to, or send to.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where senders connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    pub address: SocketAddr,
    /// How many may be connected at once; at least 1.
    pub connections_max: usize,
    /// `None` for connections without encryption.
    pub tls: Option<ServerTls>,
}

/// PEM files by which a server shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The server's certificate, and those between it and an authority that senders trust.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What carries messages of syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogTransport {
    /// One message in each datagram.
    Udp(SocketAddr),
    Tcp(Listening),
}

impl Listening {
    /// Where the configuration does not say how many may be connected.
    pub const CONNECTIONS_MAX: usize = 64;

    /// Without encryption.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, connections_max: Self::CONNECTIONS_MAX, tls: None }
    }
}

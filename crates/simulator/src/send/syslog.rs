//! Messages of syslog, as a web server sends them.

use std::io;

use chrono::DateTime;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::sleep;
use tracing::warn;

use super::Sent;
use super::connection::PAUSE;
use crate::error::SimulatorError;

/// Facility local7, severity info: what nginx takes by default.
const PRIORITY: u8 = 190;
const HOST: &str = "www";
const TAG: &str = "nginx";

/// How a message of syslog is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyslogFormat {
    /// `<190>Jan  2 03:04:05 www nginx: TEXT`, as nginx does.
    #[default]
    Rfc3164,
    /// `<190>1 2026-01-02T03:04:05.678Z www nginx - - - TEXT`.
    Rfc5424,
}

impl SyslogFormat {
    /// The message, without what tells it from the next.
    pub(super) fn message(self, time_ms: i64, text: &str) -> String {
        let time = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
        match self {
            Self::Rfc3164 => {
                format!("<{PRIORITY}>{} {HOST} {TAG}: {text}", time.format("%b %e %H:%M:%S"))
            }
            Self::Rfc5424 => {
                let time = time.format("%Y-%m-%dT%H:%M:%S%.3fZ");
                format!("<{PRIORITY}>1 {time} {HOST} {TAG} - - - {text}")
            }
        }
    }
}

/// One message in each datagram.
pub(super) struct Datagrams {
    address: String,
    socket: UdpSocket,
    format: SyslogFormat,
}

impl Datagrams {
    /// # Errors
    /// The address has no meaning here, or there is no socket for it.
    pub(super) async fn open(address: &str, format: SyslogFormat) -> Result<Self, SimulatorError> {
        let socket = connected(address).await;
        let address = address.to_owned();
        let socket = socket
            .map_err(|source| SimulatorError::Connect { address: address.clone(), source })?;
        Ok(Self { address, socket, format })
    }

    /// Sends a message, whether or not somebody takes it.
    pub(super) async fn send(&mut self, time_ms: i64, text: &str, sent: &mut Sent) {
        let message = self.format.message(time_ms, text);
        // What a system answers that nobody listens on shows at the next datagram, which is sent then.
        for last in [false, true] {
            match self.socket.send(message.as_bytes()).await {
                Ok(_) => break,
                Err(error) if last => {
                    warn!(address = self.address, %error, "a datagram was not sent");
                    sent.broken += 1;
                    sleep(PAUSE).await;
                }
                Err(_) => {}
            }
        }
        sent.bytes += message.len() as u64;
    }
}

async fn connected(address: &str) -> io::Result<UdpSocket> {
    let to = lookup_host(address).await?.next();
    let to = to.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    Ok(socket)
}

//! Messages in datagrams (RFC 5426): one in each.
//!
//! Nothing makes their sender wait. While there is no room for a message, datagrams wait in a buffer of the system, which
//! drops those that find it full; Linux says how many that were.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use bytes::Bytes;
use pulso_pipeline::{Clock, observe};
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{debug, error, info, warn};

use crate::buffer::WriterGone;
use crate::lines::Line;
use crate::senders::{FAILED_PAUSE, Intake};
use crate::{COMPONENT, ListenError};

/// More than the longest datagram.
const DATAGRAM_BYTES: usize = 64 * 1024;

/// How much of datagrams that wait the system is asked to keep: some seconds of a busy server's access log.
const RECEIVE_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// How often it is looked up how many datagrams the system has dropped.
const DROPS_INTERVAL: Duration = Duration::from_secs(10);

/// How many datagrams that wait are still read at the stop.
const READ_AT_STOP: usize = 100_000;

/// Where Linux tells of its sockets.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

pub(super) fn bind(address: SocketAddr) -> Result<UdpSocket, ListenError> {
    let bound = || -> io::Result<UdpSocket> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES) {
            debug!(%address, %error, "the receive buffer is of the usual size");
        }
        UdpSocket::from_std(socket)
    };
    bound().map_err(|source| ListenError::Bind { address, source })
}

/// Receives until the stop, or until nobody takes the messages.
pub(super) async fn receive<C: Clock>(socket: UdpSocket, intake: &Intake<C>) {
    tell(&socket, intake);
    let mut drops = Drops::of(&socket);
    let mut looks = interval(DROPS_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut datagram = vec![0; DATAGRAM_BYTES];
    loop {
        let received = tokio::select! {
            () = intake.stop().cancelled() => break,
            _ = looks.tick() => {
                drops.report(intake).await;
                continue;
            }
            received = socket.recv(&mut datagram) => received,
        };
        match received {
            Ok(count) => {
                if put(&datagram[..count], intake).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                if let Some(suppressed) = intake.failed("datagram") {
                    warn!(source = %intake.source(), suppressed, %error, "failed to receive a datagram");
                }
                if intake.stop().run_until_cancelled(sleep(FAILED_PAUSE)).await.is_none() {
                    break;
                }
            }
        }
    }
    // What has come already does not come again. The runtime has to hear of it first.
    tokio::task::yield_now().await;
    for _ in 0..READ_AT_STOP {
        let Ok(count) = socket.try_recv(&mut datagram) else { break };
        if put(&datagram[..count], intake).await.is_err() {
            return;
        }
    }
    drops.report(intake).await;
}

fn tell<C: Clock>(socket: &UdpSocket, intake: &Intake<C>) {
    let source = intake.source();
    let address = socket.local_addr().map_or_else(|error| error.to_string(), |it| it.to_string());
    let receive_buffer_bytes = SockRef::from(socket).recv_buffer_size().unwrap_or_default();
    info!(%source, %address, receive_buffer_bytes, "listening for datagrams");
    if receive_buffer_bytes < RECEIVE_BUFFER_BYTES {
        let hint = format!(
            "more datagrams of a burst are kept after `sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}`"
        );
        info!(%source, hint, "the system keeps fewer datagrams than it was asked to");
    }
}

async fn put<C: Clock>(datagram: &[u8], intake: &Intake<C>) -> Result<(), WriterGone> {
    // Some senders end a message as C ends a text.
    let end = datagram.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match Line::new(Bytes::copy_from_slice(&datagram[..end]), intake.bytes_max()) {
        Some(line) => intake.put(line).await,
        None => Ok(()),
    }
}

/// How many datagrams the system has dropped.
struct Drops {
    /// By which Linux names the socket.
    inode: Option<u64>,
    reported: u64,
}

impl Drops {
    fn of(socket: &UdpSocket) -> Self {
        let descriptor = socket.as_fd().try_clone_to_owned();
        let metadata = descriptor.and_then(|owned| std::fs::File::from(owned).metadata());
        Self { inode: metadata.ok().map(|metadata| metadata.ino()), reported: 0 }
    }

    /// Counts and logs how many they were since the last time.
    async fn report<C: Clock>(&mut self, intake: &Intake<C>) {
        let Some(inode) = self.inode else { return };
        for table in TABLES {
            let Ok(table) = tokio::fs::read_to_string(table).await else { continue };
            let Some(total) = dropped(&table, inode) else { continue };
            let count = total.saturating_sub(self.reported);
            self.reported = total;
            if count > 0 {
                observe::discarded(COMPONENT, intake.stream(), "udp_drops", count);
                if let Some(suppressed) = intake.failed("udp_drops") {
                    let hint = "let its sender use TCP, or raise `net.core.rmem_max`";
                    error!(source = %intake.source(), count, suppressed, hint, "the system dropped datagrams of a source");
                }
            }
        }
    }
}

/// What a table of Linux says of a socket.
fn dropped(table: &str, inode: u64) -> Option<u64> {
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut sockets = columns.filter(|columns| columns.len() > 12);
    let found = sockets.find(|columns| columns[9].parse() == Ok(inode))?;
    found.last()?.parse().ok()
}

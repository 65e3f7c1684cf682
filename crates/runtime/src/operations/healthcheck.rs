//! Asks a service whether it can work: for containers, which need no other program for that.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Exit, FailureExt};

/// Shorter than the usual time limit of a container's health check.
const TIME_MAX: Duration = Duration::from_secs(3);

/// More than any answer to `/readyz` has.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Succeeds when the service that listens at `listen` says that it is ready; `key` is where that is
/// configured.
///
/// # Errors
/// With exit code 1 when it is not, or does not answer.
pub async fn healthcheck(listen: Option<SocketAddr>, key: &str) -> anyhow::Result<()> {
    let listen = listen
        .ok_or_else(|| anyhow!("`{key}` is off, so there is nobody to ask"))
        .exit(Exit::Usage)
        .hint("give it an address")?;
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let asked = tokio::time::timeout(TIME_MAX, ask(address)).await;
    let answer = asked
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
        .with_context(|| format!("failed to ask `http://{address}/readyz`"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split_ascii_whitespace().nth(1) == Some("200") {
        return Ok(());
    }
    Err(anyhow!("the service is not ready: {}", body.trim()))
}

async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A service that listens everywhere is asked on this machine.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

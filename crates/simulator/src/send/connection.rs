//! Lines, or messages of syslog, over a connection of TCP that is made anew when it ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::syslog::SyslogFormat;
use super::{Fault, Framing, Sent, halves};

/// The pause before the next attempt to connect.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// How long the other side may take to read the rest, at the end.
const GOODBYE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Connection {
    address: String,
    syslog: Option<(SyslogFormat, Framing)>,
    stream: Option<TcpStream>,
}

impl Connection {
    pub(super) fn new(address: String, syslog: Option<(SyslogFormat, Framing)>) -> Self {
        Self { address, syslog, stream: None }
    }

    pub(super) async fn write(&mut self, time_ms: i64, text: &str, fault: Fault, sent: &mut Sent) {
        let frame = self.frame(time_ms, text);
        let (begin, end) = halves(&frame);
        match fault {
            Fault::None => self.write_whole(&[&frame], Duration::ZERO, sent).await,
            Fault::Stall(length) => self.write_whole(&[begin, end], length, sent).await,
            Fault::Cut => {
                self.write_whole(&[begin], Duration::ZERO, sent).await;
                if let Some(stream) = self.stream.take() {
                    close(stream).await;
                }
                sent.cuts += 1;
                self.write_whole(&[&frame], Duration::ZERO, sent).await;
            }
        }
    }

    /// Writes all parts to one connection, with a pause between them.
    async fn write_whole(&mut self, parts: &[&[u8]], pause: Duration, sent: &mut Sent) {
        loop {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => self.stream.insert(connect(&self.address).await),
            };
            let writing = async {
                for (number, part) in parts.iter().enumerate() {
                    if number > 0 {
                        sleep(pause).await;
                    }
                    stream.write_all(part).await?;
                }
                std::io::Result::Ok(())
            };
            match writing.await {
                Ok(()) => {
                    sent.bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
                    return;
                }
                Err(error) => {
                    warn!(address = self.address, %error, "the other side has ended the connection");
                    sent.broken += 1;
                    self.stream = None;
                }
            }
        }
    }

    fn frame(&self, time_ms: i64, text: &str) -> Vec<u8> {
        let Some((format, framing)) = self.syslog else { return format!("{text}\n").into_bytes() };
        let message = format.message(time_ms, text);
        match framing {
            Framing::Lines => format!("{message}\n").into_bytes(),
            Framing::Counted => format!("{} {message}", message.len()).into_bytes(),
        }
    }

    pub(super) async fn end(self, sent: &mut Sent) {
        if let Some(stream) = self.stream
            && !close(stream).await
        {
            sent.broken += 1;
        }
    }
}

/// Connects, however long that takes.
pub(super) async fn connect(address: &str) -> TcpStream {
    let mut said = false;
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                if said {
                    info!(address, "connected");
                }
                // Without it small messages would wait for each other; if refused, they do.
                stream.set_nodelay(true).ok();
                return stream;
            }
            Err(error) if !said => {
                warn!(address, %error, "nobody answers; trying again");
                said = true;
            }
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// Says that nothing more comes, and waits until the other side has read everything. True if it has.
async fn close(mut stream: TcpStream) -> bool {
    let closing = async {
        stream.shutdown().await?;
        // Nobody says anything here; it ends when the other side is done.
        while stream.read(&mut [0; 512]).await? > 0 {}
        std::io::Result::Ok(())
    };
    matches!(timeout(GOODBYE_MAX, closing).await, Ok(Ok(())))
}

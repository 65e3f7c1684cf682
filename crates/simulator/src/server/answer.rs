//! An answer to a GET that does not end: a message a line, as the stream of clicks was. For `curl -s`, and for programs.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A client that takes longer to ask is no client.
const HEAD_MAX: Duration = Duration::from_secs(10);

const HEAD_END: &[u8] = b"\r\n\r\n";
const BEGIN: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
/// The last chunk.
const END: &[u8] = b"0\r\n\r\n";

#[derive(Debug)]
pub(super) struct Answer<S> {
    stream: S,
    /// What was fed and not flushed.
    waiting: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Answer<S> {
    /// Begins the answer, when a GET asks for it; `starting` is answered with 503.
    ///
    /// # Errors
    /// Nothing was asked in time, or nothing that is answered.
    pub(super) async fn begin(mut stream: S, starting: bool) -> io::Result<Self> {
        let asked = tokio::time::timeout(HEAD_MAX, read_head(&mut stream)).await;
        let head = asked.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let refusal = match (starting, head.starts_with(b"GET ")) {
            (true, _) => "503 Service Unavailable",
            (false, false) => "405 Method Not Allowed\r\nAllow: GET",
            (false, true) => {
                stream.write_all(BEGIN.as_bytes()).await?;
                return Ok(Self { stream, waiting: Vec::new() });
            }
        };
        let answer =
            format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        Err(io::Error::other(format!("answered with {refusal}")))
    }

    /// Completes when the client is gone: it has nothing more to say.
    pub(super) async fn gone(&mut self) {
        let mut bytes = [0; 512];
        while let Ok(1..) = self.stream.read(&mut bytes).await {}
    }

    /// Adds a line; an empty one keeps the connection alive.
    pub(super) fn feed(&mut self, text: &str) {
        let head = format!("{:x}\r\n", text.len() + 1);
        for part in [&head, text, "\n\r\n"] {
            self.waiting.extend_from_slice(part.as_bytes());
        }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.waiting).await?;
        self.waiting.clear();
        self.stream.flush().await
    }

    /// Sends half of a line, and no more.
    pub(super) async fn cut(&mut self, text: &str) -> io::Result<()> {
        self.feed(text);
        self.waiting.truncate(self.waiting.len() / 2);
        self.flush().await
    }

    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.stream.write_all(END).await?;
        self.stream.shutdown().await
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(HEAD_END) {
        if head.len() == HEAD_BYTES_MAX {
            return Err(io::Error::other("the head of the request is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

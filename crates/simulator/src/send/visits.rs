//! Real requests to a web server, one after the other, each over a connection of its own.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::warn;

use super::Sent;
use super::connection::connect;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(super) struct Visits {
    address: String,
}

impl Visits {
    pub(super) fn new(address: String) -> Self {
        Self { address }
    }

    /// Sends the head of a request, and reads the answer. It is not repeated: the server may have counted it.
    pub(super) async fn ask(&mut self, head: &str, sent: &mut Sent) {
        let mut stream = connect(&self.address).await;
        sent.bytes += head.len() as u64;
        let asking = async {
            stream.write_all(head.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            std::io::Result::Ok(answer.starts_with(b"HTTP/1."))
        };
        let problem = match timeout(ANSWER_MAX, asking).await {
            Ok(Ok(true)) => return,
            Ok(Ok(false)) => "it does not speak HTTP".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("nothing for {}s", ANSWER_MAX.as_secs()),
        };
        warn!(address = self.address, problem, "a request was not answered");
        sent.unanswered += 1;
    }
}

//! One answer: receives until it ends or is no longer wanted.

use std::collections::VecDeque;

use bytes::Bytes;
use http_body_util::BodyExt;
use pulso_pipeline::Clock;
use pulso_runtime::config::{Acquisition, Format};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::events::{Event, Events};
use super::{Answer, reason};
use crate::buffer::{Buffer, Times};
use crate::connection::{Heard, Listener, Lost, Received};
use crate::lines::{Line, Lines};

/// Receives into the buffer until the answer ends, `stop`, or nobody takes the messages.
pub(super) async fn receive<C: Clock>(
    answer: Answer,
    format: Format,
    buffer: &Buffer<C>,
    listener: &mut impl Listener,
    options: &Acquisition,
    stop: &CancellationToken,
) -> Received {
    let bytes_max = options.message_bytes_max.as_usize();
    let reader = match format {
        Format::Lines => Reader::Lines(Lines::new(bytes_max)),
        Format::Events => Reader::Events(Events::new(bytes_max), VecDeque::new()),
    };
    let mut session = Session { answer, reader, options, messages: 0, ended: None };
    let lost = session.run(buffer, listener, stop).await.err();
    Received { messages: session.messages, lost }
}

struct Session<'a> {
    answer: Answer,
    reader: Reader,
    options: &'a Acquisition,
    messages: u64,
    /// Why nothing more comes; what came before is given first.
    ended: Option<Lost>,
}

/// Finds messages in what comes.
enum Reader {
    Lines(Lines),
    /// And those that were found.
    Events(Events, VecDeque<Event>),
}

impl Session<'_> {
    /// The error is why the connection is lost.
    async fn run<C: Clock>(
        &mut self,
        buffer: &Buffer<C>,
        listener: &mut impl Listener,
        stop: &CancellationToken,
    ) -> Result<(), Lost> {
        loop {
            // While there is no room nothing is read, and the other side has to wait.
            let Some(slot) = stop.run_until_cancelled(buffer.slot()).await else { return Ok(()) };
            let line = stop.run_until_cancelled(self.message(listener)).await.transpose()?;
            let Some(Line { bytes, cut }) = line else { return Ok(()) };
            if cut {
                buffer.report_cut(self.options.message_bytes_max.as_usize());
            }
            self.messages += 1;
            let cursor = |times: Times| listener.cursor_after(Heard(None), times);
            if buffer.put(slot, bytes, cursor).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The next message. Dropping the future loses nothing.
    async fn message(&mut self, listener: &mut impl Listener) -> Result<Line, Lost> {
        loop {
            if let Some(line) = self.reader.next(listener) {
                return Ok(line);
            }
            if let Some(lost) = self.ended.take() {
                return Err(lost);
            }
            match self.piece().await {
                Ok(piece) => self.reader.push(&piece),
                Err(lost) => {
                    // The last line of an answer that is whole needs no end.
                    let whole = matches!(lost, Lost::Closed { .. });
                    self.ended = Some(lost);
                    if let Reader::Lines(lines) = &mut self.reader
                        && whole
                        && let Some(line) = lines.rest()
                    {
                        return Ok(line);
                    }
                }
            }
        }
    }

    async fn piece(&mut self) -> Result<Bytes, Lost> {
        let limit = self.options.idle_timeout;
        match timeout(limit, self.answer.body.frame()).await {
            Err(_) => Err(Lost::Idle { limit }),
            Ok(None) => Err(Lost::Closed { reason: "the answer is complete".to_owned() }),
            Ok(Some(Err(error))) => Err(Lost::Broken { reason: reason(&error) }),
            // Trailers are the end of an answer.
            Ok(Some(Ok(frame))) => Ok(frame.into_data().unwrap_or_default()),
        }
    }
}

impl Reader {
    fn push(&mut self, piece: &[u8]) {
        match self {
            Self::Lines(lines) => lines.push(piece),
            Self::Events(events, found) => events.push(piece, found),
        }
    }

    fn next(&mut self, listener: &mut impl Listener) -> Option<Line> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Events(_, found) => loop {
                match found.pop_front()? {
                    Event::Retry(delay) => listener.asked_to_wait(delay),
                    Event::Message { data, id, cut } => {
                        listener.named(id);
                        if !data.is_empty() {
                            return Some(Line { bytes: data, cut });
                        }
                    }
                }
            },
        }
    }
}

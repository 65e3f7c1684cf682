//! Answers that do not end as sources: a GET whose answer is lines, or server-sent events.
//!
//! There is no request for a sign of life in HTTP: a connection on which nothing at all comes for
//! `acquisition.idle_timeout` is made anew.

mod events;
mod session;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use pulso_pipeline::Clock;
use pulso_runtime::chain;
use pulso_runtime::config::{Acquisition, Format};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::buffer::Buffer;
use crate::connection::{Listener, Lost, Received, Request, Transport};
use crate::network::{self, Network};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const USER_AGENT: &str = concat!("pulso/", env!("CARGO_PKG_VERSION"));
const EVENT_STREAM: &str = "text/event-stream";

/// How much of an answer is read that says why there are no messages.
const REFUSAL_BYTES: usize = 4096;

/// Over this network.
#[derive(Clone, Debug)]
pub(crate) struct Http<N> {
    pub(crate) network: N,
    pub(crate) format: Format,
}

/// An answer that goes on.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    /// The connection lasts as long as both of these.
    _sender: SendRequest<Empty<Bytes>>,
    _connection: AbortOnDropHandle<()>,
}

impl<N: Network> Transport for Http<N> {
    type Connection = Answer;

    async fn open(&self, request: &Request, _: &Acquisition) -> Result<Answer, Lost> {
        let stream = self.network.dial(&request.url).await;
        let stream = stream.map_err(|error| Lost::connect(&error))?;
        let greeted = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) =
            greeted.map_err(|error| Lost::Connect { reason: reason(&error) })?;
        // What goes wrong with it shows in the answer.
        let connection = AbortOnDropHandle::new(tokio::spawn(async { drop(connection.await) }));
        let request = self.request(request)?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| Lost::Connect { reason: reason(&error) })?;
        let body = self.accepted(answer).await?;
        Ok(Answer { body, _sender: sender, _connection: connection })
    }

    async fn receive<C: Clock>(
        &self,
        connection: Answer,
        buffer: &Buffer<C>,
        listener: &mut impl Listener,
        options: &Acquisition,
        stop: &CancellationToken,
    ) -> Received {
        session::receive(connection, self.format, buffer, listener, options, stop).await
    }

    async fn close(&self, connection: Answer) {
        drop(connection);
    }
}

impl<N> Http<N> {
    fn request(
        &self,
        Request { url, last_event_id, .. }: &Request,
    ) -> Result<http::Request<Empty<Bytes>>, Lost> {
        let place = url.path_and_query().map_or("/", |place| place.as_str());
        let host = url.authority().map_or("", |authority| authority.as_str());
        let accept = match self.format {
            Format::Lines => "application/x-ndjson, application/json;q=0.9, */*;q=0.8",
            Format::Events => EVENT_STREAM,
        };
        let mut request = http::Request::get(place)
            .header(header::HOST, host)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::CACHE_CONTROL, "no-store");
        if let Some(id) = last_event_id {
            request = request.header(LAST_EVENT_ID, id.as_bytes());
        }
        request.body(Empty::new()).map_err(|error| Lost::Connect { reason: error.to_string() })
    }

    /// The body of an answer that goes on with messages; why another one does not.
    async fn accepted(&self, answer: Response<Incoming>) -> Result<Incoming, Lost> {
        let (status, header) = (answer.status(), |name| answer.headers().get(name));
        let text = |name| header(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if status.is_redirection() {
            let answer = format!("it has moved to `{}`", text(header::LOCATION));
            return Err(Lost::Refused { status, answer });
        }
        if status != StatusCode::OK {
            return Err(Lost::refused(status, &beginning(answer.into_body()).await));
        }
        let found = text(header::CONTENT_ENCODING);
        if !matches!(found, "" | "identity") {
            let reason = format!("it is compressed (`{found}`), which it was asked not to be");
            return Err(Lost::Unexpected { reason });
        }
        let found = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        let events = found.eq_ignore_ascii_case(EVENT_STREAM);
        if events != (self.format == Format::Events) {
            let format = if events { "events" } else { "lines" };
            let reason = format!("it is of the type `{found}`; is the `format` \"{format}\"?");
            return Err(Lost::Unexpected { reason });
        }
        Ok(answer.into_body())
    }
}

async fn beginning(mut body: Incoming) -> BytesMut {
    let mut beginning = BytesMut::new();
    while beginning.len() < REFUSAL_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        beginning.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
    }
    beginning
}

/// What went wrong, in words for a person.
fn reason(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref()) {
        Some(error) => network::reason(error),
        None if error.is_parse() => format!("the server does not speak HTTP: {}", chain(error)),
        None => chain(error).to_string(),
    }
}

//! The handshake of a websocket, or the request of HTTP. A client of the RSVPs may add one parameter, `?since_mtime=MILLISECONDS`;
//! one of the posts says what it wants as Jetstream does.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{accept_hdr_async_with_config, tungstenite};

use super::Shared;
use super::answer::Answer;
use super::socket::Socket;
use super::wanted::Wanted;
use crate::config::Input;
use crate::posts::Protocol;
use crate::posts::subscription::Refusal;

/// The longest handshake: a client that takes longer is not a websocket client.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Small, because clients send only pings and closing frames.
const INCOMING_BYTES_MAX: usize = 64 * 1024;
/// One write to the socket carries up to this many bytes of messages.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// What clients of version 2 of Jetstream's protocol offer.
const SUBPROTOCOL: &str = "xrpc.v1.json";

#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("no handshake within {}s", HANDSHAKE_MAX.as_secs())]
    TimedOut,
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
    #[error(transparent)]
    Request(#[from] std::io::Error),
}

/// Returns the connection and what the client wants to be sent.
pub(super) async fn accept<S>(
    stream: S,
    shared: &Shared,
) -> Result<(Socket<S>, Wanted), HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if shared.config.speaks_http() {
        let answer = Answer::begin(stream, shared.is_starting()).await?;
        return Ok((Socket::Answer(answer), Wanted::Rsvps { since_mtime_ms: None }));
    }
    let mut wanted = Wanted::Rsvps { since_mtime_ms: None };
    let config = WebSocketConfig::default()
        .max_message_size(Some(INCOMING_BYTES_MAX))
        .write_buffer_size(WRITE_BUFFER_BYTES);
    #[expect(clippy::result_large_err, reason = "the type of the refusal is the library's")]
    let callback = |request: &Request, response: Response| {
        let (found, response) = admit(request, response, shared)?;
        wanted = found;
        Ok(response)
    };
    let accepting = accept_hdr_async_with_config(stream, callback, Some(config));
    let socket = tokio::time::timeout(HANDSHAKE_MAX, accepting)
        .await
        .map_err(|_| HandshakeError::TimedOut)??;
    Ok((Socket::Websocket(Box::new(socket)), wanted))
}

#[expect(clippy::result_large_err, reason = "the type of the refusal is the library's")]
fn admit(
    request: &Request,
    mut response: Response,
    shared: &Shared,
) -> Result<(Wanted, Response), ErrorResponse> {
    if shared.is_starting() {
        let body = r#"{"error":"ServiceUnavailable","message":"the server is starting"}"#;
        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, body.to_owned()));
    }
    let (path, query) = (request.uri().path(), request.uri().query());
    if !matches!(shared.config.input, Input::Posts(_)) {
        let since_mtime_ms =
            since_mtime(query).map_err(|problem| refusal(StatusCode::BAD_REQUEST, problem))?;
        return Ok((Wanted::Rsvps { since_mtime_ms }, response));
    }
    let refused = |refused: Refusal| {
        let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
        refusal(status, refused.body())
    };
    let wanted = Wanted::posts(path, query, shared).map_err(refused)?;
    if let Wanted::Posts(subscription) = &wanted
        && subscription.protocol == Protocol::Two
    {
        let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let offered =
            offered.filter_map(|names| names.to_str().ok()).flat_map(|names| names.split(','));
        if !offered.map(str::trim).any(|name| name == SUBPROTOCOL) {
            let problem = format!("the websocket subprotocol is not `{SUBPROTOCOL}`");
            return Err(refused(Refusal::InvalidRequest(problem)));
        }
        let name = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    Ok((wanted, response))
}

/// Reads the parameter and ignores all others.
fn since_mtime(query: Option<&str>) -> Result<Option<i64>, String> {
    let parameters = query.unwrap_or_default().split('&');
    let Some(value) =
        parameters.filter_map(|parameter| parameter.strip_prefix("since_mtime=")).next_back()
    else {
        return Ok(None);
    };
    let parsed = value.parse().map_err(|_| {
        format!("`since_mtime` (`{value}`) is not a number of milliseconds\nhint: use `?since_mtime=1489923634000`\n")
    })?;
    Ok(Some(parsed))
}

fn refusal(status: StatusCode, problem: String) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(problem));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_mtime_is_found_among_other_parameters_and_must_be_a_number() {
        assert_eq!(since_mtime(None), Ok(None));
        assert_eq!(since_mtime(Some("trickle=1")), Ok(None));
        assert_eq!(since_mtime(Some("since_mtime=1489923634000")), Ok(Some(1_489_923_634_000)));
        assert_eq!(since_mtime(Some("a=b&since_mtime=5&since_count=0")), Ok(Some(5)));
        since_mtime(Some("since_mtime=yesterday")).unwrap_err();
        since_mtime(Some("since_mtime=")).unwrap_err();
    }
}

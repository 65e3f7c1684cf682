//! The websocket handshake, with one optional parameter: `?since_mtime=MILLISECONDS`.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, tungstenite};

/// The longest handshake: a client that takes longer is not a websocket client.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Small, because clients send only pings and closing frames.
const INCOMING_BYTES_MAX: usize = 64 * 1024;
/// One write to the socket carries up to this many bytes of messages.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("no handshake within {}s", HANDSHAKE_MAX.as_secs())]
    TimedOut,
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
}

/// Returns the websocket and the requested `since_mtime`.
pub(super) async fn accept<S>(
    stream: S,
) -> Result<(WebSocketStream<S>, Option<i64>), HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut since_mtime_ms = None;
    let config = WebSocketConfig::default()
        .max_message_size(Some(INCOMING_BYTES_MAX))
        .write_buffer_size(WRITE_BUFFER_BYTES);
    #[expect(clippy::result_large_err, reason = "the type of the refusal is the library's")]
    let callback = |request: &Request, response: Response| match since_mtime(request.uri().query())
    {
        Ok(found) => {
            since_mtime_ms = found;
            Ok(response)
        }
        Err(problem) => Err(refusal(problem)),
    };
    let accepting = accept_hdr_async_with_config(stream, callback, Some(config));
    let socket = tokio::time::timeout(HANDSHAKE_MAX, accepting)
        .await
        .map_err(|_| HandshakeError::TimedOut)??;
    Ok((socket, since_mtime_ms))
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

fn refusal(problem: String) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(problem));
    *response.status_mut() = StatusCode::BAD_REQUEST;
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

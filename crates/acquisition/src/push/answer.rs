//! What senders are answered: JSON, or problem details (RFC 9457).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;

pub(super) type Answer = Response<Full<Bytes>>;

/// Why a request is not fulfilled; nothing of it is stored, but where it says so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("messages of this source are sent to `{path}`")]
    Path { path: String },
    #[error("messages are sent by POST")]
    Method,
    #[error("the token is missing or wrong; send the header `Authorization: Bearer TOKEN`")]
    Token,
    #[error("web pages may not send messages to a source without a token")]
    Page,
    #[error(
        "the content type is not one of messages; send `application/json` or `application/x-ndjson`"
    )]
    ContentType,
    #[error("the content encoding is unknown; send the body as it is, or with gzip")]
    ContentEncoding,
    #[error("the body is not what gzip makes")]
    Gzip,
    #[error(
        "the body has more than {max} bytes; send it in parts, or raise the source's `body_bytes_max`"
    )]
    TooLarge { max: usize },
    #[error("message {number} has more than {max} bytes; nothing was stored")]
    MessageTooLong { number: usize, max: usize },
    #[error("the body has no message")]
    Empty,
    #[error("the body ended before its end")]
    Incomplete,
    #[error("the body took too long to come")]
    Slow,
    #[error("the key must have from 1 to {max} characters", max = super::request::KEY_BYTES_MAX)]
    Key,
    #[error("another request with this key is not answered yet")]
    KeyBusy,
    #[error("this key was sent with another body; give every body a key of its own")]
    KeyUsed,
    #[error("the source is paused; nothing was stored, send it again later")]
    Paused,
    #[error("too much is waiting to be stored; send it again later")]
    Busy,
    #[error(
        "the messages are not stored yet; with the same `Idempotency-Key` they can be sent again, and are stored once"
    )]
    NotStored,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Path { .. } => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Page => StatusCode::FORBIDDEN,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::MessageTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Gzip | Self::Empty | Self::Incomplete | Self::Key => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::KeyBusy => StatusCode::CONFLICT,
            Self::KeyUsed => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::NotStored | Self::Paused => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For counting.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Token | Self::Page => "forbidden",
            Self::Paused => "paused",
            Self::Busy | Self::NotStored => "not_stored",
            _ => "bad_request",
        }
    }

    /// What goes with it, for programs.
    fn header(&self) -> Option<(http::HeaderName, &'static str)> {
        match self {
            Self::Method => Some((header::ALLOW, "POST")),
            Self::Token => Some((header::WWW_AUTHENTICATE, "Bearer")),
            Self::ContentEncoding => Some((header::ACCEPT_ENCODING, "gzip")),
            Self::KeyBusy | Self::Busy => Some((header::RETRY_AFTER, "1")),
            Self::NotStored => Some((header::RETRY_AFTER, "5")),
            Self::Paused => Some((header::RETRY_AFTER, "30")),
            _ => None,
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let status = self.status();
        let title = status.canonical_reason().unwrap_or_default();
        let problem =
            json!({ "title": title, "status": status.as_u16(), "detail": self.to_string() });
        let mut answer = answer(status, "application/problem+json", &problem.to_string());
        if let Some((name, value)) = self.header() {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}

/// What became of the messages of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// All of them, whether they are stored or were not wanted.
    pub(super) messages: usize,
    pub(super) filtered: usize,
    pub(super) sampled_out: usize,
}

/// All messages that come in are stored; of a source that is `open`, those are all.
pub(super) fn accepted(accepted: Accepted, open: bool) -> Answer {
    let Accepted { messages, filtered, sampled_out } = accepted;
    let body = match open {
        true => json!({ "messages": messages }),
        false => {
            json!({ "messages": messages, "filtered": filtered, "sampled_out": sampled_out })
        }
    };
    answer(StatusCode::OK, "application/json", &body.to_string())
}

fn answer(status: StatusCode, content_type: &'static str, body: &str) -> Answer {
    let mut answer = Response::new(Full::from(format!("{body}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

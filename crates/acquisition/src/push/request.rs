//! What a request says, and the messages in its body.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::answer::Refusal;

/// The longest `Idempotency-Key`.
pub(super) const KEY_BYTES_MAX: usize = 255;

/// How long a body may take to come.
const BODY_WAIT: Duration = Duration::from_secs(30);

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The SHA-256 of the token that senders have to know.
#[derive(Clone, Debug)]
pub(super) struct Token([u8; 32]);

impl Token {
    pub(super) fn new(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    fn is(&self, other: &str) -> bool {
        let other: [u8; 32] = Sha256::digest(other.as_bytes()).into();
        self.0.ct_eq(&other).into()
    }
}

/// How messages lie in a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    /// One is all of it.
    Whole,
    /// One on each line.
    Lines,
}

/// The head of a request that may be fulfilled.
#[derive(Debug)]
pub(super) struct Head {
    format: Format,
    gzip: bool,
    pub(super) key: Option<Bytes>,
}

impl Head {
    /// Looks at all that can be judged before the body comes.
    pub(super) fn read(parts: &Parts, path: &str, token: Option<&Token>) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        if parts.uri.path() != path {
            return Err(Refusal::Path { path: path.to_owned() });
        }
        if parts.method != Method::POST {
            return Err(Refusal::Method);
        }
        match token {
            Some(token) if !bearer(headers).is_some_and(|sent| token.is(sent)) => {
                return Err(Refusal::Token);
            }
            // Whatever page is open in a browser on this machine could send messages.
            None if headers.contains_key(header::ORIGIN) => return Err(Refusal::Page),
            _ => {}
        }
        let key = headers.get(IDEMPOTENCY_KEY).map(|key| Bytes::copy_from_slice(key.as_bytes()));
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
            return Err(Refusal::Key);
        }
        Ok(Self { format: format(headers)?, gzip: gzip(headers)?, key })
    }

    /// The most bytes that a body of this length takes in memory, of at most `max` each way.
    pub(super) fn bytes_max(&self, length: Option<usize>, max: usize) -> usize {
        let sent = length.unwrap_or(max);
        if self.gzip { sent + max } else { sent }
    }

    /// Reads the body: what was sent, decompressed.
    pub(super) async fn body<B>(&self, body: B, bytes_max: usize) -> Result<Bytes, Refusal>
    where
        B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let limited = Limited::new(body, bytes_max);
        let collected = timeout(BODY_WAIT, limited.collect()).await.map_err(|_| Refusal::Slow)?;
        let body = collected.map_err(|error| match error.is::<LengthLimitError>() {
            true => Refusal::TooLarge { max: bytes_max },
            false => Refusal::Incomplete,
        })?;
        let body = body.to_bytes();
        if self.gzip { unzipped(&body, bytes_max) } else { Ok(body) }
    }

    /// The messages of a body; at least one, none empty, none longer than this.
    pub(super) fn messages(&self, body: &Bytes, bytes_max: usize) -> Result<Vec<Bytes>, Refusal> {
        let messages: Vec<_> = match self.format {
            Format::Whole => vec![body.clone()],
            Format::Lines => {
                let line = |line: &[u8]| body.slice_ref(line.strip_suffix(b"\r").unwrap_or(line));
                body.split(|byte| *byte == b'\n').map(line).collect()
            }
        };
        let messages: Vec<_> = messages.into_iter().filter(|one| !one.is_empty()).collect();
        if messages.is_empty() {
            return Err(Refusal::Empty);
        }
        match messages.iter().position(|message| message.len() > bytes_max) {
            Some(index) => Err(Refusal::MessageTooLong { number: index + 1, max: bytes_max }),
            None => Ok(messages),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// JSON is one message; whatever else may be text is lines, also what `curl --data` calls a form.
fn format(headers: &HeaderMap) -> Result<Format, Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Lines) };
    let value = value.to_str().map_err(|_| Refusal::ContentType)?;
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Format::Whole),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-www-form-urlencoded"
        | "application/octet-stream" => Ok(Format::Lines),
        text if text.starts_with("text/") => Ok(Format::Lines),
        _ => Err(Refusal::ContentType),
    }
}

fn gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case(b"identity") => Ok(false),
        Some(value) if value.eq_ignore_ascii_case(b"gzip") => Ok(true),
        Some(_) => Err(Refusal::ContentEncoding),
    }
}

/// No more is decompressed than a body may have.
fn unzipped(body: &[u8], bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut unzipped = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read: io::Result<_> = MultiGzDecoder::new(body).take(limit).read_to_end(&mut unzipped);
    read.map_err(|_| Refusal::Gzip)?;
    if unzipped.len() > bytes_max {
        return Err(Refusal::TooLarge { max: bytes_max });
    }
    Ok(unzipped.into())
}

//! What a client may keep of an answer, and answers in less bytes.
//!
//! An answer that may be kept has a tag made from its text, so a client that has the same text is told just
//! that. Nothing is kept for ever: a later run of the batch layer may replace even a completed day.

use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::OnceCell;

/// Ask whether it is still so, then use it again.
pub(super) const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// Use it for a minute without asking; only this client, as answers may be protected.
const MINUTE: HeaderValue = HeaderValue::from_static("private, max-age=60");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Shorter bodies fit into a packet or two as they are.
const COMPRESSED_FROM: usize = 1_024;

/// A body that takes more than a moment to compress, and is compressed beside the other requests.
const COMPRESSED_BESIDE: usize = 64 * 1_024;

/// The longest answer, which is a page of documents with one that is large.
const BODY_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// The compressed form of a body that never changes, made as small as it gets when somebody first takes it. An
/// extension of the answers that have this body.
#[derive(Clone, Debug, Default)]
pub(super) struct CompressedOnce(Arc<OnceCell<Bytes>>);

/// How long answers about a range can be kept.
pub(super) fn control(completed: bool) -> HeaderValue {
    if completed { MINUTE } else { ASK }
}

/// Finishes an answer for the client that sent these headers: with a tag, or without a body where the
/// client has it already, or compressed.
pub(super) async fn finish(request: &HeaderMap, mut response: Response) -> Response {
    let control = response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE).clone();
    // Events have no end that could be waited for.
    let whole = response.body().size_hint().exact().is_some();
    if response.status() != StatusCode::OK || !whole {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let once = head.extensions.remove::<CompressedOnce>();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        head.status = StatusCode::INTERNAL_SERVER_ERROR;
        return Response::from_parts(head, Body::empty());
    };
    if control != NO_STORE {
        let tag = tag(&body);
        let known = request.get_all(header::IF_NONE_MATCH).iter();
        let known = known.filter_map(|tags| tags.to_str().ok());
        let same = known.flat_map(|tags| tags.split(',')).any(|known| matches(known, &tag));
        head.headers.insert(header::ETAG, tag);
        head.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if same {
            head.status = StatusCode::NOT_MODIFIED;
            head.headers.remove(header::CONTENT_LENGTH);
            head.headers.remove(header::CONTENT_TYPE);
            return Response::from_parts(head, Body::empty());
        }
    }
    if body.len() < COMPRESSED_FROM || !accepts_gzip(request) {
        return Response::from_parts(head, Body::from(body));
    }
    let compressed = match once {
        Some(CompressedOnce(cell)) => {
            let compress = || compress(body.clone(), Compression::best());
            cell.get_or_try_init(compress).await.cloned()
        }
        None => compress(body.clone(), Compression::fast()).await,
    };
    match compressed {
        Ok(compressed) => {
            head.headers.insert(header::CONTENT_ENCODING, GZIP);
            head.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(compressed))
        }
        Err(_) => Response::from_parts(head, Body::from(body)),
    }
}

/// A weak tag: the same text has it in every encoding.
fn tag(body: &[u8]) -> HeaderValue {
    // The keys of this hasher are fixed.
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    let text = format!("W/\"{:016x}-{:x}\"", hasher.finish(), body.len());
    HeaderValue::from_str(&text).expect("digits are valid in a header")
}

/// Whether a client's tag is this one; a proxy may have taken its `W/`.
fn matches(known: &str, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || tag.to_str().is_ok_and(|tag| opaque(tag) == opaque(known))
}

/// Whether a client takes gzip; `gzip;q=0` refuses it.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter();
    let values = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    let refused = |weight: &str| {
        let weight = weight.trim().strip_prefix("q=");
        weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
    };
    let mut quality = None;
    for value in values {
        let mut parts = value.split(';');
        let coding = parts.next().unwrap_or_default().trim();
        let accepted = !parts.any(refused);
        if coding.eq_ignore_ascii_case("gzip") {
            return accepted;
        }
        if coding == "*" {
            quality = Some(accepted);
        }
    }
    quality.unwrap_or(false)
}

async fn compress(body: Bytes, level: Compression) -> io::Result<Bytes> {
    let beside = body.len() >= COMPRESSED_BESIDE;
    let compress = move || {
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
        encoder.write_all(&body)?;
        encoder.finish().map(Bytes::from)
    };
    if !beside {
        return compress();
    }
    tokio::task::spawn_blocking(compress).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::Extension;
    use axum::response::IntoResponse;
    use flate2::read::GzDecoder;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(header::HeaderName, &str)| {
            (name.clone(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    async fn answer(request: &[(header::HeaderName, &str)], body: &str) -> (Response, Vec<u8>) {
        let kept = ([(header::CACHE_CONTROL, ASK)], body.to_owned()).into_response();
        let (head, body) = finish(&headers(request), kept).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        (Response::from_parts(head, Body::empty()), bytes)
    }

    #[tokio::test]
    async fn a_client_that_has_the_text_is_told_just_that() {
        let (first, body) = answer(&[], "text").await;
        assert_eq!((first.status(), body.as_slice()), (StatusCode::OK, &b"text"[..]));
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"x\", {tag}"), "*".into(), tag.replace("W/", "")] {
            let (again, body) = answer(&[(header::IF_NONE_MATCH, &known)], "text").await;
            assert_eq!((again.status(), body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
            assert_eq!(again.headers()[header::ETAG], tag.as_str());
            assert_eq!(again.headers()[header::CACHE_CONTROL], "no-cache");
        }
        let (other, _) = answer(&[(header::IF_NONE_MATCH, &tag)], "texts").await;
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_must_not_be_stored_has_no_tag() {
        let request = headers(&[(header::IF_NONE_MATCH, "*")]);
        let response = finish(&request, "now".into_response()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert!(!response.headers().contains_key(header::ETAG));
    }

    #[tokio::test]
    async fn a_long_text_is_compressed_for_who_takes_it() {
        let gzip = |accepted: &'static str| [(header::ACCEPT_ENCODING, accepted)];
        for length in [COMPRESSED_FROM, COMPRESSED_BESIDE + 1] {
            let text = "pulso ".repeat(length / 6 + 1);
            for accepted in ["gzip", "br, gzip;q=0.5", "deflate, *", "GZIP"] {
                let (response, body) = answer(&gzip(accepted), &text).await;
                assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{accepted}");
                assert!(body.len() < text.len() / 5);
                let mut unpacked = String::new();
                GzDecoder::new(&*body).read_to_string(&mut unpacked).unwrap();
                assert_eq!(unpacked, text);
            }
            for accepted in ["", "br", "gzip;q=0", "gzip; q=0.0, *", "*;q=0"] {
                let (response, body) = answer(&gzip(accepted), &text).await;
                assert!(!response.headers().contains_key(header::CONTENT_ENCODING), "{accepted}");
                assert_eq!(body, text.as_bytes());
            }
            let tags = [answer(&gzip("gzip"), &text).await, answer(&[], &text).await];
            let [one, other] = tags.map(|(response, _)| response.headers()[header::ETAG].clone());
            assert_eq!(one, other);
        }
        let (short, _) = answer(&gzip("gzip"), "short").await;
        assert!(!short.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn what_never_changes_is_compressed_once_and_well() {
        let text: String = (0..10_000).map(|number| format!("{number} ")).collect();
        let once = CompressedOnce::default();
        let ask = async |accepted: &str| {
            let request = headers(&[(header::ACCEPT_ENCODING, accepted)]);
            let kept = ([(header::CACHE_CONTROL, ASK)], Extension(once.clone()), text.clone());
            let (head, body) = finish(&request, kept.into_response()).await.into_parts();
            (head, to_bytes(body, usize::MAX).await.unwrap())
        };
        let (plain, whole) = ask("br").await;
        assert_eq!(whole, text);
        let (first, small) = ask("gzip").await;
        assert!(small.len() < answer(&[(header::ACCEPT_ENCODING, "gzip")], &text).await.1.len());
        let mut unpacked = String::new();
        GzDecoder::new(&*small).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        let (_, again) = ask("gzip").await;
        assert_eq!(again.as_ptr(), small.as_ptr(), "the same bytes in memory");
        for head in [&plain, &first] {
            assert_eq!(head.headers[header::VARY], "accept-encoding");
            assert_eq!(head.headers[header::ETAG], plain.headers[header::ETAG]);
            assert_eq!(head.headers[header::CACHE_CONTROL], "no-cache");
        }
        let known = [(header::IF_NONE_MATCH, first.headers[header::ETAG].to_str().unwrap())];
        let kept = ([(header::CACHE_CONTROL, ASK)], Extension(once.clone()), text.clone());
        let response = finish(&headers(&known), kept.into_response()).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }
}

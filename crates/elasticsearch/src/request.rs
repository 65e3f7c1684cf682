//! Requests to the server.

use bytes::Bytes;
use elasticsearch::http::Method;
use serde_json::Value;

/// One request. Its path consists of names that need no escaping.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    Json(Bytes),
    /// One JSON text per line.
    Lines(Bytes),
    /// JSON that is mostly compressed data, so compressing it again would hardly shorten it.
    Packed(Bytes),
    /// A form with one file; see [`Request::file`].
    Form(Bytes),
}

/// The type of a form. No file of JSON texts contains its boundary.
pub(crate) const FORM_TYPE: &str = "multipart/form-data; boundary=--pulso-file--";

impl Request {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: Body::None }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::Put, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        Self { body: Body::Json(value.to_string().into()), ..self }
    }

    pub(crate) fn packed(self, json: Vec<u8>) -> Self {
        Self { body: Body::Packed(json.into()), ..self }
    }

    /// A file as a browser uploads it.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let mark = "----pulso-file--";
        let about = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
        let kind = "Content-Type: application/ndjson";
        let form = format!("{mark}\r\n{about}\r\n{kind}\r\n\r\n{text}\r\n{mark}--\r\n");
        Self { body: Body::Form(form.into()), ..self }
    }

    pub(crate) fn lines(self, lines: impl Into<Bytes>) -> Self {
        Self { body: Body::Lines(lines.into()), ..self }
    }
}

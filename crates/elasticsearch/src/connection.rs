//! Connections to the server: addresses, TLS, credentials, compression, time limits.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use elasticsearch::http::transport::{MultiNodeConnectionPool, Transport, TransportBuilder};
use flate2::Compression;
use flate2::write::GzEncoder;
use pulso_pipeline::Secret;
use url::Url;

use crate::error::{Error, Operation};
use crate::request::{Body, FORM_TYPE, Request};
use crate::response::Response;

/// Bodies below this size are sent uncompressed: compressing them saves no packet.
const GZIP_BYTES_MIN: usize = 1024;

/// How to authenticate to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    None,
    Basic {
        username: String,
        password: Secret,
    },
    /// An API key, encoded as the server issues it.
    ApiKey(Secret),
}

/// How to reach the server.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Nodes of one cluster; each request goes to the next one.
    pub urls: Vec<String>,
    /// A PEM file with authorities that are trusted besides those that Mozilla trusts.
    pub certificate_authority: Option<PathBuf>,
    pub credentials: Credentials,
    /// How long one request may take, including connecting.
    pub request_timeout: Duration,
    /// Whether requests and answers are compressed.
    pub gzip: bool,
}

/// Sends requests; clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    transport: Transport,
    urls: Arc<str>,
    /// What goes with every request.
    headers: HeaderMap,
    request_timeout: Duration,
    gzip: bool,
}

impl Client {
    /// Creates a client of Kibana, which is reached like the server but does not read compressed
    /// requests, and only takes those that no link on another site can have made.
    pub(crate) fn kibana(connection: &Connection) -> Result<Self, Error> {
        let mut client = Self::new(&Connection { gzip: false, ..connection.clone() })?;
        client.headers.insert("kbn-xsrf", HeaderValue::from_static("pulso"));
        Ok(client)
    }

    /// Creates the client without sending anything.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Error> {
        let urls: Vec<Url> =
            connection.urls.iter().map(|url| address(url)).collect::<Result<_, _>>()?;
        let listed: Arc<str> = connection.urls.join(", ").into();
        if urls.is_empty() {
            return Err(Error::Address { url: String::new() });
        }
        let pool = MultiNodeConnectionPool::round_robin(urls, None);
        let mut builder = TransportBuilder::new(pool).timeout(connection.request_timeout);
        if let Some(path) = &connection.certificate_authority {
            builder = builder.cert_validation(CertificateValidation::Full(authority(path)?));
        }
        match &connection.credentials {
            Credentials::None => {}
            Credentials::Basic { username, password } => {
                let basic =
                    auth::Credentials::Basic(username.clone(), password.reveal().to_owned());
                builder = builder.auth(basic);
            }
            Credentials::ApiKey(key) => {
                builder = builder.auth(auth::Credentials::EncodedApiKey(key.reveal().to_owned()));
            }
        }
        let failed = |source| Error::Client { urls: listed.to_string(), source };
        let transport = builder.build().map_err(failed)?;
        let Connection { request_timeout, gzip, .. } = *connection;
        let mut headers = HeaderMap::new();
        if !gzip {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        Ok(Self { transport, urls: listed, headers, request_timeout, gzip })
    }

    pub(crate) fn urls(&self) -> String {
        self.urls.to_string()
    }

    /// Sends one request and returns the answer, whatever its status.
    pub(crate) async fn send(
        &self,
        operation: Operation,
        request: &Request,
    ) -> Result<Response, Error> {
        let mut headers = self.headers.clone();
        match request.body {
            Body::Lines(_) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
            }
            Body::Form(_) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM_TYPE));
            }
            Body::None | Body::Json(_) | Body::Packed(_) => {}
        }
        let body = match request.body.clone() {
            Body::None => None,
            Body::Json(bytes) | Body::Lines(bytes)
                if self.gzip && bytes.len() >= GZIP_BYTES_MIN =>
            {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Some(off_thread(move || compress(&bytes)).await)
            }
            Body::Json(bytes) | Body::Lines(bytes) | Body::Packed(bytes) | Body::Form(bytes) => {
                Some(bytes)
            }
        };
        let failed = |source: elasticsearch::Error| self.failed(operation, source);
        let Request { method, path, query, .. } = request;
        let sent = self.transport.send(*method, path, headers, Some(query), body, None);
        let response = sent.await.map_err(failed)?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(failed)?;
        Ok(Response { status, body })
    }

    fn failed(&self, operation: Operation, source: elasticsearch::Error) -> Error {
        let urls = self.urls();
        if source.is_timeout() {
            return Error::Timeout { operation, urls, timeout: self.request_timeout, source };
        }
        Error::Send { operation, urls, source }
    }
}

fn address(text: &str) -> Result<Url, Error> {
    let wrong = || Error::Address { url: text.to_owned() };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let fits = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !fits || !url.username().is_empty() || url.password().is_some() {
        // What may be a password is not shown.
        return Err(Error::Address { url: url.host_str().unwrap_or_default().to_owned() });
    }
    Ok(url)
}

fn authority(path: &Path) -> Result<Certificate, Error> {
    let read = |source| Error::ReadAuthority { path: path.to_owned(), source };
    let pem = fs::read(path).map_err(read)?;
    let wrong = |source| Error::Authority { path: path.to_owned(), source };
    Certificate::from_pem(&pem).map_err(wrong)
}

fn compress(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory can be written to").into()
}

/// Runs work on megabytes of data off the runtime's threads, so that other tasks need not wait.
pub(crate) async fn off_thread<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let credentials =
            Credentials::Basic { username: "elastic".into(), password: Secret::new("hunter2") };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        let error = address("https://elastic:hunter2@localhost:9200").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }

    #[test]
    fn only_web_addresses_are_taken() {
        for text in ["", "localhost:9200", "ftp://localhost", "http://"] {
            assert!(address(text).is_err(), "{text}");
        }
        assert!(address("http://localhost:9200").is_ok());
        assert!(address("https://es.example/prefix/").is_ok());
    }
}

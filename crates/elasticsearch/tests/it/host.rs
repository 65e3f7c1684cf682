//! Stores on the server of the tests, each test under an index prefix of its own.

use std::time::Duration;

use pulso_elasticsearch::{CheckpointStore, Connection, Credentials, Options, Refresh, ViewStore};
use pulso_testkit::contract::{AmendHost, CheckpointsHost, ViewsHost};
use pulso_testkit::servers::unique;
use serde_json::Value;

pub(crate) fn connection(url: &str) -> Connection {
    Connection {
        urls: vec![url.to_owned()],
        certificate_authority: None,
        credentials: Credentials::None,
        request_timeout: Duration::from_secs(30),
        gzip: true,
    }
}

/// A prefix on the server. Its indices are deleted at the end.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) url: String,
    pub(crate) prefix: String,
}

impl Host {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), prefix: unique("test") }
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            index_prefix: self.prefix.clone(),
            // Small, so that calls have several requests.
            bulk_bytes: 256 * 1024,
            refresh: Refresh::AtOnce,
            views: pulso_testkit::views(),
            ..Options::default()
        }
    }

    pub(crate) fn store(&self) -> ViewStore {
        ViewStore::new(&connection(&self.url), self.options()).unwrap()
    }

    /// The indices that an alias points to, in order.
    pub(crate) async fn indices(&self, alias: &str) -> Vec<String> {
        let path = format!("_alias/{}-{alias}", self.prefix);
        let (status, found) = self.ask(Method::Get, &path, None).await;
        if status == 404 {
            return Vec::new();
        }
        let start = format!("{}-", self.prefix);
        let names = found.as_object().unwrap().keys();
        let mut names: Vec<_> = names.map(|name| name.replacen(&start, "", 1)).collect();
        names.sort();
        names
    }

    /// Asks the server directly, without the adapter.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let transport = elasticsearch::http::transport::Transport::single_node(&self.url).unwrap();
        let body = body.map(|body| body.to_string());
        let headers = elasticsearch::http::headers::HeaderMap::new();
        let response =
            transport.send(method, path, headers, None::<&()>, body, None).await.unwrap();
        let status = response.status_code().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

pub(crate) use elasticsearch::http::Method;

impl Drop for Host {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    let path = format!("{}-*/_alias?expand_wildcards=all", self.prefix);
                    let (_, found) = self.ask(Method::Get, &path, None).await;
                    let names: Vec<_> = found.as_object().unwrap().keys().cloned().collect();
                    for names in names.chunks(50) {
                        self.ask(Method::Delete, &names.join(","), None).await;
                    }
                    let path = format!("_index_template/{}-*", self.prefix);
                    self.ask(Method::Delete, &path, None).await;
                });
            });
        });
    }
}

impl ViewsHost for Host {
    type Store = ViewStore;

    fn open(&mut self) -> ViewStore {
        self.store()
    }
}

impl AmendHost for Host {
    type Own = ViewStore;

    fn own(&mut self) -> ViewStore {
        self.store()
    }
}

impl CheckpointsHost for Host {
    type Checkpoints = CheckpointStore;

    fn open(&mut self, name: &str) -> CheckpointStore {
        self.store().checkpoints(name)
    }
}

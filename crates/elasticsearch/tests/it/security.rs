//! TLS and credentials, through a proxy that asks for them as the server would.

use std::path::{Path, PathBuf};

use pulso_elasticsearch::{Connection, Credentials, Error, Options, ViewStore};
use pulso_pipeline::Secret;
use pulso_pipeline::{AdapterError, Retry};
use pulso_testkit::proxy::{API_KEY, BASIC, Protocol, Proxy, ProxyOptions};
use pulso_testkit::servers::{self, Certificates};

use crate::host::{Host, connection};

fn store(proxy: &Proxy, host: &Host, authority: Option<PathBuf>, who: Credentials) -> ViewStore {
    // The certificate is for a name, not for an address.
    let url = proxy.url().replace("127.0.0.1", "localhost");
    let certificate_authority = authority;
    let connection = Connection { credentials: who, certificate_authority, ..connection(&url) };
    ViewStore::new(&connection, host.options()).unwrap()
}

fn proxy(url: &str, tls: Option<[PathBuf; 2]>, authorizations: Vec<&'static str>) -> Proxy {
    let options = ProxyOptions { tls, authorizations, ..ProxyOptions::new(Protocol::Http, url) };
    Proxy::start(options)
}

fn basic(password: &str) -> Credentials {
    Credentials::Basic { username: "pulso".to_owned(), password: Secret::new(password) }
}

fn check(error: &Error, hint: &str) {
    assert_eq!(error.retry(), Retry::No, "{error}");
    let found = error.hint().unwrap();
    assert!(found.contains(hint), "{found}");
    assert!(!format!("{error:?}").contains("password-of"), "{error:?}");
}

#[tokio::test]
async fn an_own_authority_is_trusted_when_it_is_named() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let folder = tempfile::TempDir::new().unwrap();
    let certificates = Certificates::write(folder.path());
    let valid = proxy(url, Some(certificates.server()), Vec::new());
    let with = |proxy, authority| store(proxy, &host, authority, Credentials::None);
    with(&valid, Some(certificates.ca())).set_up().await.unwrap();
    with(&valid, Some(certificates.ca())).check().await.unwrap();
    let setting = "elasticsearch.certificate_authority";
    let unknown = with(&valid, None).check().await.unwrap_err();
    check(&unknown, setting);
    check(&with(&valid, Some(certificates.stranger_ca())).check().await.unwrap_err(), setting);
    let expired = proxy(url, Some(certificates.expired()), Vec::new());
    let error = with(&expired, Some(certificates.ca())).check().await.unwrap_err();
    check(&error, "has expired");
}

#[test]
fn an_authority_that_cannot_be_read_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let open = |path: &Path| {
        let connection = Connection {
            certificate_authority: Some(path.to_owned()),
            ..connection("https://localhost:9200")
        };
        ViewStore::new(&connection, Options::default()).unwrap_err()
    };
    for path in [empty, folder.path().join("missing.pem")] {
        let error = open(&path);
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        check(&error, "elasticsearch.certificate_authority");
    }
}

#[tokio::test]
async fn users_and_keys_are_let_in_and_others_are_not() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let proxy = proxy(url, None, vec![BASIC, API_KEY]);
    let with = |who| store(&proxy, &host, None, who);
    let key = API_KEY.strip_prefix("ApiKey ").unwrap();
    with(basic("right-password")).set_up().await.unwrap();
    with(Credentials::ApiKey(Secret::new(key))).check().await.unwrap();
    for wrong in [Credentials::None, basic("password-of-another")] {
        let error = with(wrong).check().await.unwrap_err();
        check(&error, "elasticsearch.password");
    }
}

//! From the configuration to the Elasticsearch adapter.

use pulso_elasticsearch::{Connection, Credentials, Options, ViewStore};
use pulso_pipeline::Secret;

use super::StoreError;
use crate::Config;
use crate::config::{self, Login};

/// The views; sends nothing yet.
pub(super) fn views(config: &Config) -> Result<ViewStore, StoreError> {
    let config::Elasticsearch { index_prefix, shards, replicas, .. } = &config.elasticsearch;
    let options = Options {
        index_prefix: index_prefix.clone(),
        views: config.shown_views(),
        shards: *shards,
        replicas: *replicas,
        bulk_bytes: config.elasticsearch.bulk_bytes.as_usize(),
        bulk_requests_in_flight: config.elasticsearch.bulk_requests_in_flight,
        ..Options::default()
    };
    Ok(ViewStore::new(&connection(&config.elasticsearch)?, options)?)
}

pub(super) fn connection(config: &config::Elasticsearch) -> Result<Connection, StoreError> {
    let credentials = match (&config.login, &config.api_key) {
        (_, Some(key)) => Credentials::ApiKey(Secret::new(key.reveal()?)),
        (Some(Login { username, password }), None) => Credentials::Basic {
            username: username.clone(),
            password: Secret::new(password.reveal()?),
        },
        (None, None) => Credentials::None,
    };
    Ok(Connection {
        urls: config.urls.iter().map(shown).collect(),
        certificate_authority: config.certificate_authority.clone(),
        credentials,
        request_timeout: config.request_timeout,
        gzip: true,
    })
}

/// A url as people write it, without the slash of an empty path.
pub(super) fn shown(url: &http::Uri) -> String {
    url.to_string().trim_end_matches('/').to_owned()
}

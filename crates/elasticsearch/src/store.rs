//! The view store: what its parts share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulso_model::View;
use serde_json::Value;

use crate::CheckpointStore;
use crate::connection::{Client, Connection};
use crate::error::Error;
use crate::names::{Names, Slot};
use crate::templates::{self, Layout};

/// How long a reader waits for a server that is busy or unavailable. A person waits for the answer.
pub(crate) const READ_PATIENCE: Duration = Duration::from_secs(5);

/// When written documents become visible to searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refresh {
    /// Within a second.
    #[default]
    Soon,
    /// As soon as a write returns: for tests, as it makes many small segments.
    AtOnce,
}

/// The layout of indices, and how documents are written.
#[derive(Clone, Debug)]
pub struct Options {
    /// The prefix of all names of indices, aliases and templates; a hyphen follows it.
    pub index_prefix: String,
    /// What can be read and written.
    pub views: Vec<View>,
    pub shards: u32,
    pub replicas: u32,
    /// The size up to which a bulk request is filled, before compression. A larger document is sent
    /// alone.
    pub bulk_bytes: usize,
    pub bulk_requests_in_flight: usize,
    /// How long a write keeps trying before it is an error.
    pub write_patience: Duration,
    pub refresh: Refresh,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            index_prefix: "pulso".to_owned(),
            views: View::JOURNALS.to_vec(),
            shards: 1,
            replicas: 0,
            bulk_bytes: 4 * 1024 * 1024,
            bulk_requests_in_flight: 4,
            write_patience: Duration::from_secs(60),
            refresh: Refresh::Soon,
        }
    }
}

/// Reads and writes views; clones share connections.
#[derive(Clone, Debug)]
pub struct ViewStore {
    pub(crate) store: Arc<Store>,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) client: Client,
    pub(crate) names: Names,
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    /// The indices of the speed layer that this process has checked.
    open: Mutex<BTreeSet<(View, Slot)>>,
}

impl ViewStore {
    /// Creates the store without sending anything. The first call, or [`ViewStore::check`], finds
    /// out whether the server is available.
    ///
    /// # Errors
    /// When an address or the certificate authority cannot be used.
    pub fn new(connection: &Connection, options: Options) -> Result<Self, Error> {
        let client = Client::new(connection)?;
        let names = Names::new(&options.index_prefix);
        let layout = Layout { shards: options.shards, replicas: options.replicas };
        let open = Mutex::default();
        Ok(Self { store: Arc::new(Store { client, names, layout, options, open }) })
    }

    /// The checkpoint of the reader `name`, kept beside the views.
    pub fn checkpoints(&self, name: &str) -> CheckpointStore {
        CheckpointStore::new(Arc::clone(&self.store), name)
    }
}

impl Store {
    /// The mapping of a view's indices, among the views of this store.
    pub(crate) fn mappings(&self, view: View) -> Value {
        templates::mappings(view, &self.options.views)
    }

    pub(crate) fn write_patience(&self) -> Duration {
        self.options.write_patience
    }

    pub(crate) fn open(&self) -> MutexGuard<'_, BTreeSet<(View, Slot)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

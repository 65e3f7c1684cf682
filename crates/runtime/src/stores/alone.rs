//! The stores in the data directory, which nobody else uses meanwhile.

use pulso_sqlite::{Alone, Contents};

use super::StoreError;
use crate::Config;

/// What of a stream lies in the data directory; `None` where there is none.
#[derive(Debug)]
pub struct OwnStores {
    pub log: Option<Alone>,
    /// The views of all streams.
    pub views: Option<Alone>,
    pub spool: Option<Alone>,
}

impl OwnStores {
    /// Takes them.
    ///
    /// # Errors
    /// When another program uses one of them, or one cannot be had.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        let open = |path: std::path::PathBuf, contents| -> Result<Option<Alone>, StoreError> {
            Ok(path.exists().then(|| Alone::open(&path, contents)).transpose()?)
        };
        Ok(Self {
            log: open(config.log_path(), Contents::Log)?,
            views: open(config.views_path(), Contents::Views)?,
            spool: open(config.spool_path(), Contents::Spool)?,
        })
    }
}

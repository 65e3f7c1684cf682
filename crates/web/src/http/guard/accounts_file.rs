//! The file with accounts, followed: who is taken out of it is out within a second or two.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use pulso_pipeline::observe;
use pulso_runtime::chain;
use tracing::{error, info};

use super::accounts::{Accounts, ReadAccountsError, sha256};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The accounts as the file had them when it was last without an error.
#[derive(Debug)]
pub(super) struct AccountsFile {
    path: PathBuf,
    now: RwLock<Arc<Accounts>>,
}

/// What the file held when it was looked at, or why that is not known. The text is compared, not its time: two
/// changes may have the same.
pub(super) type Look = Result<[u8; 32], io::ErrorKind>;

impl AccountsFile {
    /// # Errors
    /// When the file cannot be read, a line is wrong, or there is no account.
    pub(super) fn open(path: &Path) -> Result<Self, ReadAccountsError> {
        let accounts = Accounts::read(path, std::fs::read_to_string(path))?;
        Ok(Self { path: path.to_owned(), now: RwLock::new(Arc::new(accounts)) })
    }

    pub(super) fn now(&self) -> Arc<Accounts> {
        Arc::clone(&self.now.read().expect("nothing panics while it holds the accounts"))
    }

    /// Looks at the file again and again. Never ends, unless what was read cannot be read twice, such as a pipe.
    pub(super) async fn follow(&self) {
        if tokio::fs::metadata(&self.path).await.is_ok_and(|file| !file.is_file()) {
            return;
        }
        let mut seen = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look(&mut seen).await {
                Ok(false) => {}
                Ok(true) => info!(path = %self.path.display(), "read the changed accounts"),
                Err(cause) => {
                    error!(error = %chain(&cause), "kept the accounts as they were before");
                    observe::error("web", "process", "accounts");
                }
            }
        }
    }

    /// Reads the file if it is not as it was seen, and takes over what it says. Whether that is something else.
    ///
    /// # Errors
    /// When the file is wrong; then the accounts stay as they are. Said once for each state of the file.
    pub(super) async fn look(&self, seen: &mut Option<Look>) -> Result<bool, ReadAccountsError> {
        let text = tokio::fs::read_to_string(&self.path).await;
        let look = text.as_deref().map(sha256).map_err(io::Error::kind);
        if seen.replace(look) == Some(look) {
            return Ok(false);
        }
        let mut accounts = Accounts::read(&self.path, text)?;
        let changed = accounts.succeed(&self.now());
        *self.now.write().expect("nothing panics while it holds the accounts") = Arc::new(accounts);
        Ok(changed)
    }
}

//! Who may ask for what, and how much: everything that is checked before a request reaches its handler.
//!
//! Where there are accounts, everybody logs in, or brings a token. Where there are none, only this machine is
//! listened to; then the danger is a foreign page in a browser on it, so its name and origin are looked at.

mod accounts;
mod accounts_file;
mod admit;
mod audit;
mod client;
mod limits;
mod sessions;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use pulso_runtime::config::{LoginMode, Network};
use pulso_runtime::{Config, Exit, Explain, config};
use tokio::sync::Semaphore;
use tracing::warn;

use accounts::MAKE_ACCOUNT;
pub use accounts::ReadAccountsError;
pub(crate) use accounts::{Name, hash_password, line, new_token, token_hash};
use accounts_file::AccountsFile;
pub(super) use admit::{Access, Effect, Rules, cookie_name};
use audit::{Event, What};
pub(super) use client::Client;
use limits::Limit;
use sessions::Sessions;
pub(super) use sessions::{Login, Session, SessionToken};

use super::Error;
use crate::caller::Caller;

/// The most passwords that are checked at once: each check takes a core and 19 MiB for some 20 ms.
const HASHES_AT_ONCE: usize = 2;

/// Logins that may fail at once before the pauses begin, by client; people mistype.
const LOGINS_BURST: u32 = 5;
/// After those, one login in ten seconds. Twelve random characters outlast any number of those.
const LOGINS_PER_SECOND: f64 = 0.1;

/// The same by name, for guesses from many addresses: more, since it also keeps the right person out.
const LOGINS_BY_NAME_BURST: u32 = 20;
const LOGINS_BY_NAME_PER_SECOND: f64 = 0.5;

/// Why nobody may be served.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    #[error("anybody could read and change everything at `{listen}`, as there are no accounts")]
    Unguarded { listen: SocketAddr },
    #[error("failed to read the accounts")]
    ReadAccounts(#[source] ReadAccountsError),
}

impl Explain for GuardError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unguarded { .. } => format!(
                "{MAKE_ACCOUNT}; or listen on 127.0.0.1; or, if something in front decides who gets there, set \
                 `guard.login = \"off\"`"
            ),
            Self::ReadAccounts(error) => error.hint().to_owned(),
        })
    }
}

/// Decides about each request.
pub struct Guard {
    /// `None`: nobody logs in.
    accounts: Option<AccountsFile>,
    sessions: Sessions,
    /// One for each check of a password that may go on.
    checks: Arc<Semaphore>,
    requests: Limit,
    logins: Limit,
    logins_by_name: Limit,
    limit_loopback: bool,
    open_probes: bool,
    hosts: Vec<String>,
    trusted_proxies: Vec<Network>,
    audit: audit::Audit,
}

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = self.accounts.is_some();
        formatter.debug_struct("Guard").field("login", &login).finish_non_exhaustive()
    }
}

impl Guard {
    /// The guard of a server that is about to listen on `web.listen`.
    ///
    /// # Errors
    /// When others than this machine could be served without login, or the accounts cannot be read.
    pub fn open(config: &Config) -> Result<Self, GuardError> {
        let listen = config.web.listen;
        let settings = &config.guard;
        let accounts = settings.accounts_file.as_deref().map(AccountsFile::open).transpose();
        let accounts = accounts.map_err(GuardError::ReadAccounts)?;
        let beyond = !listen.ip().to_canonical().is_loopback();
        if accounts.is_none() && beyond {
            if settings.login != LoginMode::Off {
                return Err(GuardError::Unguarded { listen });
            }
            warn!(%listen, "nobody logs in, so whoever reaches this address may read and change everything");
        }
        if accounts.is_some() && beyond && settings.trusted_proxies.is_empty() {
            warn!(
                %listen,
                "passwords can be overheard without TLS: let a proxy do that, and name it in \
                 `guard.trusted_proxies`"
            );
        }
        Ok(Self::new(settings, accounts))
    }

    /// For a server that only this machine reaches.
    pub fn without_login() -> Self {
        Self::new(&Config::default().guard, None)
    }

    fn new(settings: &config::Guard, accounts: Option<AccountsFile>) -> Self {
        let per_second = f64::from(settings.requests_per_second);
        Self {
            accounts,
            sessions: Sessions::new(settings.session_idle, settings.session_max),
            checks: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            requests: Limit::new(per_second, settings.requests_burst),
            logins: Limit::new(LOGINS_PER_SECOND, LOGINS_BURST),
            logins_by_name: Limit::new(LOGINS_BY_NAME_PER_SECOND, LOGINS_BY_NAME_BURST),
            limit_loopback: settings.limit_loopback,
            open_probes: settings.open_probes,
            hosts: settings.hosts.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            audit: audit::Audit::new(settings.audit_file.clone()),
        }
    }

    /// Whether people log in.
    pub(super) fn asks(&self) -> bool {
        self.accounts.is_some()
    }

    /// Does what a change of the accounts' file says, as long as the server runs. At once over where there are none.
    pub(crate) async fn follow_accounts(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.follow().await;
        }
    }

    /// Checks a name and a password, and starts a session.
    pub(super) async fn log_in(
        &self,
        client: Client,
        name: &str,
        password: String,
    ) -> Result<(Caller, SessionToken), Error> {
        let Some(accounts) = &self.accounts else { return Err(Error::NoLogin) };
        let accounts = accounts.now();
        let known_name = || accounts.knows(name).then(|| name.to_owned());
        let taken = self.logins.take(client.key());
        if let Err(after) = taken.and_then(|()| self.logins_by_name.take(name)) {
            self.failed(What::LoginRefused, known_name(), client).await;
            return Err(Error::TooManyLogins { after });
        }
        let turn = Arc::clone(&self.checks).acquire_owned().await;
        let (known, given) = (Arc::clone(&accounts), name.to_owned());
        let check = tokio::task::spawn_blocking(move || {
            // Held until the end, also when nobody waits for the answer any more.
            let _turn = turn;
            known.log_in(&given, &password)
        });
        let checked = check.await.map_err(|_| Error::Internal)?;
        match checked {
            Some(account) => {
                let token = self.sessions.start(&account);
                self.note(&Event::new(What::Login, Some(&account.caller), client)).await;
                Ok((account.caller, token))
            }
            None => {
                self.failed(What::LoginFailed, known_name(), client).await;
                Err(Error::WrongLogin)
            }
        }
    }

    /// Writes down a login that failed. A name that is not known is left out: it may be a password in the
    /// wrong field.
    async fn failed(&self, what: What, known_name: Option<String>, client: Client) {
        self.note(&Event { who: known_name, ..Event::new(what, None, client) }).await;
    }

    /// Ends a session at once, wherever it is used.
    pub(super) async fn log_out(&self, client: Client, session: &Session) {
        self.sessions.end(session);
        self.note(&Event::new(What::Logout, Some(&session.caller), client)).await;
    }

    /// How long a browser keeps the cookie of a session.
    pub(super) fn session_max_seconds(&self) -> u64 {
        self.sessions.longest.as_secs()
    }

    async fn note(&self, event: &Event) {
        self.audit.write(event).await;
    }
}

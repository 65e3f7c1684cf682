//! Who is logged in. Kept in memory: a restart logs everybody out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accounts::{Account, hex, sha256};
use crate::caller::Caller;

/// The most sessions; a new one takes the place of that which was used least recently.
pub(super) const SESSIONS_MAX: usize = 1_000;

/// The most sessions of one account: its browsers, and those that were closed without a logout.
pub(super) const SESSIONS_OF_ACCOUNT_MAX: usize = 20;

/// What a browser shows to be in a session: 256 random bits. Only their hash is kept, so neither a look into the
/// memory nor the time that a comparison takes gives one away.
pub(in crate::http) struct SessionToken(String);

impl SessionToken {
    pub(in crate::http) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// How long somebody who has shown who they are may go on; an extension of their requests.
#[derive(Clone, Debug)]
pub(in crate::http) struct Login {
    /// Ended before its time: by a logout, or as the account was removed.
    ended: CancellationToken,
    until: Option<Instant>,
}

impl Login {
    /// By a token, which is good as long as the file has it.
    pub(super) fn by_token(account: &Account) -> Self {
        Self { ended: account.removed.clone(), until: None }
    }

    fn over(&self) -> bool {
        self.ended.is_cancelled() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    pub(in crate::http) async fn end(&self) {
        let time = async {
            match self.until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.ended.cancelled() => {}
            () = time => {}
        }
    }
}

/// A login with a password; an extension of each request that is made in it.
#[derive(Debug)]
pub(in crate::http) struct Session {
    pub(in crate::http) caller: Caller,
    pub(super) login: Login,
    key: [u8; 32],
}

#[derive(Debug)]
pub(super) struct Sessions {
    idle: Duration,
    pub(super) longest: Duration,
    kept: Mutex<BTreeMap<[u8; 32], Kept>>,
}

#[derive(Debug)]
struct Kept {
    session: Arc<Session>,
    used: Instant,
}

impl Kept {
    fn lasts(&self, idle: Duration, now: Instant) -> bool {
        !self.session.login.over() && now < self.used + idle
    }
}

impl Sessions {
    pub(super) fn new(idle: Duration, longest: Duration) -> Self {
        Self { idle, longest, kept: Mutex::default() }
    }

    pub(super) fn start(&self, account: &Account) -> SessionToken {
        let caller = account.caller.clone();
        let token = SessionToken(hex(&rand::random::<[u8; 32]>()));
        let (key, now) = (sha256(&token.0), Instant::now());
        let mut kept = self.kept();
        let over: Vec<_> = kept.iter().filter(|(_, kept)| !kept.lasts(self.idle, now)).collect();
        let over: Vec<_> = over.into_iter().map(|(key, _)| *key).collect();
        over.iter().for_each(|key| remove(&mut kept, key));
        make_room(&mut kept, SESSIONS_OF_ACCOUNT_MAX, |session| session.caller == caller);
        make_room(&mut kept, SESSIONS_MAX, |_| true);
        let login = Login { ended: account.removed.child_token(), until: Some(now + self.longest) };
        let session = Arc::new(Session { caller, login, key });
        kept.insert(key, Kept { session, used: now });
        token
    }

    /// The session of a token, which is used by that.
    pub(super) fn find(&self, token: &str) -> Option<Arc<Session>> {
        let (key, now) = (sha256(token), Instant::now());
        let mut all = self.kept();
        let kept = all.get_mut(&key)?;
        if !kept.lasts(self.idle, now) {
            remove(&mut all, &key);
            return None;
        }
        kept.used = now;
        Some(Arc::clone(&kept.session))
    }

    pub(super) fn end(&self, session: &Session) {
        remove(&mut self.kept(), &session.key);
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Kept>> {
        self.kept.lock().expect("nothing panics while it holds the sessions")
    }
}

/// Ends the session that was used least recently, if there are as many as there may be.
fn make_room(kept: &mut BTreeMap<[u8; 32], Kept>, most: usize, counts: impl Fn(&Session) -> bool) {
    let counted = kept.iter().filter(|(_, kept)| counts(&kept.session));
    if counted.clone().count() < most {
        return;
    }
    if let Some((&key, _)) = counted.min_by_key(|(_, kept)| kept.used) {
        remove(kept, &key);
    }
}

fn remove(kept: &mut BTreeMap<[u8; 32], Kept>, key: &[u8; 32]) {
    if let Some(Kept { session, .. }) = kept.remove(key) {
        session.login.ended.cancel();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::caller::Role;

    const HOUR: Duration = Duration::from_hours(1);

    fn account(name: &str) -> Account {
        let caller = Caller { name: name.to_owned(), role: Role::Read };
        Account { caller, removed: CancellationToken::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_unused_or_after_its_time() {
        let sessions = Sessions::new(HOUR, 3 * HOUR);
        let [used, unused] = ["a", "b"].map(|name| sessions.start(&account(name)));
        let session = sessions.find(used.reveal()).unwrap();
        for _ in 0..3 {
            advance(HOUR - Duration::from_secs(1)).await;
            assert!(sessions.find(used.reveal()).is_some());
        }
        assert!(sessions.find(unused.reveal()).is_none(), "unused for more than an hour");
        assert!(!session.login.over());
        advance(Duration::from_secs(3)).await;
        assert!(sessions.find(used.reveal()).is_none(), "three hours are over");
        assert!(session.login.over());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_was_ended_or_never_was_is_not_found() {
        let sessions = Sessions::new(HOUR, HOUR);
        let token = sessions.start(&account("a"));
        assert!(sessions.find("").is_none());
        assert!(sessions.find(&"0".repeat(64)).is_none());
        let session = sessions.find(token.reveal()).unwrap();
        sessions.end(&session);
        assert!(session.login.over());
        assert!(sessions.find(token.reveal()).is_none());
        assert_eq!(format!("{token:?}"), "***");
    }

    #[tokio::test(start_paused = true)]
    async fn the_sessions_of_a_removed_account_end() {
        let sessions = Sessions::new(HOUR, HOUR);
        let (gone, stays) = (account("a"), account("b"));
        let [first, second] = [(); 2].map(|()| sessions.start(&gone));
        let other = sessions.start(&stays);
        let session = sessions.find(first.reveal()).unwrap();
        gone.removed.cancel();
        session.login.end().await;
        assert!(sessions.find(first.reveal()).is_none());
        assert!(sessions.find(second.reveal()).is_none());
        assert!(sessions.find(other.reveal()).is_some());
        // A login that was checked while the account was removed.
        let late = sessions.start(&gone);
        assert!(sessions.find(late.reveal()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_as_many_as_there_may_be() {
        let sessions = Sessions::new(HOUR, HOUR);
        let mut tokens = Vec::new();
        for _ in 0..=SESSIONS_OF_ACCOUNT_MAX {
            tokens.push(sessions.start(&account("a")));
            advance(Duration::from_millis(1)).await;
        }
        assert!(sessions.find(tokens[0].reveal()).is_none());
        assert!(tokens[1..].iter().all(|token| sessions.find(token.reveal()).is_some()));
        advance(Duration::from_millis(1)).await;
        for number in 0..SESSIONS_MAX {
            sessions.start(&account(&number.to_string()));
        }
        assert_eq!(sessions.kept().len(), SESSIONS_MAX);
        assert!(tokens.iter().all(|token| sessions.find(token.reveal()).is_none()));
    }
}

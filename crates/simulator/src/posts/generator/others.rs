//! Everything that is no new post: likes and other records, changes of posts, news of accounts.

use chrono::SecondsFormat;

use super::{Address, Generator, record};
use crate::json::push_integer;
use crate::posts::event::{Body, Event, Kind, push_member, rfc_3339};
use crate::posts::world::{cid, did};
use crate::random::salted;

/// Shares of the other records, roughly as in the network.
const LIKE_SHARE: f64 = 0.62;
const REPOST_SHARE: f64 = 0.14;
const FOLLOW_SHARE: f64 = 0.14;
const BLOCK_SHARE: f64 = 0.05;
/// Share of other records that are deleted.
const UNDO_SHARE: f64 = 0.08;
/// Numbers of accounts' news come from another count than the server's.
const NEWS_SEQ: i64 = 29_000_000_000;

impl Generator {
    /// A like, a repost, a follow, a block or a profile.
    pub(super) fn other_record(&mut self, now_us: i64) -> Event {
        let account = self.world.draw_account(&mut self.random);
        let rkey = self.key(now_us);
        let roll = self.random.unit();
        let post = self.some_post();
        let created = rfc_3339(now_us, SecondsFormat::Millis);
        let (collection, record) = if roll < LIKE_SHARE {
            ("app.bsky.feed.like", subject_record("app.bsky.feed.like", &created, &post))
        } else if roll < LIKE_SHARE + REPOST_SHARE {
            ("app.bsky.feed.repost", subject_record("app.bsky.feed.repost", &created, &post))
        } else if roll < LIKE_SHARE + REPOST_SHARE + FOLLOW_SHARE {
            let other = did(self.world.draw_account(&mut self.random));
            ("app.bsky.graph.follow", account_record("app.bsky.graph.follow", &created, &other))
        } else if roll < LIKE_SHARE + REPOST_SHARE + FOLLOW_SHARE + BLOCK_SHARE {
            let other = did(self.world.draw_account(&mut self.random));
            ("app.bsky.graph.block", account_record("app.bsky.graph.block", &created, &other))
        } else {
            return self.profile(now_us, account);
        };
        let undone = self.random.chance(UNDO_SHARE);
        let (operation, record) = if undone { ("delete", None) } else { ("create", Some(record)) };
        let commit = self.commit(now_us, operation, collection, rkey, record);
        self.event(now_us, account, Kind::Other, Body::Commit(commit))
    }

    /// A profile; its text is none of a post.
    fn profile(&mut self, now_us: i64, account: u64) -> Event {
        let mut json = String::from("{\"$type\":\"app.bsky.actor.profile\"");
        push_member(&mut json, ",", "description", "Made up.\nWrites about nothing.");
        push_member(&mut json, ",", "displayName", &format!("Account {account}"));
        json.push('}');
        let rkey = "self".to_owned();
        let commit = self.commit(now_us, "update", "app.bsky.actor.profile", rkey, Some(json));
        self.event(now_us, account, Kind::Other, Body::Commit(commit))
    }

    /// An update or a deletion of a post.
    pub(super) fn changed_post(&mut self, now_us: i64, operation: &'static str) -> Event {
        let Address { account, rkey } = self.some_post();
        let record = (operation == "update").then(|| {
            let mut json = String::from("{\"$type\":\"app.bsky.feed.post\"");
            push_member(&mut json, ",", "createdAt", &rfc_3339(now_us, SecondsFormat::Millis));
            push_member(&mut json, ",", "text", "Second thoughts");
            json.push('}');
            json
        });
        let commit = self.commit(now_us, operation, record::POST, rkey, record);
        self.event(now_us, account, Kind::Other, Body::Commit(commit))
    }

    /// News of an account, by its name in the protocol.
    pub(super) fn account_news(&mut self, now_us: i64, name: &'static str) -> Event {
        let account = self.world.draw_account(&mut self.random);
        let mut json = String::from("{");
        if name == "account" {
            let active = self.random.chance(0.9);
            json.push_str(if active { "\"active\":true," } else { "\"active\":false," });
        }
        push_member(&mut json, "", "did", &did(account));
        match name {
            "identity" => {
                push_member(&mut json, ",", "handle", &format!("account-{account}.example"))
            }
            "sync" => push_member(&mut json, ",", "rev", &self.key(now_us)),
            _ => {}
        }
        json.push_str(",\"seq\":");
        push_integer(&mut json, NEWS_SEQ.saturating_add_unsigned(self.number));
        push_member(&mut json, ",", "time", &rfc_3339(now_us, SecondsFormat::Millis));
        json.push('}');
        self.event(now_us, account, Kind::Other, Body::Account { name, json })
    }

    /// A post that was sent before, or one from before the stream.
    fn some_post(&mut self) -> Address {
        let place = self.random.index(self.recent.len());
        self.recent.get(place).cloned().unwrap_or_else(|| Address {
            account: self.world.draw_account(&mut self.random),
            rkey: "3aaaaaaaaaaaa".to_owned(),
        })
    }
}

/// A record about another one.
fn subject_record(collection: &str, created: &str, post: &Address) -> String {
    let mut json = String::new();
    push_member(&mut json, "{", "$type", collection);
    push_member(&mut json, ",", "createdAt", created);
    json.push_str(",\"subject\":");
    push_reference(&mut json, post);
    json.push('}');
    json
}

/// A record about an account.
fn account_record(collection: &str, created: &str, account: &str) -> String {
    let mut json = String::new();
    push_member(&mut json, "{", "$type", collection);
    push_member(&mut json, ",", "createdAt", created);
    push_member(&mut json, ",", "subject", account);
    json.push('}');
    json
}

/// Appends a reference to a post.
pub(super) fn push_reference(out: &mut String, post: &Address) {
    let key = post.rkey.bytes().fold(post.account, |key, byte| salted(key, byte.into()));
    push_member(out, "{", "cid", &cid(key));
    let uri = format!("at://{}/{}/{}", did(post.account), record::POST, post.rkey);
    push_member(out, ",", "uri", &uri);
    out.push('}');
}

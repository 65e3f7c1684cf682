//! The synthetic access log: an endless iterator of lines that is a function of its configuration alone.
//!
//! A visitor comes from somewhere, looks at some pages, each with what belongs to it, and leaves. Now and
//! then a page that few read is talked about, or somebody tries doors that are not there.

#[cfg(test)]
mod tests;

use super::config::RequestsConfig;
use super::format::Said;
use super::world::{self, ASSETS, HOST, PROBES, World};
use crate::bursts::Plan;
use crate::clock::Clock;
use crate::config::EventTime;
use crate::random::{Random, salted};

/// How many visitors are on the site at once.
const SESSIONS_MAX: usize = 400;
/// Share of requests with which somebody comes, while there is room.
const COMING_SHARE: f64 = 0.08;
/// How many pages a visitor looks at, at most.
const PAGES_MAX: u64 = 12;
/// Share of bursts that are an intruder's.
const ATTACK_SHARE: u64 = 3;

/// An endless synthetic access log.
#[derive(Debug)]
pub struct Generator {
    config: RequestsConfig,
    clock: Clock,
    world: World,
    bursts: Plan,
    random: Random,
    sessions: Vec<Session>,
    number: u64,
    /// With paced time: that of the newest request, in milliseconds.
    front_ms: f64,
    /// How far the server's clock is behind, in milliseconds.
    back_ms: i64,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    pub line: String,
}

/// Somebody on the site.
#[derive(Debug, Clone)]
struct Session {
    address: String,
    agent: &'static str,
    /// The page that he is on, or who led here.
    from: Option<String>,
    pages_left: u64,
    /// How many of the page's own files are still to be fetched.
    assets_left: usize,
}

impl Generator {
    /// Returns a log for `config`. It reads `clock` only with [`EventTime::Live`].
    #[must_use]
    pub fn new(config: RequestsConfig, clock: Clock) -> Self {
        let front_ms = match config.event_time {
            EventTime::Live => 0.0,
            EventTime::Paced { start_ms, .. } => start_ms as f64,
        };
        Self {
            world: World::new(),
            bursts: Plan::new(config.seed),
            random: Random::new(salted(config.seed, 4)),
            sessions: Vec::with_capacity(SESSIONS_MAX),
            number: 0,
            front_ms,
            back_ms: 0,
            config,
            clock,
        }
    }

    /// Moves on to the time of the request being made.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of many thousand years fit")]
    fn advance(&mut self) -> i64 {
        self.back_ms = self.config.clock_back.map_or(0, |back| back.ms_at(self.number));
        self.number += 1;
        match self.config.event_time {
            EventTime::Live => self.clock.now_ms(),
            EventTime::Paced { per_second, .. } => {
                let now_ms = self.front_ms as i64;
                let rate = f64::from(per_second.get()) * self.world.busy(now_ms);
                self.front_ms += 1000.0 / rate;
                now_ms
            }
        }
    }

    fn line(&mut self, now_ms: i64) -> String {
        let burst = self.bursts.of_slot(now_ms);
        if burst.is_on(now_ms) && self.random.chance(burst.share) {
            return match burst.key % ATTACK_SHARE {
                0 => self.probe(now_ms, burst.key),
                _ => self.talked_about(now_ms, burst.key),
            };
        }
        if self.random.chance(self.config.crawler_share) {
            return self.crawl(now_ms);
        }
        let full = self.sessions.len() == SESSIONS_MAX;
        if self.sessions.is_empty() || (!full && self.random.chance(COMING_SHARE)) {
            let from = self.world.draw_referrer(&mut self.random).map(str::to_owned);
            self.come(now_ms, from);
        }
        let at = self.random.index(self.sessions.len());
        self.go_on(now_ms, at)
    }

    fn come(&mut self, now_ms: i64, from: Option<String>) {
        let address = world::draw_country(&mut self.random, now_ms).address(&mut self.random);
        let agent = self.world.draw_browser(&mut self.random);
        let pages_left = 1 + self.random.below(PAGES_MAX) * self.random.below(3) / 2;
        self.sessions.push(Session { address, agent, from, pages_left, assets_left: 0 });
    }

    /// A visitor's next request: a file of the page, or the next page.
    fn go_on(&mut self, now_ms: i64, at: usize) -> String {
        let mut session = self.sessions.swap_remove(at);
        let (path, bytes, cached) = if session.assets_left > 0 {
            session.assets_left -= 1;
            let (path, bytes) = ASSETS[session.assets_left];
            (path.to_owned(), bytes, 0.35)
        } else {
            session.pages_left -= 1;
            session.assets_left = self.random.index(ASSETS.len() + 1);
            let page = self.world.draw_page(&mut self.random);
            let mut path = self.world.pages[page].clone();
            if path == "/search" {
                path.push_str("?q=bread%20and%20butter");
            }
            (path, 4_000 + self.random.below(40_000), 0.05)
        };
        let (status, bytes) = self.answer(bytes, cached);
        let is_page = !path.starts_with("/static") && !path.contains('.');
        let page = is_page.then(|| format!("https://{HOST}{path}"));
        let said = Said {
            address: &session.address,
            method: "GET",
            path,
            status,
            bytes,
            referrer: session.from.as_deref(),
            agent: session.agent,
        };
        let line = self.write(now_ms, &said);
        session.from = page.or(session.from);
        if session.pages_left > 0 || session.assets_left > 0 {
            self.sessions.push(session);
        }
        line
    }

    /// The status and the bytes of an answer.
    fn answer(&mut self, bytes: u64, cached: f64) -> (u16, u64) {
        let roll = self.random.unit();
        match roll {
            roll if roll < 0.015 => (404, 1_245),
            roll if roll < 0.018 => (500, 612),
            roll if roll < 0.030 => (301, 178),
            roll if roll < 0.030 + cached => (304, 0),
            _ => (200, bytes),
        }
    }

    fn crawl(&mut self, now_ms: i64) -> String {
        let agent = self.world.draw_crawler(&mut self.random);
        // Crawlers come from data centres.
        let address =
            format!("66.249.{}.{}", self.random.below(32) + 64, self.random.below(254) + 1);
        let page = self.random.index(self.world.pages.len());
        let path = match self.random.chance(0.05) {
            true => "/robots.txt".to_owned(),
            false => self.world.pages[page].clone(),
        };
        let bytes = 4_000 + self.random.below(40_000);
        let (status, bytes) = self.answer(bytes, 0.2);
        let said =
            Said { address: &address, method: "GET", path, status, bytes, referrer: None, agent };
        self.write(now_ms, &said)
    }

    /// One address tries what is not there.
    fn probe(&mut self, now_ms: i64, key: u64) -> String {
        let address =
            format!("185.{}.{}.{}", 100 + key % 100, key / 100 % 256, key / 30_000 % 254 + 1);
        let path = PROBES[self.random.index(PROBES.len())].to_owned();
        let method = if path.contains("login") { "POST" } else { "GET" };
        let status = if self.random.chance(0.1) { 403 } else { 404 };
        let agent = "python-requests/2.32.5";
        let said =
            Said { address: &address, method, path, status, bytes: 1_245, referrer: None, agent };
        self.write(now_ms, &said)
    }

    /// A page that few read is talked about somewhere, and many come to see it.
    fn talked_about(&mut self, now_ms: i64, key: u64) -> String {
        let path = self.world.pages[self.world.rare_page(key)].clone();
        let from = format!(
            "https://{}.example.com/",
            ["news", "social", "video"][usize::from(key % 9 > 5)]
        );
        let address = world::draw_country(&mut self.random, now_ms).address(&mut self.random);
        let agent = self.world.draw_browser(&mut self.random);
        let bytes = 4_000 + self.random.below(40_000);
        let (status, bytes) = self.answer(bytes, 0.02);
        let referrer = Some(from.as_str());
        let said = Said { address: &address, method: "GET", path, status, bytes, referrer, agent };
        self.write(now_ms, &said)
    }

    fn write(&self, now_ms: i64, said: &Said<'_>) -> String {
        self.config.format.write(now_ms - self.back_ms, said)
    }

    /// As lines are broken: cut off, run into another, or from another program.
    fn broken(&mut self, line: &str) -> String {
        match self.random.index(3) {
            0 => line.chars().take(30).collect(),
            1 => "worker process 4711 exited on signal 11".to_owned(),
            _ => line.replacen('[', "", 1).replacen("\"status\":", "\"state\":", 1),
        }
    }
}

impl Iterator for Generator {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let time_ms = self.advance();
        let mut line = self.line(time_ms);
        if self.random.chance(self.config.malformed_share) {
            line = self.broken(&line);
        }
        Some(Request { time_ms: time_ms - self.back_ms, line })
    }
}

//! The synthetic clicks: an endless iterator of lines that is a function of its configuration alone.
//!
//! Now and then a page that few visit is linked to somewhere, and many follow. Every half minute the stream says that it
//! is alive.

#[cfg(test)]
mod tests;

use super::config::ClicksConfig;
use super::world::World;
use crate::bursts::Plan;
use crate::clock::Clock;
use crate::config::EventTime;
use crate::json::push_text;
use crate::random::{self, Random, salted};

/// How often the stream says that it is alive.
const HEARTBEAT_MS: i64 = 30_000;
/// Share of clicks by browsers that have followed a short link before.
const KNOWN_SHARE: f64 = 0.35;
/// Share of clicks of which the place is not known.
const NOWHERE_SHARE: f64 = 0.04;

/// Endless synthetic clicks.
#[derive(Debug)]
pub struct Generator {
    config: ClicksConfig,
    clock: Clock,
    world: World,
    bursts: Plan,
    random: Random,
    number: u64,
    /// When the stream last said that it is alive.
    heartbeat_ms: Option<i64>,
}

/// A line of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    pub line: String,
}

impl Generator {
    /// Returns clicks for `config`. They read `clock` only with [`EventTime::Live`].
    #[must_use]
    pub fn new(config: ClicksConfig, clock: Clock) -> Self {
        Self {
            world: World::new(),
            bursts: Plan::new(config.seed),
            random: Random::new(salted(config.seed, 5)),
            number: 0,
            heartbeat_ms: None,
            config,
            clock,
        }
    }

    /// The time of the click being made, and how far the source's clock is behind it.
    fn advance(&mut self) -> (i64, i64) {
        let back_ms = self.config.clock_back.map_or(0, |back| back.ms_at(self.number));
        let number = self.number;
        self.number += 1;
        let now_ms = match self.config.event_time {
            EventTime::Live => self.clock.now_ms(),
            EventTime::Paced { start_ms, per_second } => {
                let passed_ms = u128::from(number) * 1000 / u128::from(per_second.get());
                start_ms.saturating_add(i64::try_from(passed_ms).unwrap_or(i64::MAX))
            }
        };
        (now_ms, back_ms)
    }

    fn is_heartbeat(&mut self, now_ms: i64) -> bool {
        let last_ms = *self.heartbeat_ms.get_or_insert(now_ms);
        let due = now_ms - last_ms >= HEARTBEAT_MS;
        if due {
            self.heartbeat_ms = Some(now_ms);
        }
        due
    }

    fn click(&mut self, now_ms: i64, shown_ms: i64) -> String {
        let burst = self.bursts.of_slot(now_ms);
        let followed = burst.is_on(now_ms) && self.random.chance(burst.share);
        let (page, from) = if followed {
            let half = World::pages() / 2;
            let page = half + random::index(salted(burst.key, 4), half);
            (
                page,
                ["http://t.co/", "http://news.example.com/science"]
                    [usize::from(burst.key.is_multiple_of(2))],
            )
        } else {
            (self.world.draw_page(&mut self.random), self.world.draw_referrer(&mut self.random))
        };
        self.write(shown_ms.div_euclid(1000), page, from)
    }

    fn write(&mut self, seconds: i64, page: usize, from: &str) -> String {
        let (host, path) = World::page(page);
        let known = u8::from(self.random.chance(KNOWN_SHARE));
        let city = self.world.draw_city(&mut self.random);
        let nowhere = self.random.chance(NOWHERE_SHARE);
        let time_zone = if nowhere { "" } else { city.time_zone };
        let hash = format!("{:06x}", random::mix(page as u64) & 0xff_ffff);
        // The link was made up to a month before.
        let age = random::below(salted(page as u64, 6), 30 * 86_400);
        let shortened = seconds.saturating_sub_unsigned(age);
        let mut line = "{\"a\":".to_owned();
        push_text(&mut line, self.world.draw_browser(&mut self.random));
        line.push_str(&format!(
            ",\"nk\":{known},\"tz\":\"{time_zone}\",\"g\":\"{hash}\",\"h\":\"{hash}\",\"l\":\"example\",\
             \"hh\":\"1.usa.gov\",\"r\":\"{from}\",\"u\":\"http://{host}/{path}/{page}\",\
             \"t\":{seconds},\"hc\":{shortened}"
        ));
        if !nowhere {
            let (latitude, longitude) = city.place;
            line.push_str(&format!(
                ",\"c\":\"{}\",\"gr\":\"{}\",\"cy\":\"{}\",\"ll\":[{latitude},{longitude}]",
                city.country, city.region, city.name
            ));
        }
        line.push('}');
        line
    }

    /// As lines are broken: cut off, or without what is needed.
    fn broken(&mut self, line: &str) -> String {
        match self.random.index(3) {
            0 => line.chars().take(40).collect(),
            1 => line.replacen("\"u\":", "\"v\":", 1),
            _ => line.replacen("\"t\":", "\"t\":\"soon\",\"s\":", 1),
        }
    }
}

impl Iterator for Generator {
    type Item = Click;

    fn next(&mut self) -> Option<Click> {
        let (now_ms, back_ms) = self.advance();
        let time_ms = now_ms - back_ms;
        if self.is_heartbeat(now_ms) {
            let line = format!("{{\"_heartbeat_\":{}}}", time_ms.div_euclid(1000));
            return Some(Click { time_ms, line });
        }
        let mut line = self.click(now_ms, time_ms);
        if self.random.chance(self.config.malformed_share) {
            line = self.broken(&line);
        }
        Some(Click { time_ms, line })
    }
}

//! The made-up site, and who comes to it.
//!
//! Addresses are made up in networks that registries have assigned to these countries, so that there is
//! something to see on a map; user agents are those that browsers and crawlers really send.

use std::fmt::Write;

use crate::random::{Random, Weighted};

const HOUR_MS: i64 = 3_600_000;

/// The virtual host.
pub(super) const HOST: &str = "www.example.org";

/// A country: the first two bytes of an address, the first two groups of one of version 6, how many visitors
/// come from there, and its hours ahead of UTC.
#[derive(Debug)]
pub(super) struct Country {
    v4: [u8; 2],
    v6: Option<[u16; 2]>,
    weight: f64,
    pub(super) ahead_hours: i64,
}

const fn country(v4: [u8; 2], v6: Option<[u16; 2]>, weight: f64, ahead_hours: i64) -> Country {
    Country { v4, v6, weight, ahead_hours }
}

const COUNTRIES: [Country; 20] = [
    country([24, 16], Some([0x2601, 0x0240]), 24.0, -6),
    country([91, 10], Some([0x2003, 0x00c0]), 11.0, 1),
    country([86, 130], Some([0x2a00, 0x23c4]), 9.0, 0),
    country([117, 200], Some([0x2405, 0x0200]), 9.0, 5),
    country([90, 20], Some([0x2a01, 0x0e00]), 6.0, 1),
    country([177, 30], Some([0x2804, 0x0014]), 6.0, -3),
    country([126, 30], Some([0x240f, 0x0010]), 5.0, 9),
    country([99, 230], None, 4.0, -5),
    country([1, 120], None, 3.0, 10),
    country([84, 80], None, 3.0, 1),
    country([88, 10], None, 3.0, 1),
    country([79, 20], None, 3.0, 1),
    country([83, 10], None, 2.0, 1),
    country([90, 230], None, 2.0, 1),
    country([187, 190], None, 2.0, -6),
    country([105, 240], None, 1.5, 2),
    country([121, 130], None, 2.0, 9),
    country([114, 240], None, 2.0, 8),
    country([88, 230], None, 1.5, 3),
    country([190, 190], None, 1.0, -3),
];

/// Browsers, and how many use them.
const BROWSERS: [(&str, f64); 11] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        27.0,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
        24.0,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        16.0,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        7.0,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
        7.0,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
        5.0,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0", 4.0),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0", 2.0),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
        3.0,
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        2.0,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/126.0.0.0",
        1.0,
    ),
];

/// Crawlers, and how busy they are.
const CRAWLERS: [(&str, f64); 6] = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 5.0),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 4.0),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 2.0),
    ("Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", 2.0),
    ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", 1.0),
    ("DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", 1.0),
];

/// Who leads here, and how often; `None` is nobody.
const REFERRERS: [(Option<&str>, f64); 8] = [
    (None, 45.0),
    (Some("https://www.google.com/"), 30.0),
    (Some("https://www.bing.com/"), 5.0),
    (Some("https://duckduckgo.com/"), 4.0),
    (Some("https://news.example.com/today"), 6.0),
    (Some("https://forum.example.net/t/42"), 5.0),
    (Some("https://blog.example.net/links"), 3.0),
    (Some("https://social.example.com/"), 2.0),
];

const KINDS: [&str; 4] = ["guide", "recipe", "review", "story"];
const QUALITIES: [&str; 12] = [
    "quick", "slow", "green", "quiet", "little", "bright", "old", "new", "simple", "wild", "warm",
    "northern",
];
const THINGS: [&str; 14] = [
    "garden", "kitchen", "river", "bicycle", "window", "harbour", "bread", "lamp", "forest",
    "market", "bridge", "kettle", "island", "workshop",
];

/// What belongs to every page.
pub(super) const ASSETS: [(&str, u64); 6] = [
    ("/static/site.css", 18_432),
    ("/static/site.js", 96_210),
    ("/static/logo.svg", 2_310),
    ("/images/cover.jpg", 184_320),
    ("/images/photo-2.jpg", 143_872),
    ("/favicon.ico", 1_150),
];

/// What intruders look for.
pub(super) const PROBES: [&str; 8] = [
    "/wp-login.php",
    "/.env",
    "/xmlrpc.php",
    "/phpmyadmin/index.php",
    "/.git/config",
    "/admin/login.php",
    "/cgi-bin/test.cgi",
    "/wp-content/plugins/upload.php",
];

/// The browsers of visitors, and the law by which they are drawn.
#[derive(Debug)]
pub(crate) struct Browsers(Weighted);

impl Browsers {
    pub(crate) fn new() -> Self {
        Self(Weighted::new(BROWSERS.map(|(_, weight)| weight)))
    }

    /// The user agent of one.
    pub(crate) fn draw(&self, random: &mut Random) -> &'static str {
        BROWSERS[self.0.draw(random)].0
    }
}

/// The site and its visitors, with the laws by which they are drawn.
#[derive(Debug)]
pub(super) struct World {
    pub(super) pages: Vec<String>,
    page_law: Weighted,
    browsers: Browsers,
    crawler_law: Weighted,
    referrer_law: Weighted,
    /// How busy the site is in each hour of the day, on average 1.
    busy: [f64; 24],
}

impl World {
    pub(super) fn new() -> Self {
        let mut pages =
            vec!["/".to_owned(), "/about".to_owned(), "/archive".to_owned(), "/search".to_owned()];
        for thing in THINGS {
            for (place, quality) in QUALITIES.into_iter().enumerate() {
                let kind = KINDS[(place + thing.len()) % KINDS.len()];
                pages.push(format!("/{kind}/the-{quality}-{thing}"));
            }
        }
        Self {
            // The first page has a tenth of all views.
            page_law: Weighted::zipf(pages.len(), 1.0),
            pages,
            browsers: Browsers::new(),
            crawler_law: Weighted::new(CRAWLERS.map(|(_, weight)| weight)),
            referrer_law: Weighted::new(REFERRERS.map(|(_, weight)| weight)),
            busy: busy(),
        }
    }

    pub(super) fn draw_page(&self, random: &mut Random) -> usize {
        self.page_law.draw(random)
    }

    /// How busy the site is at a time, on average over a day 1.
    pub(super) fn busy(&self, now_ms: i64) -> f64 {
        self.busy[hour_of_day(now_ms.div_euclid(HOUR_MS))]
    }

    /// A page that is read little.
    pub(super) fn rare_page(&self, key: u64) -> usize {
        let half = self.pages.len() / 2;
        half + crate::random::index(key, half)
    }

    pub(super) fn draw_browser(&self, random: &mut Random) -> &'static str {
        self.browsers.draw(random)
    }

    pub(super) fn draw_crawler(&self, random: &mut Random) -> &'static str {
        CRAWLERS[self.crawler_law.draw(random)].0
    }

    pub(super) fn draw_referrer(&self, random: &mut Random) -> Option<&'static str> {
        REFERRERS[self.referrer_law.draw(random)].0
    }
}

/// How busy people are at an hour of their own day, between 0 and 1.
fn awake(hour: i64) -> f64 {
    const BY_HOUR: [f64; 24] = [
        0.30, 0.18, 0.12, 0.10, 0.10, 0.15, 0.28, 0.45, 0.62, 0.74, 0.80, 0.82, 0.85, 0.82, 0.80,
        0.80, 0.82, 0.85, 0.90, 0.97, 1.00, 0.95, 0.75, 0.50,
    ];
    BY_HOUR[hour_of_day(hour)]
}

/// Who comes at a time, in proportion to how many are awake.
pub(super) fn draw_country(random: &mut Random, now_ms: i64) -> &'static Country {
    let hour = now_ms.div_euclid(HOUR_MS);
    let law = COUNTRIES.iter().map(|country| country.weight * awake(hour + country.ahead_hours));
    &COUNTRIES[Weighted::new(law).draw(random)]
}

fn busy() -> [f64; 24] {
    let at = |hour: i64| -> f64 {
        COUNTRIES.iter().map(|country| country.weight * awake(hour + country.ahead_hours)).sum()
    };
    let hours: [f64; 24] = std::array::from_fn(|hour| at(i64::try_from(hour).unwrap_or_default()));
    let mean = (0..24).map(at).sum::<f64>() / 24.0;
    hours.map(|hour| hour / mean)
}

fn hour_of_day(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(24)).unwrap_or_default()
}

impl Country {
    pub(super) fn address(&self, random: &mut Random) -> String {
        let mut address = String::new();
        let written = match self.v6.filter(|_| random.chance(0.25)) {
            Some([first, second]) => {
                let [third, last] = [random.below(0x10000), random.below(0xfffe) + 1];
                write!(address, "{first:x}:{second:x}:{third:x}::{last:x}")
            }
            None => {
                let [first, second] = self.v4;
                write!(address, "{first}.{second}.{}.{}", random.below(256), random.below(254) + 1)
            }
        };
        written.expect("a text takes everything");
        address
    }
}

//! The fictional network: accounts, languages, hashtags and web sites.
//!
//! All names are made of syllables. They are functions of a number, so that a million hashtags take
//! no more memory than the law by which they are drawn.

mod languages;
mod names;
mod words;

pub(super) use languages::{LANGUAGES, Language};
pub(super) use names::{cid, did, push_tid};
pub(super) use words::{Script, push_word};

use std::slice::SliceIndex;

use crate::random::{Random, Weighted, index, salted};

/// The largest number of hashtags.
pub(super) const HASHTAGS_MAX: usize = 1_000_000;
/// Web sites that posts link to.
const SITES: usize = 3000;
/// Mandelbrot's offset: the most common of 50,000 hashtags gets about 2.5 % of all uses.
const HASHTAG_OFFSET: f64 = 2.7;
/// The most common web site gets about 4 % of all links.
const SITE_OFFSET: f64 = 1.7;
/// Share of hashtags that are those of the author's language, each with favourites of its own.
const LOCAL_SHARE: f64 = 0.6;

/// The laws by which all is drawn.
#[derive(Debug)]
pub(super) struct World {
    accounts: u64,
    hashtags: usize,
    hashtag_law: Weighted,
    site_law: Weighted,
    language_law: Weighted,
}

impl World {
    pub(super) fn new(hashtags: usize, accounts: u64) -> Self {
        Self {
            accounts,
            hashtags,
            hashtag_law: Weighted::zipf(hashtags, HASHTAG_OFFSET),
            site_law: Weighted::zipf(SITES, SITE_OFFSET),
            language_law: Weighted::new(LANGUAGES.iter().map(|language| language.weight)),
        }
    }

    /// Draws an account. Few of them post much.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of accounts is not negative and no larger than that"
    )]
    pub(super) fn draw_account(&self, random: &mut Random) -> u64 {
        let share = random.unit();
        ((self.accounts as f64 * share * share) as u64).min(self.accounts - 1)
    }

    /// Draws a language by its place in [`LANGUAGES`].
    pub(super) fn draw_language(&self, random: &mut Random) -> usize {
        self.language_law.draw(random)
    }

    /// Draws the number of a hashtag that somebody who writes this language uses.
    pub(super) fn draw_hashtag(&self, random: &mut Random, language: usize) -> usize {
        let rank = self.hashtag_law.draw(random);
        if !random.chance(LOCAL_SHARE) {
            return rank;
        }
        (rank + index(salted(7, language as u64), self.hashtags)) % self.hashtags
    }

    /// A hashtag that hardly anybody uses otherwise.
    pub(super) fn rare_hashtag(&self, key: u64) -> usize {
        let common = self.hashtags / 10;
        common + index(key, self.hashtags - common)
    }

    /// Draws the number of a web site.
    pub(super) fn draw_site(&self, random: &mut Random) -> usize {
        self.site_law.draw(random)
    }
}

/// Appends a hashtag without `#`, in one of the spellings that people use.
pub(super) fn push_hashtag(out: &mut String, random: &mut Random, number: usize) {
    let (kind, word) = (number % 8, number as u64 / 8);
    match kind {
        0 => push_word(out, Script::Kana, word),
        1 => push_word(out, Script::Hangul, word),
        2 => {
            push_word(out, Script::Latin, word);
            // One letter, or a letter and an accent: the same to readers.
            out.push_str(if random.chance(0.5) { "\u{e9}" } else { "e\u{301}" });
        }
        _ => {
            let begin = out.len();
            push_word(out, Script::Latin, word * 5 + kind as u64 - 3);
            match random.below(4) {
                0 => make_upper(out, begin..begin + 1),
                1 if random.chance(0.3) => make_upper(out, begin..),
                _ => {}
            }
        }
    }
}

/// Appends the address of a page of a web site.
pub(super) fn push_link(out: &mut String, random: &mut Random, site: usize) {
    out.push_str(if random.chance(0.03) { "http://" } else { "https://" });
    if random.chance(0.3) {
        out.push_str("www.");
    }
    let begin = out.len();
    push_word(out, Script::Latin, site as u64);
    out.push_str(if site.is_multiple_of(3) { ".example" } else { ".example.org" });
    if random.chance(0.02) {
        make_upper(out, begin..);
    }
    if random.chance(0.01) {
        out.push_str(":8443");
    }
    if random.chance(0.9) {
        out.push('/');
        push_word(out, Script::Latin, random.below(1_000_000));
    }
    if random.chance(0.2) {
        out.push_str("?id=");
        out.push_str(&random.below(100_000).to_string());
    }
}

/// Appends something that stands where a link should, and names no web site, or oddly so.
pub(super) fn push_odd_link(out: &mut String, random: &mut Random) {
    const LINKS: [&str; 8] = [
        "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3aaaaaaaaaaaa",
        "ftp://files.example/",
        "mailto:somebody@example.org",
        "https://",
        "balgor.example",
        "https://user:secret@dren.example:443/",
        "https://b\u{fc}cher.example/",
        "https://192.0.2.7/status",
    ];
    out.push_str(LINKS[random.index(LINKS.len())]);
}

fn make_upper(out: &mut str, part: impl SliceIndex<str, Output = str>) {
    if let Some(part) = out.get_mut(part) {
        part.make_ascii_uppercase();
    }
}

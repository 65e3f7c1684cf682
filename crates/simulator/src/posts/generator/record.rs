//! Writes the record of a post: text, facets, links, and what programs do to them.

use std::collections::VecDeque;

use chrono::SecondsFormat;

use super::others::push_reference;
use super::{Address, Author};
use crate::json::{push_integer, push_text};
use crate::posts::event::{Kind, push_member, rfc_3339};
use crate::posts::world::{
    LANGUAGES, Language, World, did, push_hashtag, push_link, push_odd_link, push_word,
};
use crate::random::Random;

pub(super) const POST: &str = "app.bsky.feed.post";

const REPLY_SHARE: f64 = 0.35;
const QUOTE_SHARE: f64 = 0.07;
const IMAGES_SHARE: f64 = 0.2;
/// Share of posts with the card of a web page.
const CARD_SHARE: f64 = 0.1;
/// Share of posts with a hashtag, and of those with one more, and so on.
const HASHTAG_SHARE: f64 = 0.2;
const MORE_HASHTAGS_SHARE: f64 = 0.5;
const HASHTAGS_MAX: usize = 8;
/// Share of hashtags that stand beside the text.
const BESIDE_SHARE: f64 = 0.08;
const LINK_SHARE: f64 = 0.08;
const ODD_LINK_SHARE: f64 = 0.01;
const MENTION_SHARE: f64 = 0.05;
/// Words that texts are made of; each language uses its own part.
const WORDS: u64 = 5000;
const WORDS_MAX: i64 = 30;

/// Fields that break the lexicon, and what stands there instead.
const ODD_FIELDS: [(&str, &str); 14] = [
    ("createdAt", "\"yesterday\""),
    ("createdAt", "\"0000-01-01T00:00:00.000Z\""),
    ("createdAt", "1767225600000"),
    ("embed", "{\"$type\":\"org.example.embed\",\"external\":[]}"),
    ("embed", "\"https://balgor.example/\""),
    ("facets", "null"),
    ("facets", "[{\"features\":[{\"$type\":\"org.example.facet#tag\",\"tag\":{\"name\":7}}]},8]"),
    ("langs", "\"en\""),
    ("langs", "[\"\"]"),
    ("langs", "[7,\"English\",\"en\"]"),
    ("reply", "null"),
    ("tags", "[\"\",\"#\",\" \",\"##balgor\",null]"),
    (
        "tags",
        "[\"balgorbalgorbalgorbalgorbalgorbalgorbalgorbalgorbalgorbalgorbalgor\",\"a\\u0000b\"]",
    ),
    ("via", "{\"$type\":\"org.example.program\",\"name\":\"\\ud83d\\udc4b\"}"),
];

/// What one post is written with.
pub(super) struct Writer<'g> {
    pub(super) random: &'g mut Random,
    pub(super) world: &'g World,
    pub(super) recent: &'g VecDeque<Address>,
    pub(super) now_us: i64,
}

/// A text being written, with what its stretches are.
#[derive(Default)]
struct Text {
    plain: String,
    facets: String,
}

impl Writer<'_> {
    /// The record's JSON, its keys in the order of the alphabet.
    pub(super) fn post(mut self, author: &Author, odd_share: f64) -> String {
        let language = &LANGUAGES[author.language];
        let odd = self.random.chance(odd_share);
        let odd = odd.then(|| ODD_FIELDS[self.random.index(ODD_FIELDS.len())]);
        let mut tags = String::new();
        let text = self.text(author, language, &mut tags);
        let fields = [
            ("createdAt", Some(self.created_at())),
            ("embed", self.embed()),
            ("facets", (!text.facets.is_empty()).then(|| format!("[{}]", text.facets))),
            ("langs", self.langs(language)),
            ("reply", self.reply(author)),
            ("tags", (!tags.is_empty()).then(|| format!("[{tags}]"))),
            ("text", Some(quoted(&text.plain))),
            ("via", None),
        ];
        let mut json = format!("{{\"$type\":\"{POST}\"");
        for (name, value) in fields {
            let value = match odd {
                Some((odd_name, odd_value)) if odd_name == name => Some(odd_value.to_owned()),
                _ => value,
            };
            if let Some(value) = value {
                json.push_str(",\"");
                json.push_str(name);
                json.push_str("\":");
                json.push_str(&value);
            }
        }
        json.push('}');
        json
    }

    /// Words, then mentions, links and hashtags.
    fn text(&mut self, author: &Author, language: &Language, tags: &mut String) -> Text {
        let mut text = Text::default();
        for _ in 0..self.random.between(1, WORDS_MAX) {
            text.space(language.script.space());
            let own = author.language as u64 * WORDS;
            push_word(&mut text.plain, language.script, own + self.random.below(WORDS));
        }
        match self.random.below(30) {
            0 => text.plain.push_str(" \u{1f44b}\u{1f3fd}"),
            1 => text.plain.push_str("\n\n\"<3\" & more \\o/"),
            _ => {}
        }
        if self.random.chance(MENTION_SHARE) {
            let account = self.world.draw_account(self.random);
            let begin = text.begin();
            text.plain.push_str(&format!("@account-{account}.example"));
            text.facet(begin, "mention", "did", &did(account));
        }
        if self.random.chance(LINK_SHARE) {
            let uri = self.link();
            let begin = text.begin();
            let (host, _) = uri.split_at(uri.floor_char_boundary(24));
            text.plain.push_str(host);
            text.plain.push_str("...");
            text.facet(begin, "link", "uri", &uri);
        }
        let mut count = 0;
        let mut share = HASHTAG_SHARE;
        let mut hashtag = author.hashtag;
        while hashtag.is_some() || (count < HASHTAGS_MAX && self.random.chance(share)) {
            let number = hashtag.take();
            let number =
                number.unwrap_or_else(|| self.world.draw_hashtag(self.random, author.language));
            self.hashtag(&mut text, tags, number);
            share = if author.kind == Kind::Spam { 0.0 } else { MORE_HASHTAGS_SHARE };
            count += 1;
        }
        text
    }

    fn hashtag(&mut self, text: &mut Text, tags: &mut String, number: usize) {
        let mut tag = String::new();
        push_hashtag(&mut tag, self.random, number);
        if self.random.chance(BESIDE_SHARE) {
            if !tags.is_empty() {
                tags.push(',');
            }
            push_text(tags, &tag);
            return;
        }
        let begin = text.begin();
        text.plain.push('#');
        text.plain.push_str(&tag);
        text.facet(begin, "tag", "tag", &tag);
    }

    /// The address of a web page, now and then of something else.
    fn link(&mut self) -> String {
        let mut link = String::new();
        if self.random.chance(ODD_LINK_SHARE) {
            push_odd_link(&mut link, self.random);
        } else {
            let site = self.world.draw_site(self.random);
            push_link(&mut link, self.random, site);
        }
        link
    }

    fn langs(&mut self, language: &Language) -> Option<String> {
        let mut tags = language.tags;
        // Most programs write the plain tag.
        let place = if self.random.chance(0.9) { 0 } else { self.random.index(tags.len()) };
        tags = tags.get(place..=place)?;
        let other = if tags[0] == "en" { ",\"es\"" } else { ",\"en\"" };
        let second = if self.random.chance(0.03) { other } else { "" };
        Some(format!("[{}{second}]", quoted(tags[0])))
    }

    /// Most programs' clocks are right.
    fn created_at(&mut self) -> String {
        let (behind_us, digits) = match self.random.below(100) {
            0 => (self.random.between(-3_600_000_000, 3_600_000_000), SecondsFormat::Micros),
            1 => (self.random.between(0, 20 * 365) * 86_400_000_000, SecondsFormat::Millis),
            2..10 => (self.random.between(0, 5_000_000), SecondsFormat::Secs),
            _ => (self.random.between(200_000, 3_000_000), SecondsFormat::Millis),
        };
        quoted(&rfc_3339(self.now_us - behind_us, digits))
    }

    fn reply(&mut self, author: &Author) -> Option<String> {
        if author.kind == Kind::Spam || !self.random.chance(REPLY_SHARE) {
            return None;
        }
        let parent = self.recent.get(self.random.index(self.recent.len()))?;
        let root = match self.random.chance(0.6) {
            true => parent,
            false => self.recent.get(self.random.index(self.recent.len()))?,
        };
        let mut json = String::from("{\"parent\":");
        push_reference(&mut json, parent);
        json.push_str(",\"root\":");
        push_reference(&mut json, root);
        json.push('}');
        Some(json)
    }

    fn embed(&mut self) -> Option<String> {
        let roll = self.random.unit();
        let mut json = String::new();
        if roll < QUOTE_SHARE {
            let quoted = self.recent.get(self.random.index(self.recent.len()))?;
            let with_media = self.random.chance(0.2);
            if with_media {
                json.push_str("{\"$type\":\"app.bsky.embed.recordWithMedia\",\"media\":");
                self.push_card(&mut json);
                json.push_str(",\"record\":{\"$type\":\"app.bsky.embed.record\",\"record\":");
                push_reference(&mut json, quoted);
                json.push_str("}}");
            } else {
                json.push_str("{\"$type\":\"app.bsky.embed.record\",\"record\":");
                push_reference(&mut json, quoted);
                json.push('}');
            }
        } else if roll < QUOTE_SHARE + IMAGES_SHARE {
            json.push_str(
                "{\"$type\":\"app.bsky.embed.images\",\"images\":[{\"alt\":\"Nothing to see\"}]}",
            );
        } else if roll < QUOTE_SHARE + IMAGES_SHARE + CARD_SHARE {
            self.push_card(&mut json);
        } else {
            return None;
        }
        Some(json)
    }

    fn push_card(&mut self, json: &mut String) {
        json.push_str("{\"$type\":\"app.bsky.embed.external\",\"external\":");
        push_member(json, "{", "description", "What it says there.");
        push_member(json, ",", "title", "A page");
        let uri = self.link();
        push_member(json, ",", "uri", &uri);
        json.push_str("}}");
    }
}

impl Text {
    fn space(&mut self, space: &str) {
        if !self.plain.is_empty() {
            self.plain.push_str(space);
        }
    }

    /// Where the next stretch begins.
    fn begin(&mut self) -> usize {
        self.space(" ");
        self.plain.len()
    }

    /// Notes what the stretch from `begin` on is; places are counted in bytes.
    fn facet(&mut self, begin: usize, feature: &str, name: &str, value: &str) {
        let out = &mut self.facets;
        if !out.is_empty() {
            out.push(',');
        }
        let feature = format!("app.bsky.richtext.facet#{feature}");
        push_member(out, "{\"features\":[{", "$type", &feature);
        push_member(out, ",", name, value);
        out.push_str("}],\"index\":{\"byteEnd\":");
        push_integer(out, i64::try_from(self.plain.len()).unwrap_or(i64::MAX));
        out.push_str(",\"byteStart\":");
        push_integer(out, i64::try_from(begin).unwrap_or(i64::MAX));
        out.push_str("}}");
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_text(&mut out, text);
    out
}

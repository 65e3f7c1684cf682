//! Groups: their place, their topics and their venues, prepared as JSON.

use super::odd::decorated;
use super::places::{COUNTRIES, City, Country};
use super::topics::{Topic, key_of};
use super::words::{GROUP_KINDS, VENUE_KINDS, VENUE_NAMES};
use crate::json::{escaped, push_decimal, push_escaped, push_integer};
use crate::random::{Random, Weighted, mix, salted, unit};

/// Venues a group meets at.
const VENUES_PER_GROUP: usize = 3;
/// Shares of venues: at 0,0 (nobody set the pin); the placeholder of online events.
const NOWHERE_SHARE: f64 = 0.055;
const ONLINE_SHARE: f64 = 0.01;
const FIRST_GROUP_ID: i64 = 1_600_000;
const FIRST_VENUE_ID: i64 = 10_000_000;

/// The place in the world of the group with an id.
pub(crate) fn index_of(group_id: i64) -> Option<usize> {
    let number = group_id.checked_sub(FIRST_GROUP_ID).filter(|number| number % 7 == 0)?;
    usize::try_from(number / 7).ok()
}

/// A group whose members respond to events.
#[derive(Debug)]
pub(crate) struct Group {
    /// The key for random choices about the group and its events, see [`salted`].
    pub(crate) key: u64,
    /// `"group":{...}`, complete.
    pub(crate) json: String,
    /// The group's part of an event's URL, escaped for a URL.
    pub(crate) url_name: String,
    /// Indices into the world's topics, distinct, 1 to 20.
    pub(crate) topics: Vec<usize>,
    pub(crate) venues: Vec<Venue>,
}

/// `"venue":{...}`, complete.
#[derive(Debug)]
pub(crate) struct Venue {
    pub(crate) json: String,
}

/// Creates `count` groups, the busiest first. If there are enough groups, every country has at
/// least one.
pub(super) fn build(
    random: &mut Random,
    count: usize,
    topics: &[Topic],
    topic_law: &Weighted,
) -> Vec<Group> {
    let country_law = Weighted::new(COUNTRIES.iter().map(|country| f64::from(country.weight)));
    (0..count)
        .map(|index| {
            let from_end = count - 1 - index;
            let reserved = (count > 4 * COUNTRIES.len()).then(|| COUNTRIES.get(from_end)).flatten();
            let drawn = &COUNTRIES[country_law.draw(random)];
            let own_topics = draw_topics(random, topics.len(), topic_law);
            group(random, index, reserved.unwrap_or(drawn), topics, own_topics)
        })
        .collect()
}

fn group(
    random: &mut Random,
    index: usize,
    country: &Country,
    topics: &[Topic],
    own_topics: Vec<usize>,
) -> Group {
    let number = i64::try_from(index).expect("a group's index fits in an i64");
    let key = mix(random.bits());
    let city = &country.cities[random.index(country.cities.len())];
    let kind = GROUP_KINDS[random.index(GROUP_KINDS.len())];
    let plain_name = format!("{} {} {kind}", city.name, topics[own_topics[0]].name);
    let name = decorated(&plain_name, key);
    // A name in another script gives a key in that script, which a url shows percent-encoded.
    let urlname = if name.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character)) {
        format!("\u{96c6}\u{307e}\u{308a}-{number}")
    } else {
        format!("{}-{number}", key_of(&plain_name))
    };
    let group_id = FIRST_GROUP_ID + number * 7;
    let topics = topics_json(random, topics, &own_topics);
    let json = group_json(random, group_id, (&name, &urlname), (country, city), &topics);
    let venues = (0_u64..)
        .take(VENUES_PER_GROUP)
        .map(|nth| venue(number, nth, salted(key, nth), city))
        .collect();
    Group { key, json, url_name: percent_encoded(&urlname), topics: own_topics, venues }
}

/// Draws 4 to 20 topics around a median of 12, and occasionally fewer.
fn draw_topics(random: &mut Random, topic_count: usize, law: &Weighted) -> Vec<usize> {
    let wanted = if random.chance(0.05) {
        1 + random.index(4)
    } else {
        12 + random.index(9) - random.index(9)
    };
    let wanted = wanted.min(topic_count);
    let mut drawn = Vec::with_capacity(wanted);
    while drawn.len() < wanted {
        let topic = law.draw(random);
        if !drawn.contains(&topic) {
            drawn.push(topic);
        }
    }
    drawn
}

/// The topics as an array, some with their other spelling.
fn topics_json(random: &mut Random, topics: &[Topic], own_topics: &[usize]) -> String {
    let mut out = String::from("[");
    for (position, &topic) in own_topics.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        let topic = &topics[topic];
        let other = topic.other_spelling.as_ref().filter(|_| random.chance(0.3));
        out.push_str(other.unwrap_or(&topic.json));
    }
    out.push(']');
    out
}

fn group_json(
    random: &mut Random,
    group_id: i64,
    (name, urlname): (&str, &str),
    (country, city): (&Country, &City),
    topics: &str,
) -> String {
    let mut out = format!("\"group\":{{\"group_topics\":{topics}");
    out.push_str(&format!(
        ",\"group_city\":\"{}\",\"group_country\":\"{}\"",
        city.name, country.code
    ));
    out.push_str(&format!(",\"group_id\":{group_id},\"group_name\":\""));
    push_escaped(&mut out, name);
    out.push_str("\",\"group_lon\":");
    push_decimal(&mut out, city.lon_centidegrees + random.between(-3, 3), 2);
    out.push_str(&format!(",\"group_urlname\":\"{urlname}\""));
    if let Some(state) = city.state {
        out.push_str(&format!(",\"group_state\":\"{state}\""));
    }
    out.push_str(",\"group_lat\":");
    push_decimal(&mut out, city.lat_centidegrees + random.between(-3, 3), 2);
    out.push('}');
    out
}

fn venue(group_number: i64, nth: u64, key: u64, city: &City) -> Venue {
    let mut random = Random::new(key);
    let kind = unit(salted(key, 1));
    if kind < ONLINE_SHARE {
        let json = "\"venue\":{\"venue_name\":\"Online event\",\"lon\":179.1962,\"lat\":-8.521147,\"venue_id\":26906060}";
        return Venue { json: json.to_owned() };
    }
    let mut name = format!(
        "{} {}",
        VENUE_NAMES[random.index(VENUE_NAMES.len())],
        VENUE_KINDS[random.index(VENUE_KINDS.len())]
    );
    if random.chance(0.01) {
        name.push_str(", second entrance on the left behind the fountain, take the lift to the fourth floor and ring at the bell");
    }
    let nowhere = kind < ONLINE_SHARE + NOWHERE_SHARE;
    let mut near = |centidegrees: i64| {
        if nowhere { 0 } else { centidegrees * 10_000 + random.between(-60_000, 60_000) }
    };
    let (lat, lon) = (near(city.lat_centidegrees), near(city.lon_centidegrees));
    let mut json =
        format!("\"venue\":{{\"venue_name\":\"{}\",\"lon\":", escaped(&decorated(&name, key)));
    push_decimal(&mut json, lon, 6);
    json.push_str(",\"lat\":");
    push_decimal(&mut json, lat, 6);
    json.push_str(",\"venue_id\":");
    push_integer(&mut json, FIRST_VENUE_ID + group_number * 4 + i64::try_from(nth).unwrap_or(0));
    json.push('}');
    Venue { json }
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

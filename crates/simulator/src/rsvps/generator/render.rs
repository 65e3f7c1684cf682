//! Writes a response as the JSON text that the source would send.
//!
//! A message is a function of the response and the world, so an echo rendered again differs only in
//! its `mtime`.

use super::chance_of;
use super::response::{Response, WEEK_MS};
use crate::json::{push_escaped, push_integer};
use crate::random::{below, index, salted};
use crate::rsvps::world::{Group, OCCASIONS, World, decorated};

const NO_VENUE_SHARE: f64 = 0.17;
const NO_PHOTO_SHARE: f64 = 0.05;
const NO_EVENT_TIME_SHARE: f64 = 0.004;
/// Share of messages with the key order of an older version of the source.
const OLD_ORDER_SHARE: f64 = 0.01;
/// Share of events that repeat and have ids made of letters.
const LETTER_ID_SHARE: f64 = 0.33;
pub(super) const FIRST_MEMBER_ID: i64 = 10_000_000;
const FIRST_EVENT_ID: i64 = 200_000_000;
/// Events of one group get ids from a block of this size, one per week.
const EVENT_IDS_PER_GROUP: i64 = 1024;
const QUARTER_HOUR_MS: i64 = 900_000;
const QUARTER_HOURS_PER_WEEK: u64 = 7 * 24 * 4;

pub(super) fn push_message(out: &mut String, world: &World, response: &Response) {
    let group = &world.groups[response.group];
    let event_key = salted(group.key, response.event_week.cast_unsigned());
    out.push('{');
    if chance_of(response.rsvp_id.cast_unsigned(), 1, OLD_ORDER_SHARE) {
        push_event(out, world, response, event_key);
        out.push(',');
        push_answer(out, response);
        out.push(',');
        push_member(out, response);
        out.push_str(",\"visibility\":\"public\",");
        out.push_str(&group.json);
        push_venue(out, group, event_key, ",", "");
    } else {
        push_venue(out, group, event_key, "", ",");
        out.push_str("\"visibility\":\"public\",");
        push_answer(out, response);
        out.push(',');
        push_member(out, response);
        out.push(',');
        push_event(out, world, response, event_key);
        out.push(',');
        out.push_str(&group.json);
    }
    out.push('}');
}

fn push_answer(out: &mut String, response: &Response) {
    out.push_str(if response.yes {
        "\"response\":\"yes\",\"guests\":"
    } else {
        "\"response\":\"no\",\"guests\":"
    });
    push_integer(out, i64::from(response.guests));
    out.push_str(",\"rsvp_id\":");
    push_integer(out, response.rsvp_id);
    out.push_str(",\"mtime\":");
    push_integer(out, response.mtime_ms);
}

fn push_member(out: &mut String, response: &Response) {
    let member_id = FIRST_MEMBER_ID + response.member;
    out.push_str("\"member\":{\"member_id\":");
    push_integer(out, member_id);
    if !chance_of(response.member.cast_unsigned(), 2, NO_PHOTO_SHARE) {
        out.push_str(",\"photo\":\"https:\\/\\/example.org\\/photo\\/");
        push_integer(out, member_id);
        out.push_str(".jpeg\"");
    }
    out.push_str(",\"member_name\":\"Member ");
    push_integer(out, response.member);
    out.push_str("\"}");
}

fn push_venue(out: &mut String, group: &Group, event_key: u64, before: &str, after: &str) {
    if chance_of(event_key, 3, NO_VENUE_SHARE) {
        return;
    }
    if let Some(venue) = group.venues.get(index(salted(event_key, 4), group.venues.len())) {
        out.push_str(before);
        out.push_str(&venue.json);
        out.push_str(after);
    }
}

fn push_event(out: &mut String, world: &World, response: &Response, event_key: u64) {
    let group = &world.groups[response.group];
    let topic = group.topics[index(salted(event_key, 5), group.topics.len())];
    let occasion = OCCASIONS[index(salted(event_key, 6), OCCASIONS.len())];
    let name = format!("{} {occasion}", world.topics[topic].name);
    out.push_str("\"event\":{\"event_name\":\"");
    push_escaped(out, &decorated(&name, event_key));
    out.push_str("\",\"event_id\":\"");
    push_event_id(out, response, event_key);
    out.push('"');
    if !chance_of(event_key, 7, NO_EVENT_TIME_SHARE) {
        let quarter_hours = below(salted(event_key, 8), QUARTER_HOURS_PER_WEEK);
        let into_week_ms =
            QUARTER_HOUR_MS * i64::try_from(quarter_hours).expect("a week has few quarter hours");
        out.push_str(",\"time\":");
        push_integer(out, response.event_week * WEEK_MS + into_week_ms);
    }
    out.push_str(",\"event_url\":\"https:\\/\\/www.example.org\\/");
    out.push_str(&group.url_name);
    out.push_str("\\/events\\/");
    push_event_id(out, response, event_key);
    out.push_str("\\/\"}");
}

/// Nine digits or twelve letters, different for every event.
fn push_event_id(out: &mut String, response: &Response, event_key: u64) {
    let group = i64::try_from(response.group).expect("a group's index fits in an i64");
    let number = group * EVENT_IDS_PER_GROUP + response.event_week.rem_euclid(EVENT_IDS_PER_GROUP);
    if !chance_of(event_key, 9, LETTER_ID_SHARE) {
        push_integer(out, FIRST_EVENT_ID + number);
        return;
    }
    let mut rest = number.unsigned_abs();
    for _ in 0..8 {
        push_letter(out, rest % 26);
        rest /= 26;
    }
    for salt in 10..14 {
        push_letter(out, below(salted(event_key, salt), 26));
    }
}

fn push_letter(out: &mut String, number: u64) {
    let letter = u8::try_from(number % 26).expect("a remainder of 26 fits in a byte");
    out.push(char::from(b'a' + letter));
}

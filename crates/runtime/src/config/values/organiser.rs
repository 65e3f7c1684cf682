//! The organiser's desk, and what is shown of people.

use toml::Value;

use super::TICK;
use crate::config::reader::{Reader, Wrong, text};
use crate::config::sections::{Organiser, Privacy, ShowMembers};

/// More topics than anyone chooses by hand.
const TOPICS_MAX: usize = 50;

pub(super) fn organiser(reader: &mut Reader) -> Organiser {
    Organiser {
        group: reader.read("organiser.group", |value| name(value, str::to_owned)),
        topic: reader.read("organiser.topic", |value| name(value, str::to_lowercase)),
        relevant: reader.read("organiser.relevant", topics),
        similarity_min: reader.decimal("organiser.similarity_min", 0.0..=1.0),
        distance_km: reader.decimal("organiser.distance_km", 0.0..=20_100.0),
        recent: reader.duration("organiser.recent", TICK),
        cooling: reader.duration("organiser.cooling", TICK),
        retention: reader.duration("organiser.retention", TICK),
        own_members: reader.flag("organiser.own_members"),
        change: reader.duration("organiser.change", TICK),
        responses_max: reader.number("organiser.responses_max", 1_000..=2_000_000),
        past: reader.duration("organiser.past", TICK),
        past_max: reader.number("organiser.past_max", 1_000..=20_000_000),
    }
}

pub(super) fn privacy(reader: &mut Reader) -> Privacy {
    let choices = [
        ("loopback", ShowMembers::Loopback),
        ("always", ShowMembers::Always),
        ("never", ShowMembers::Never),
    ];
    let show_members =
        reader.choice("privacy.show_members", "a choice of where names are shown", &choices);
    Privacy { show_members }
}

pub(super) fn check(reader: &mut Reader, organiser: &Organiser) {
    reader.check_pair(
        organiser.cooling <= organiser.retention,
        ("organiser.cooling", "organiser.retention"),
        "is longer than",
        || "a contact that is forgotten cannot keep anyone from being contacted again".to_owned(),
    );
    reader.check_pair(
        organiser.recent <= organiser.past,
        ("organiser.recent", "organiser.past"),
        "is longer than",
        || "the yes that makes a candidate is part of what is known of them".to_owned(),
    );
    let one = organiser.group.is_none() || organiser.topic.is_none();
    reader.check(one, "organiser.topic", || {
        Wrong::new("is given besides `organiser.group`", "keep one of them")
    });
}

fn name(value: &Value, spelling: impl Fn(&str) -> String) -> Result<Option<String>, Wrong> {
    Ok(Some(spelling(text(value)?.trim())).filter(|name| !name.is_empty()))
}

fn topics(value: &Value) -> Result<Vec<String>, Wrong> {
    let wrong = || Wrong::new("is no list of topics", "write it like [\"rust\", \"devops\"]");
    let list = value.as_array().filter(|list| list.len() <= TOPICS_MAX).ok_or_else(wrong)?;
    let topic = |value: &Value| name(value, str::to_lowercase)?.ok_or_else(wrong);
    list.iter().map(topic).collect()
}

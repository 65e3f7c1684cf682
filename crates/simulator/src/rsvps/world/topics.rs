//! Topics: a few thousand names, each with its lower-case key.

use std::collections::BTreeSet;

use super::words::{MODIFIERS, SUBJECTS};
use crate::json::push_escaped;
use crate::random::Random;

/// Share of topics with an upper-case letter in the key.
const UPPER_CASE_SHARE: f64 = 0.01;
/// Share of topics that some groups spell differently.
const TWO_SPELLINGS_SHARE: f64 = 0.02;

/// A topic as groups refer to it.
#[derive(Debug)]
pub(crate) struct Topic {
    /// The shown name, unescaped.
    pub(crate) name: String,
    /// The JSON object.
    pub(super) json: String,
    /// The JSON object with the same key and another spelling of the name.
    pub(super) other_spelling: Option<String>,
}

/// Creates `count` topics, the commonest first: single subjects, then combinations of two words.
pub(super) fn build(random: &mut Random, count: usize) -> Vec<Topic> {
    let mut names: Vec<String> = SUBJECTS.iter().map(|&subject| subject.to_owned()).collect();
    let mut combined = Vec::with_capacity(MODIFIERS.len() * SUBJECTS.len());
    for modifier in MODIFIERS {
        for subject in SUBJECTS {
            combined.push(format!("{modifier} {subject}"));
        }
    }
    shuffle(random, &mut combined);
    names.append(&mut combined);
    let mut keys = BTreeSet::new();
    names.retain(|name| keys.insert(key_of(name)));
    names.truncate(count);
    names.into_iter().map(|name| topic(random, name)).collect()
}

/// The largest number of topics that the vocabulary yields, before equal keys are removed.
pub(crate) const TOPICS_MAX: usize = 4000;

fn topic(random: &mut Random, name: String) -> Topic {
    let mut key = key_of(&name);
    if random.chance(UPPER_CASE_SHARE) {
        key = name.replace([' ', '&', '/'], "");
    }
    let other = random.chance(TWO_SPELLINGS_SHARE).then(|| {
        if random.chance(0.5) {
            name.to_uppercase()
        } else {
            name.to_lowercase().replacen(' ', " & ", 1)
        }
    });
    Topic {
        json: json(&key, &name),
        other_spelling: other.map(|spelling| json(&key, &spelling)),
        name,
    }
}

fn json(key: &str, name: &str) -> String {
    let mut out = format!("{{\"urlkey\":\"{key}\",\"topic_name\":\"");
    push_escaped(&mut out, name);
    out.push_str("\"}");
    out
}

/// Lower case, words joined by hyphens.
pub(super) fn key_of(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            key.push(character.to_ascii_lowercase());
        } else if !key.is_empty() && !key.ends_with('-') {
            key.push('-');
        }
    }
    key.trim_end_matches('-').to_owned()
}

fn shuffle<T>(random: &mut Random, items: &mut [T]) {
    for end in (1..items.len()).rev() {
        let other = random.index(end + 1);
        items.swap(end, other);
    }
}

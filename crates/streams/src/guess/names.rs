//! Names for what was found: valid, free, and as near to the sample's own as they can be.

use std::collections::BTreeSet;

use super::fields::Path;
use crate::descriptor::{RESERVED, is_reserved_view};

/// What the views of trends and of single facts call other fields, and the stores theirs.
const FIELDS: [&str; 18] = [
    "window_start",
    "name",
    "count",
    "actors",
    "rank",
    "unusual_rank",
    "since",
    "score",
    "location",
    "facet",
    "term",
    "began",
    "peak",
    "peak_score",
    "ended",
    "duration_seconds",
    "layer",
    "stream",
];

/// What stores append to the names of views, and what says nearly the same.
const APPENDED: [(&str, &str); 3] = [("batch", "lot"), ("empty", "void"), ("speed", "velocity")];

/// Objects whose name says nothing of their fields.
const WRAPPERS: [&str; 7] = ["data", "payload", "message", "body", "record", "fields", "value"];

/// Names of views are made of several.
const LENGTH_MAX: usize = 24;

/// The longest name of a view that a descriptor may give.
const VIEW_LENGTH_MAX: usize = 48;

/// Names that are given away.
#[derive(Debug)]
pub(super) struct Names {
    used: BTreeSet<String>,
    views: BTreeSet<String>,
}

impl Names {
    /// `views` are those of other streams.
    pub(super) fn new(views: impl IntoIterator<Item = String>) -> Self {
        let used = RESERVED.iter().chain(&FIELDS).map(|name| (*name).to_owned()).collect();
        Self { used, views: views.into_iter().collect() }
    }

    /// A column's name.
    pub(super) fn column(&mut self, wish: &str) -> String {
        let spellings = [wish.to_owned(), format!("{wish}_value")];
        let numbered = (2..).map(|number| format!("{wish}_{number}"));
        let free = |name: &String| !self.used.contains(name);
        let name = spellings.into_iter().chain(numbered).find(free).expect("numbers do not end");
        self.used.insert(name.clone());
        name
    }

    /// What one and many are called, and the column of shown names beside them.
    pub(super) fn one_and_many(&mut self, wish: &str) -> (String, String) {
        let one = singular(wish);
        let ones = [one.clone(), format!("{one}_term")];
        let numbered = (2..).map(|number| format!("{one}_{number}"));
        for one in ones.into_iter().chain(numbered) {
            let all = [one.clone(), plural(&one), format!("{one}_names")];
            if all.iter().all(|name| !self.used.contains(name)) {
                let many = plural(&one);
                self.used.extend(all);
                return (one, many);
            }
        }
        unreachable!("numbers do not end")
    }

    /// The first of `wishes` that is free as the name of views: itself and with each of these endings.
    pub(super) fn view(&mut self, wishes: &[String], endings: &[String]) -> String {
        let all = |name: &str| -> Vec<_> {
            endings.iter().map(|ending| format!("{name}{ending}")).collect()
        };
        let free = |name: &String| {
            all(name).iter().all(|name| !self.views.contains(name) && !is_reserved_view(name))
        };
        let numbered = (1..).map(|number| format!("trending-{number}"));
        let short = wishes.iter().filter(|name| name.len() <= VIEW_LENGTH_MAX).cloned();
        let name = short.chain(numbered).find(free).expect("numbers do not end");
        self.views.extend(all(&name));
        name
    }

    /// What one fact and many are called: the view of single facts is called like many.
    pub(super) fn facts(&mut self, stream: &str) -> (String, String) {
        let one = singular(&identifier(stream));
        let ones = [one.clone(), format!("{one}_fact")];
        let numbered = (2..).map(|number| format!("{one}_{number}"));
        for one in ones.into_iter().chain(numbered) {
            let many = plural(&one);
            let view = many.replace('_', "-");
            let free = [&one, &many].iter().all(|name| !self.used.contains(*name));
            if free && !self.views.contains(&view) && !is_reserved_view(&view) {
                self.used.insert(many.clone());
                self.views.insert(view);
                return (one, many);
            }
        }
        unreachable!("numbers do not end")
    }
}

/// The name of a field, with that of its object where it says nothing without.
pub(super) fn of_path(path: &Path) -> String {
    let own = identifier(path.name());
    let Some(parent) = path.parent().last().map(|parent| identifier(parent)) else { return own };
    if WRAPPERS.contains(&&*parent) || own.starts_with(&parent) {
        return own;
    }
    shortened(&format!("{parent}_{own}"))
}

/// Lower-case letters, digits and underscores, a letter first.
pub(super) fn identifier(text: &str) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && after_lower {
            name.push('_');
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        match letter.is_ascii_alphanumeric() {
            true => name.push(letter.to_ascii_lowercase()),
            false => name.push('_'),
        }
    }
    let words = name.split('_').filter(|word| !word.is_empty());
    let word = |word: &str| {
        let appended = APPENDED.iter().find(|(appended, _)| *appended == word);
        appended.map_or(word.to_owned(), |(_, other)| (*other).to_owned())
    };
    let name = words.map(word).collect::<Vec<_>>().join("_");
    match name.chars().next() {
        None => "value".to_owned(),
        Some(first) if first.is_ascii_digit() => shortened(&format!("n{name}")),
        Some(_) => shortened(&name),
    }
}

fn shortened(name: &str) -> String {
    let name = name.get(..LENGTH_MAX).unwrap_or(name);
    name.trim_end_matches('_').to_owned()
}

/// What one of them is called.
pub(super) fn singular(name: &str) -> String {
    let cut = |ending: &str| name.strip_suffix(ending).filter(|rest| rest.len() > 1);
    if let Some(rest) = cut("ies") {
        return format!("{rest}y");
    }
    let sibilants = ["sses", "xes", "ches", "shes"];
    if sibilants.iter().any(|ending| name.ends_with(ending)) {
        return cut("es").unwrap_or(name).to_owned();
    }
    let whole = ["ss", "us", "is"].iter().any(|ending| name.ends_with(ending));
    cut("s").filter(|_| !whole).unwrap_or(name).to_owned()
}

/// What many of them are called.
pub(super) fn plural(name: &str) -> String {
    let vowel = |letter: char| "aeiou".contains(letter);
    match name.strip_suffix('y') {
        Some(rest) if !rest.ends_with(vowel) => return format!("{rest}ies"),
        _ => {}
    }
    let hisses = ["s", "x", "ch", "sh"].iter().any(|ending| name.ends_with(ending));
    format!("{name}{}", if hisses { "es" } else { "s" })
}

//! Messages by which people take back what they, or their programs, have said.

use serde_json::Value;

use super::{Part, Stream};

/// One kind of such messages. They are no facts: what was counted stays counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// They are skipped for this reason.
    pub skipped: &'static str,
    /// Columns of the facts that are meant, and where a message says what these have: at the first of some
    /// paths of names with dots between.
    pub columns: Vec<(usize, Vec<&'static str>)>,
}

impl Deletion {
    /// Whether it takes back everything of a person, and so the person, too.
    pub fn is_of_person(&self, stream: &Stream) -> bool {
        let actor = stream.actor.filter(|at| stream.personal.contains(&Part::Column(*at)));
        matches!(self.columns[..], [(column, _)] if Some(column) == actor)
    }

    /// What the facts that a message takes back have in the columns; `None` when it does not say.
    pub fn values(&self, payload: &[u8]) -> Option<Vec<String>> {
        let message: Value = serde_json::from_slice(payload).ok()?;
        let value = |paths: &Vec<&str>| paths.iter().find_map(|path| text_at(&message, path));
        self.columns.iter().map(|(_, paths)| value(paths)).collect()
    }
}

fn text_at(message: &Value, path: &str) -> Option<String> {
    match path.split('.').fold(message, |value, name| &value[name]) {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::tests::SIGHTINGS;

    #[test]
    fn a_message_says_which_facts_it_takes_back() {
        let columns = vec![(0, vec!["who", "payload.who"]), (4, vec!["bird.ring"])];
        let deletion = Deletion { skipped: "deleted", columns };
        let check = |message: &str, expected: Option<[&str; 2]>| {
            let values = deletion.values(message.as_bytes());
            assert_eq!(values, expected.map(|values| values.map(str::to_owned).to_vec()));
        };
        check(r#"{"who": "Ann", "bird": {"ring": -7}}"#, Some(["Ann", "-7"]));
        check(r#"{"payload": {"who": "Ann"}, "bird": {"ring": "7"}}"#, Some(["Ann", "7"]));
        check(r#"{"who": "Ann"}"#, None);
        check(r#"{"who": null, "bird": 7}"#, None);
        check("[", None);
    }

    #[test]
    fn who_takes_back_all_of_a_person_names_the_actor_alone() {
        let of = |columns: &[usize]| {
            let columns = columns.iter().map(|column| (*column, vec!["x"])).collect();
            Deletion { skipped: "deleted", columns }.is_of_person(&SIGHTINGS)
        };
        assert_eq!([of(&[0]), of(&[1]), of(&[0, 4]), of(&[])], [true, false, false, false]);
    }
}

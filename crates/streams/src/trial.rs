//! What becomes of one message, for people who want to see it: nothing is counted or stored.

use pulso_model::{Decoded, Fact, StoreOptions, Stream, Term, TimeLimits, Value, WallTime};
use serde_json::{Map, Value as Json, json};

use crate::Definition;

/// The outcome of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Trial {
    /// With its parts by name.
    Fact(Json),
    /// Well-formed, but not of this stream, for this reason.
    Skipped(String),
    DeadLetter {
        reason: &'static str,
        /// An error of the program as VRL shows it; else what is wrong with the message.
        detail: String,
    },
}

impl Definition {
    /// Decodes a message as the layers would once it is stored, whatever its time.
    pub fn try_message(&self, message: &[u8]) -> Trial {
        let decoder = self.decoder(TimeLimits::NONE);
        let options = StoreOptions { anonymize_addresses: false, host: None };
        let stored = decoder.stored(message, &options);
        let message = stored.as_deref().unwrap_or(message);
        match decoder.decode(message, WallTime(0)) {
            Ok(Decoded::Fact(fact)) => Trial::Fact(parts(self.stream, &fact)),
            Ok(Decoded::Skipped(reason)) => Trial::Skipped(reason.into_owned()),
            Err(dead_letter) => Trial::DeadLetter {
                reason: dead_letter.reason.name(),
                detail: self.explained(message).unwrap_or(dead_letter.to_string()),
            },
        }
    }

    /// An error of the program as VRL shows it.
    fn explained(&self, message: &[u8]) -> Option<String> {
        let program = self.program()?;
        let failure = program.run(message).err()?;
        program.show(&failure)
    }
}

/// A fact as JSON, with the names that the program gives its parts.
fn parts(stream: &Stream, fact: &Fact<'_>) -> Json {
    let mut parts = Map::new();
    parts.insert("time".to_owned(), fact.time.to_string().into());
    parts.insert("kind".to_owned(), stream.kind.values[usize::from(fact.kind)].into());
    if stream.scope.is_some() {
        parts.insert("scope".to_owned(), fact.scope.clone().into());
    }
    if !stream.sums.is_empty() {
        let sums = stream.sums.iter().zip(fact.sums);
        let sums = sums.map(|(name, sum)| ((*name).to_owned(), sum.into()));
        parts.insert("sums".to_owned(), Json::Object(sums.collect()));
    }
    if let Some(place) = fact.place {
        let place = json!({"lat": place.latitude(), "lon": place.longitude()});
        parts.insert("place".to_owned(), place);
    }
    let terms = stream.facets.iter().zip(&fact.terms).map(|(facet, terms)| {
        let term = |term: &Term<'_>| match term.key == term.name {
            true => Json::from(term.key.clone()),
            false => json!({"key": term.key, "name": term.name}),
        };
        (facet.term.many.to_owned(), terms.iter().map(term).collect())
    });
    let terms: Map<_, _> = terms.collect();
    if !terms.is_empty() {
        parts.insert("terms".to_owned(), terms.into());
    }
    let columns = stream.columns.iter().zip(&fact.columns);
    let columns = columns.map(|(column, value)| (column.name.to_owned(), column_json(value)));
    let columns: Map<_, _> = columns.filter(|(_, value)| !value.is_null()).collect();
    if !columns.is_empty() {
        parts.insert("columns".to_owned(), columns.into());
    }
    Json::Object(parts)
}

fn column_json(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::Texts(texts) => texts.iter().cloned().collect(),
        Value::Time(time) => time.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;

    #[track_caller]
    fn tried(stream: &str, message: &str) -> Trial {
        Streams::brought().get(stream).unwrap().try_message(message.as_bytes())
    }

    #[test]
    fn a_message_is_a_fact_with_its_parts_or_skipped_or_a_dead_letter() {
        let click = r#"{"t": 1492300800, "nk": 1, "c": "us", "g": "abc", "r": "direct", "u": "http://www.nasa.gov/x", "h": "abc", "hc": 1}"#;
        let Trial::Fact(fact) = tried("clicks", click) else { panic!("no fact") };
        assert_eq!((&fact["kind"], &fact["scope"]), (&json!("known"), &json!("US")));
        assert_eq!(fact["time"], "2017-04-16T00:00:00.000Z");
        assert_eq!(fact["terms"]["domains"], json!(["www.nasa.gov"]));
        let Trial::Skipped(reason) = tried("clicks", r#"{"_heartbeat_": 1492300800}"#) else {
            panic!("not skipped")
        };
        assert!(!reason.is_empty());
        let dead = tried("rsvps", "{");
        assert!(matches!(dead, Trial::DeadLetter { reason: "invalid_json", .. }), "{dead:?}");
    }

    #[test]
    fn an_error_of_the_program_is_told_as_vrl_shows_it() {
        let mailto =
            r#"{"nk":0,"g":"aaaa01","r":"direct","u":"mailto:x@example.org","t":1767572039}"#;
        let Trial::DeadLetter { reason: "program_error", detail } = tried("clicks", mailto) else {
            panic!("no error of the program")
        };
        assert!(detail.contains("decode.vrl") && detail.contains('^'), "{detail}");
    }
}

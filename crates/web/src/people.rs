//! Who people are, as far as answers may tell.

use std::fmt;

use pulso_model::{Field, FieldType, Personal, Stream, View};
use pulso_runtime::Config;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What of a message that could not be read may say anything of anybody.
const OF_DEAD_LETTERS: [&str; 3] = ["detail", "payload", "payload_hex"];

/// Bytes of a pseudonym before the hidden text.
const TAG_BYTES: usize = 16;

/// Hidden texts are filled up to a multiple, so that their length says little.
const BLOCK_BYTES: usize = 16;

/// A byte that no text has.
const FILL: u8 = 0xff;

/// Whether answers say who people are, and pseudonyms where they do not.
///
/// A pseudonym is the text itself, sealed with a key that only this process has: equal texts have one
/// pseudonym as long as the server runs, nobody else can compute or read it, and the server can, when it
/// comes back in a request. So nothing need be remembered.
#[derive(Clone)]
pub struct People {
    shown: bool,
    key: [u8; 32],
}

/// The fields of a view that say who a person is, where that is not shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hidden {
    fields: Vec<(&'static Field, Personal)>,
    /// Whether the `_id` is made from one of them.
    id: bool,
}

impl fmt::Debug for People {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("People").field("shown", &self.shown).finish_non_exhaustive()
    }
}

impl From<&Config> for People {
    fn from(config: &Config) -> Self {
        let shown = config.privacy.shows_members(config.web.listen);
        Self { shown, key: rand::random() }
    }
}

impl People {
    pub fn shown(&self) -> bool {
        self.shown
    }

    /// What answers about a view must not say.
    pub(crate) fn hidden(&self, view: View, stream: Option<&Stream>) -> Hidden {
        if self.shown {
            return Hidden::default();
        }
        let fields = match stream {
            Some(stream) => stream.personal_fields(view),
            None if view == View::DEAD_LETTERS => {
                let fields = view.fields().iter();
                let fields = fields.filter(|field| OF_DEAD_LETTERS.contains(&field.name));
                fields.map(|field| (field, Personal::Detail)).collect()
            }
            None => Vec::new(),
        };
        let in_key = |name: &str| view.key().iter().any(|key| key.name() == name);
        let id = fields.iter().any(|(field, _)| in_key(field.name));
        Hidden { fields, id }
    }

    /// What a text is called where it must not be read.
    pub(crate) fn pseudonym(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), FILL);
        let tag = self.tag(&bytes);
        self.mask(&tag, &mut bytes);
        let mut pseudonym = String::with_capacity(1 + 2 * (TAG_BYTES + bytes.len()));
        pseudonym.push('p');
        for byte in tag.iter().chain(&bytes) {
            pseudonym.push_str(&format!("{byte:02x}"));
        }
        pseudonym
    }

    /// The text behind a pseudonym. What is none is nobody's, so it stands for a text that does not exist.
    pub(crate) fn text(&self, pseudonym: &str) -> String {
        self.open(pseudonym).unwrap_or_else(|| self.pseudonym(pseudonym))
    }

    fn open(&self, pseudonym: &str) -> Option<String> {
        let (pairs, rest) = pseudonym.strip_prefix('p')?.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Vec<_> = pairs.iter().map(byte).collect::<Option<_>>()?;
        let (tag, hidden) = bytes.split_first_chunk::<TAG_BYTES>().filter(|_| rest.is_empty())?;
        let mut bytes = hidden.to_vec();
        self.mask(tag, &mut bytes);
        if self.tag(&bytes) != *tag {
            return None;
        }
        let length = bytes.iter().rposition(|byte| *byte != FILL).map_or(0, |last| last + 1);
        bytes.truncate(length);
        String::from_utf8(bytes).ok()
    }

    /// Depends on the text and the key, so equal texts have equal pseudonyms and a changed one is noticed: a
    /// synthetic initialization vector, as in RFC 5297.
    fn tag(&self, bytes: &[u8]) -> [u8; TAG_BYTES] {
        let digest = Sha256::new().chain_update(self.key).chain_update([0]).chain_update(bytes);
        let digest: [u8; 32] = digest.finalize().into();
        *digest.first_chunk().expect("a digest is longer")
    }

    /// Adds a stream of bytes that depends on the tag and the key; the second time takes it away.
    fn mask(&self, tag: &[u8; TAG_BYTES], bytes: &mut [u8]) {
        for (number, block) in (0_u64..).zip(bytes.chunks_mut(32)) {
            let mask = Sha256::new().chain_update(self.key).chain_update([1]).chain_update(tag);
            let mask = mask.chain_update(number.to_be_bytes()).finalize();
            block.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        }
    }

    /// The `_id` of a document as it is shown.
    pub(crate) fn id(&self, hidden: &Hidden, id: String) -> String {
        if hidden.id { self.pseudonym(&id) } else { id }
    }

    /// The `_id` behind one that was shown.
    pub(crate) fn stored_id(&self, hidden: &Hidden, id: String) -> String {
        if hidden.id { self.text(&id) } else { id }
    }

    /// A document's body without what is hidden; `None` if it is no object.
    pub(crate) fn body(&self, hidden: &Hidden, body: &str) -> Option<String> {
        let mut document: Map<String, Value> = serde_json::from_str(body).ok()?;
        for (field, personal) in &hidden.fields {
            self.hide(&mut document, field.name, *personal);
        }
        Some(Value::Object(document).to_string())
    }

    fn hide(&self, object: &mut Map<String, Value>, name: &str, personal: Personal) {
        if let Some((parent, name)) = name.split_once('.') {
            let Some(Value::Object(inner)) = object.get_mut(parent) else { return };
            self.hide(inner, name, personal);
            if inner.is_empty() {
                object.remove(parent);
            }
            return;
        }
        match (personal, object.get_mut(name)) {
            (Personal::Detail, _) => drop(object.remove(name)),
            (Personal::Id, Some(Value::Array(list))) => {
                list.iter_mut().for_each(|one| self.seal(one))
            }
            (Personal::Id, Some(value)) => self.seal(value),
            (Personal::Id, None) => {}
        }
    }

    fn seal(&self, value: &mut Value) {
        let pseudonym = match &*value {
            Value::Null => return,
            Value::String(text) => self.pseudonym(text),
            other => self.pseudonym(&other.to_string()),
        };
        *value = Value::String(pseudonym);
    }
}

impl Hidden {
    /// Whether documents can be shown as they are stored.
    pub(crate) fn nothing(&self) -> bool {
        self.fields.is_empty()
    }

    /// What a field becomes; `None` for one that is shown as it is.
    pub(crate) fn of(&self, name: &str) -> Option<Personal> {
        self.fields.iter().find(|(field, _)| field.name == name).map(|(_, personal)| *personal)
    }

    /// The type that a field is shown with; `None` if it is left out.
    pub(crate) fn shown_as(&self, field: &Field) -> Option<FieldType> {
        match self.of(field.name) {
            Some(personal) => personal.shown_as(field.field_type),
            None => Some(field.field_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_are_read_by_the_process_that_made_them_alone() {
        let config = Config::default();
        let (people, others) = (People::from(&config), People::from(&config));
        for text in ["", "8", "did:plc:z72i7hdynmk6r22z27h6tvur", "sixteen letters!", "é/ü"] {
            let pseudonym = people.pseudonym(text);
            assert_eq!(people.text(&pseudonym), text);
            assert_eq!(people.pseudonym(text), pseudonym, "equal texts have one pseudonym");
            assert_ne!(others.pseudonym(text), pseudonym);
            assert_eq!(others.open(&pseudonym), None);
            let mut shorter = pseudonym.clone();
            shorter.pop();
            let changed = format!("{shorter}x");
            shorter.pop();
            for none in [&*changed, text, "p", "p00", &shorter] {
                assert_eq!(people.open(none), None, "{none}");
                assert_ne!(
                    people.text(none),
                    none,
                    "what is asked for is never looked up as it is"
                );
            }
        }
        assert_eq!(people.pseudonym("7").len(), people.pseudonym("1234567").len());
    }
}

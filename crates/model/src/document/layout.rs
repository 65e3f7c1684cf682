//! How the fields of a view stand in its documents, for whichever layer writes them.

use crate::View;

/// Writes the documents of one view, field by field in the order of [`View::fields`].
#[derive(Clone, Debug)]
pub struct Layout {
    places: Vec<Place>,
    /// The length of the longest document so far: room for the next, as one too small is copied.
    length: usize,
}

/// Where a field stands in a document, and how it is called there.
#[derive(Clone, Debug)]
struct Place {
    /// The object that holds it, as JSON with its colon; documents nest one level deep, locations
    /// apart.
    parent: Option<String>,
    /// As JSON with its colon.
    name: String,
}

impl Layout {
    pub fn new(view: View) -> Self {
        let place = |name: &str| match name.split_once('.') {
            Some((parent, name)) => Place { parent: Some(member(parent)), name: member(name) },
            None => Place { parent: None, name: member(name) },
        };
        Self { places: view.fields().iter().map(|field| place(field.name)).collect(), length: 0 }
    }

    /// One document. `push` writes the value of the field with this index; false, and nothing, when
    /// there is none: such fields are left out, and objects that would be empty.
    pub fn write(&mut self, push: impl Fn(usize, &mut String) -> bool) -> String {
        let mut body = String::with_capacity(self.length);
        body.push('{');
        let mut open: Option<&str> = None;
        for (index, place) in self.places.iter().enumerate() {
            let before = (body.len(), open);
            if open != place.parent.as_deref() {
                if open.is_some() {
                    body.push('}');
                }
                open = place.parent.as_deref();
                if let Some(parent) = open {
                    push_member(parent, &mut body);
                    body.push('{');
                }
            }
            push_member(&place.name, &mut body);
            if !push(index, &mut body) {
                body.truncate(before.0);
                open = before.1;
            }
        }
        body.push_str(if open.is_some() { "}}" } else { "}" });
        self.length = self.length.max(body.len());
        body
    }
}

fn member(name: &str) -> String {
    format!("\"{name}\":")
}

fn push_member(member: &str, body: &mut String) {
    if !body.ends_with('{') {
        body.push(',');
    }
    body.push_str(member);
}

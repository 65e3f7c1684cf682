//! Which documents a question is about, by what they say.

/// Documents with one of some texts in a field; of a list, one item is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// A field that is a text or a list of texts.
    pub field: &'static str,
    /// No document passes where there are none.
    pub texts: Vec<String>,
}

impl Filter {
    /// Documents with this text in a field.
    pub fn is(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, texts: vec![text.into()] }
    }
}

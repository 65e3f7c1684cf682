//! The streams that a program knows, by name.

#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use pulso_model::{Decode, Decoder, Stream, TimeLimits, View};

use crate::{BROUGHT, Brought, descriptor};

/// One stream: what it is, and how its messages are decoded.
#[derive(Clone, Debug)]
pub struct Definition {
    pub stream: &'static Stream,
    program: Arc<dyn Decode>,
}

/// Some streams. Their views have different names.
#[derive(Clone, Debug)]
pub struct Streams {
    all: Vec<Definition>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no stream `{name}`")]
pub struct UnknownStream {
    name: String,
    known: Vec<&'static str>,
}

impl UnknownStream {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        format!("there are {}", self.known.join(", "))
    }
}

impl Definition {
    /// Decodes its messages, with these limits of time.
    pub fn decoder(&self, limits: TimeLimits) -> Decoder {
        Decoder::new(self.stream, Arc::clone(&self.program), limits)
    }
}

impl Streams {
    /// The streams that Pulso brings.
    pub fn brought() -> Self {
        static ALL: LazyLock<Vec<Definition>> =
            LazyLock::new(|| BROUGHT.iter().map(definition).collect());
        Self { all: ALL.clone() }
    }

    /// The stream of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Definition, UnknownStream> {
        let found = self.all.iter().find(|definition| definition.stream.name == name);
        found.ok_or_else(|| {
            let known = self.iter().map(|definition| definition.stream.name).collect();
            UnknownStream { name: name.to_owned(), known }
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.all.iter()
    }

    /// All their views, and the journals.
    pub fn views(&self) -> Vec<View> {
        let own = self.iter().flat_map(|definition| definition.stream.views());
        own.chain(View::JOURNALS).collect()
    }

    /// The view of a name.
    pub fn view(&self, name: &str) -> Option<View> {
        self.views().into_iter().find(|view| view.name() == name)
    }
}

/// # Panics
/// When the program was built with a wrong descriptor; a test reads all of them.
fn definition(brought: &Brought) -> Definition {
    let file = |name: &str| {
        let found = brought.files.iter().find(|(file, _)| *file == name);
        found.map(|(_, text)| (*text).to_owned())
    };
    let descriptor = descriptor::read(brought.descriptor, &file).unwrap_or_else(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("a stream that Pulso brings is described wrongly: {}", problems.join("; "))
    });
    let program = brought.decoder.map(|decoder| decoder());
    let program = program.expect("a stream that Pulso brings has a decoder");
    Definition { stream: Box::leak(Box::new(descriptor.stream)), program }
}

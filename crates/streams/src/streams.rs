//! The streams that a program knows, by name.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use pulso_model::{Decode, Decoder, Stream, TimeLimits, View};

use crate::folder::{self, FileProblem, Folder};
use crate::program::Program;
use crate::{BROUGHT, Brought, descriptor};

/// One stream: what it is, and how its messages are decoded.
#[derive(Clone, Debug)]
pub struct Definition {
    pub stream: &'static Stream,
    /// Where it was read; `None` for a stream that Pulso brings.
    pub folder: Option<PathBuf>,
    variants: &'static Variants,
    decode: Arc<dyn Decode>,
    program: Option<Arc<Program>>,
}

/// A stream with and without its single facts, and with and without its sessions: as it says, never, always.
type Variants = [[Stream; 3]; 3];

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
    /// A stream that is decoded in Rust.
    fn native(stream: &'static Stream, decode: Arc<dyn Decode>) -> Self {
        Self::new(stream, decode, None)
    }

    /// A stream that is decoded by a program.
    pub(crate) fn declared(stream: &'static Stream, program: Program) -> Self {
        let program = Arc::new(program);
        let decode: Arc<dyn Decode> = Arc::<Program>::clone(&program);
        Self::new(stream, decode, Some(program))
    }

    fn new(
        stream: &'static Stream,
        decode: Arc<dyn Decode>,
        program: Option<Arc<Program>>,
    ) -> Self {
        const CHOICES: [Option<bool>; 3] = [None, Some(false), Some(true)];
        let variants =
            CHOICES.map(|facts| CHOICES.map(|sessions| variant(stream, facts, sessions)));
        let variants: &'static Variants = Box::leak(Box::new(variants));
        Self { stream: &variants[0][0], folder: None, variants, decode, program }
    }

    /// The stream with all that it declares, also what is off.
    pub fn whole(&self) -> &'static Stream {
        &self.variants[2][2]
    }

    /// The program that decodes its messages; `None` when that is done in Rust.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_deref()
    }

    pub(crate) fn decode(&self) -> Arc<dyn Decode> {
        Arc::clone(&self.decode)
    }

    /// The same stream with or without the view of single facts, and sessions; `None` is as it says itself.
    #[must_use]
    pub fn showing(self, facts: Option<bool>, sessions: Option<bool>) -> Self {
        let at = |choice: Option<bool>| choice.map_or(0, |shown| 1 + usize::from(shown));
        Self { stream: &self.variants[at(facts)][at(sessions)], ..self }
    }

    /// Decodes its messages, with these limits of time.
    pub fn decoder(&self, limits: TimeLimits) -> Decoder {
        Decoder::new(self.stream, Arc::clone(&self.decode), limits)
    }

    /// Kibana objects that the stream brings of its own, one JSON text a line, for indices whose names
    /// begin with `pulso`. Those of other streams are made from the descriptor.
    pub fn kibana_objects(&self) -> Option<&'static str> {
        let of_this = |brought: &&Brought| brought.folder == self.stream.name;
        let brought = BROUGHT.iter().find(of_this).filter(|_| self.folder.is_none())?;
        brought.files.iter().find(|(name, _)| *name == "kibana.ndjson").map(|(_, text)| *text)
    }
}

fn variant(stream: &Stream, facts: Option<bool>, sessions: Option<bool>) -> Stream {
    let mut variant = stream.clone();
    variant.facts_view.shown = facts.unwrap_or(stream.facts_view.shown);
    variant.sessions.retain(|session| sessions.unwrap_or(session.shown));
    variant
}

impl Streams {
    /// The streams that Pulso brings.
    pub fn brought() -> Self {
        static ALL: LazyLock<Vec<Definition>> =
            LazyLock::new(|| BROUGHT.iter().map(definition).collect());
        Self { all: ALL.clone() }
    }

    /// These and the ones declared in folders. With everything that is wrong with those that are left
    /// out, such as a name that another stream or view has.
    #[must_use]
    pub fn with_folders(mut self, folders: &[Folder]) -> (Self, Vec<FileProblem>) {
        let mut problems = Vec::new();
        for folder in folders {
            let read = folder.stream().and_then(|definition| {
                let clashes = self.clashes(folder, definition.whole());
                if clashes.is_empty() { Ok(definition) } else { Err(clashes) }
            });
            match read {
                Ok(definition) => self.all.push(definition),
                Err(found) => problems.extend(found),
            }
        }
        problems.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        (self, problems)
    }

    /// Names of a stream and its views that others have.
    fn clashes(&self, folder: &Folder, stream: &Stream) -> Vec<FileProblem> {
        if self.get(stream.name).is_ok() {
            let message = format!("there is a stream `{stream}` already; choose another `name`");
            return vec![folder.problem(&[stream.name], message)];
        }
        let mut problems = Vec::new();
        let owners: BTreeMap<_, _> =
            self.views().into_iter().map(|view| (view.name(), view.stream())).collect();
        for view in stream.views() {
            if let Some(owner) = owners.get(view.name()) {
                let owner = owner.map_or("every stream".to_owned(), |name| format!("`{name}`"));
                let message = format!("there is a view `{view}` already, of {owner}");
                problems.push(folder.problem(&words(stream, view), message));
            }
        }
        problems
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

    /// All views that they declare, and the journals.
    pub fn views(&self) -> Vec<View> {
        let own = self.iter().flat_map(|definition| definition.whole().views());
        own.chain(View::JOURNALS).collect()
    }

    /// The view of a name.
    pub fn view(&self, name: &str) -> Option<View> {
        self.views().into_iter().find(|view| view.name() == name)
    }
}

/// What of a descriptor may make the name of a view.
fn words(stream: &Stream, view: View) -> Vec<&'static str> {
    let mut facets = stream.facets.iter();
    let facet = facets.find(|facet| facet.view == view || facet.by_scope_view == Some(view));
    let fact = if view == stream.facts_view.view { stream.fact.many } else { stream.fact.one };
    vec![view.name(), facet.map_or(fact, |facet| facet.term.many)]
}

/// # Panics
/// When the program was built with a wrong stream; a test reads all of them.
fn definition(brought: &Brought) -> Definition {
    let file = |name: &str| {
        let found = brought.files.iter().find(|(file, _)| *file == name);
        found.map(|(_, text)| (*text).to_owned())
    };
    let read = match brought.decoder {
        Some(decoder) => descriptor::read(brought.descriptor, &file)
            .map(|read| Definition::native(Box::leak(Box::new(read.stream)), decoder()))
            .map_err(|problems| folder::of_file("stream.toml", problems)),
        None => folder::declared(brought.descriptor, &file, |stream, format, file, source| {
            Ok(Program::later(stream, format, file, source))
        }),
    };
    read.unwrap_or_else(|problems| {
        let problems = problems.into_iter().map(|problem| problem.within(brought.folder.as_ref()));
        let problems: Vec<_> = problems.map(|problem| problem.to_string()).collect();
        panic!("a stream that Pulso brings is wrong: {}", problems.join("\n"))
    })
}

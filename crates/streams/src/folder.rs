//! Streams that users declare: folders with `stream.toml`, `decode.vrl` and the SQL of their jobs.
//!
//! Takes the texts of the files, from wherever they were read, and tells everything that is wrong with
//! them at once.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use pulso_model::Stream;

use crate::descriptor::{self, MessageFormat, Problem};
use crate::program::Program;
use crate::streams::Definition;

/// The file that makes a folder a stream.
const DESCRIPTOR: &str = "stream.toml";

/// The program, unless the descriptor names another file.
pub(crate) const PROGRAM: &str = "decode.vrl";

/// A folder with the files of a stream.
#[derive(Clone, Debug)]
pub struct Folder {
    pub path: PathBuf,
    /// The texts of its files, by name. Not those in folders below: it can be copied as a whole.
    pub files: BTreeMap<String, String>,
}

/// What is wrong with a file of a declared stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    pub file: PathBuf,
    /// From 1; `None` when it is the file itself.
    pub line: Option<usize>,
    pub message: String,
}

impl FileProblem {
    /// The same, where the file's name is one in a folder.
    pub(crate) fn within(self, folder: &Path) -> Self {
        Self { file: folder.join(self.file), ..self }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message } = self;
        match line {
            Some(line) => write!(formatter, "{}:{line}: {message}", file.display()),
            None => write!(formatter, "{}: {message}", file.display()),
        }
    }
}

impl Folder {
    /// Whether a folder with these files is meant to be a stream.
    pub fn is_stream(&self) -> bool {
        [DESCRIPTOR, PROGRAM].iter().any(|name| self.files.contains_key(*name))
    }

    pub(crate) fn stream(&self) -> Result<Definition, Vec<FileProblem>> {
        let Some(text) = self.files.get(DESCRIPTOR) else {
            let message = "it is missing: it describes the stream".to_owned();
            let file = self.path.join(DESCRIPTOR);
            return Err(vec![FileProblem { file, line: None, message }]);
        };
        let file = |name: &str| self.files.get(name).cloned();
        let found = declared(text, &file, Program::compile);
        let within = |problem: FileProblem| problem.within(&self.path);
        let mut definition =
            found.map_err(|problems| problems.into_iter().map(within).collect::<Vec<_>>())?;
        definition.folder = Some(self.path.clone());
        Ok(definition)
    }

    /// A problem of its descriptor, in the first line that has one of these texts.
    pub(crate) fn problem(&self, words: &[&str], message: String) -> FileProblem {
        let text = self.files.get(DESCRIPTOR).map_or("", String::as_str);
        let line_of = |word: &&str| {
            let quoted = format!("\"{word}\"");
            text.lines().position(|line| line.contains(&quoted))
        };
        let line = words.iter().find_map(line_of).map_or(1, |index| index + 1);
        FileProblem { file: self.path.join(DESCRIPTOR), line: Some(line), message }
    }
}

/// Makes a program for a stream from its format, its file and its source.
type MakeProgram = fn(&'static Stream, MessageFormat, &str, &str) -> Result<Program, Vec<Problem>>;

/// A declared stream from the texts of its files: `file` gives that of a file beside the descriptor.
///
/// # Errors
/// Every problem of descriptor and program.
pub(crate) fn declared(
    text: &str,
    file: &dyn Fn(&str) -> Option<String>,
    make_program: MakeProgram,
) -> Result<Definition, Vec<FileProblem>> {
    let descriptor = match descriptor::read(text, file) {
        Ok(descriptor) => descriptor,
        Err(problems) => {
            let mut problems = of_file(DESCRIPTOR, problems);
            // Without a stream to hold it against, VRL itself still has something to say of a program.
            if let Some(source) = file(PROGRAM) {
                problems.extend(of_file(PROGRAM, Program::problems_alone(PROGRAM, &source)));
            }
            return Err(problems);
        }
    };
    let name = descriptor.decode.as_deref().unwrap_or(PROGRAM);
    let Some(source) = file(name) else {
        let line = text.lines().position(|line| line.trim_start().starts_with("decode"));
        let message = format!("there is no file `{name}` with the program that decodes");
        let problem = Problem { line: line.map_or(1, |index| index + 1), message };
        return Err(of_file(DESCRIPTOR, vec![problem]));
    };
    let stream = Box::leak(Box::new(descriptor.stream));
    let program = make_program(stream, descriptor.message, name, &source);
    program
        .map(|program| Definition::declared(stream, program))
        .map_err(|problems| of_file(name, problems))
}

pub(crate) fn of_file(name: &str, problems: Vec<Problem>) -> Vec<FileProblem> {
    let problem =
        |Problem { line, message }| FileProblem { file: name.into(), line: Some(line), message };
    problems.into_iter().map(problem).collect()
}

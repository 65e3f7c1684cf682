//! Streams that users declare: folders with `stream.toml`, `decode.vrl` and the SQL of their jobs.
//!
//! They are read once, at a start, and everything that is wrong with any of them is told at once.

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::descriptor::{self, Problem};
use crate::program::Program;
use crate::streams::Definition;

/// The file that makes a folder a stream.
const DESCRIPTOR: &str = "stream.toml";

/// The program, unless the descriptor names another file.
const PROGRAM: &str = "decode.vrl";

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

/// A stream of a folder, and the text of its descriptor.
pub(crate) struct Found {
    pub(crate) definition: Definition,
    file: PathBuf,
    text: String,
}

impl Found {
    /// A problem of its descriptor, in the first line that has one of these texts.
    pub(crate) fn problem(&self, words: &[&str], message: String) -> FileProblem {
        let line_of = |word: &&str| {
            let quoted = format!("\"{word}\"");
            self.text.lines().position(|line| line.contains(&quoted))
        };
        let line = words.iter().find_map(line_of).map_or(1, |index| index + 1);
        FileProblem { file: self.file.clone(), line: Some(line), message }
    }
}

/// Reads all streams of a folder, in the order of the names of their folders.
pub(crate) fn read(directory: &Path, problems: &mut Vec<FileProblem>) -> Vec<Found> {
    match folders(directory) {
        Ok(folders) => folders.iter().filter_map(|folder| stream(folder, problems)).collect(),
        Err(error) => {
            let message = format!("failed to read the folder of streams: {error}");
            problems.push(FileProblem { file: directory.to_owned(), line: None, message });
            Vec::new()
        }
    }
}

fn folders(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.join(DESCRIPTOR).is_file() || path.join(PROGRAM).is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn stream(folder: &Path, problems: &mut Vec<FileProblem>) -> Option<Found> {
    let file = folder.join(DESCRIPTOR);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("failed to read the descriptor of a stream: {error}");
            problems.push(FileProblem { file, line: None, message });
            return None;
        }
    };
    // Only files of the folder itself: it can be copied as a whole.
    let beside = |name: &str| {
        let inside = !name.contains(['/', '\\']);
        inside.then(|| fs::read_to_string(folder.join(name)).ok()).flatten()
    };
    match declared(&text, &beside) {
        Ok(mut definition) => {
            definition.folder = Some(folder.to_owned());
            Some(Found { definition, file, text })
        }
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| problem.within(folder)));
            None
        }
    }
}

/// A declared stream from the texts of its files: `file` gives that of a file beside the descriptor.
///
/// # Errors
/// Every problem of descriptor and program.
pub(crate) fn declared(
    text: &str,
    file: &dyn Fn(&str) -> Option<String>,
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
    let program = Program::compile(stream, descriptor.message, name, &source);
    program
        .map(|program| Definition::declared(stream, program))
        .map_err(|problems| of_file(name, problems))
}

pub(crate) fn of_file(name: &str, problems: Vec<Problem>) -> Vec<FileProblem> {
    let problem =
        |Problem { line, message }| FileProblem { file: name.into(), line: Some(line), message };
    problems.into_iter().map(problem).collect()
}

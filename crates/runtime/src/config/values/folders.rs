//! Reads the folders of declared streams.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pulso_streams::{FileProblem, Folder};

/// The default, which need not be there.
const DEFAULT: &str = "streams";

/// The streams of a folder, in the order of the names of their folders, and what could not be read.
pub(super) fn read(directory: &Path) -> (Vec<Folder>, Vec<FileProblem>) {
    match folders(directory) {
        Ok(folders) => (folders, Vec::new()),
        Err((_, error))
            if directory == Path::new(DEFAULT) && error.kind() == io::ErrorKind::NotFound =>
        {
            (Vec::new(), Vec::new())
        }
        Err((file, error)) => {
            let message = format!("failed to read: {error}");
            (Vec::new(), vec![FileProblem { file, line: None, message }])
        }
    }
}

fn folders(directory: &Path) -> Result<Vec<Folder>, (PathBuf, io::Error)> {
    let mut folders = Vec::new();
    for path in paths(directory)?.into_iter().filter(|path| path.is_dir()) {
        let mut files = BTreeMap::new();
        for file in paths(&path)?.into_iter().filter(|file| is_text(file)) {
            let text = fs::read_to_string(&file).map_err(|error| (file.clone(), error))?;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, text);
        }
        folders.push(Folder { path, files });
    }
    folders.retain(Folder::is_stream);
    Ok(folders)
}

/// What a stream is made of; samples may lie beside.
fn is_text(file: &Path) -> bool {
    let extension = file.extension().unwrap_or_default();
    ["toml", "vrl", "sql"].iter().any(|text| extension == *text) && file.is_file()
}

/// What lies in a folder, sorted.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

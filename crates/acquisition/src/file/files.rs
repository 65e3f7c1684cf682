//! All files of one source: finds them, and knows which one has which content.
//!
//! | what is found | what it is |
//! | --- | --- |
//! | a file whose device, inode and content fit a place | that file, whatever its name is now |
//! | one that begins with all that was read of a file which is gone, or is now written anew | its copy: goes on there |
//! | one that is the beginning of a file that is there, and is named after it | a copy (as `copytruncate` and `gzip` make it): left out |
//! | any other | new: read from its beginning |
//!
//! A copy is looked at again when it has grown, a compressed file once it no longer grows or has not for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use glob::MatchOptions;
use pulso_pipeline::observe;
use pulso_runtime::chain;
use tracing::{error, info, warn};

use super::followed::{Followed, Line, Look};
use super::opened::{Fit, Opened};
use super::place::{Place, Places};
use crate::COMPONENT;

/// How many files are followed at once. More wait until others are gone.
const FILES_MAX: usize = 256;

/// How many files are remembered that are gone: a copy of one may still turn up.
const GONE_MAX: usize = 16;

/// How often files are searched while there is always something to read: once in so many looks.
const LOOKS_PER_SEARCH: u32 = 16;

/// After so many searches without it a file that was deleted is left, and one that cannot be found is gone.
const SEARCHES_MISSED: u32 = 20;

/// After so many searches a copy that is there is found, compressed or not.
const SEARCHES_SETTLED: u32 = 4;

/// After so many searches without it a file is left that has another name now: it may still be written to.
const SEARCHES_MOVED: u32 = 2400;

/// A compressed file that was last written to before this time is whole at first sight, so that older ones can be read
/// first at a start.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// A file by its device and inode.
type Id = (u64, u64);

#[derive(Debug)]
pub(super) struct Files {
    stream: &'static str,
    source: Arc<str>,
    patterns: Vec<String>,
    bytes_max: usize,
    /// Whether what is found is new since it was read; otherwise it was there before the first start.
    skips: bool,
    /// How many lines were given.
    number: u64,
    followed: Vec<Followed>,
    /// Copies of files that are followed, with their sizes.
    copies: BTreeMap<Id, u64>,
    /// Compressed files and their sizes when they were last looked at.
    growing: BTreeMap<Id, u64>,
    /// Files that are not followed for some reason, which was said.
    refused: BTreeSet<PathBuf>,
    looks: u32,
    /// Whose turn it is.
    turn: usize,
    idle: bool,
    /// Whether all that was there at the start is read. Until then older files are read first.
    caught_up: bool,
}

/// Lines of one file that follow one another.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) lines: Vec<Line>,
    /// The number of the first one.
    pub(super) number: u64,
    /// Where the other files are.
    pub(super) others: Vec<Place>,
    /// Whether there is nothing more for now.
    pub(super) idle: bool,
}

/// A file that is not followed yet.
struct Found {
    id: Id,
    path: PathBuf,
    size: u64,
    modified: SystemTime,
}

impl Found {
    /// Whether nothing has been written to it for a while; a clock that was set back does not tell.
    fn is_settled(&self) -> bool {
        self.modified.elapsed().is_ok_and(|since| since >= SETTLED_AFTER)
    }
}

impl Files {
    /// Goes on from where the files were; without that, from their beginnings or, if it `skips`, their ends.
    pub(super) fn new(
        (stream, source): (&'static str, Arc<str>),
        patterns: &[String],
        bytes_max: usize,
        skips: bool,
        last: Option<Places>,
    ) -> Self {
        observe::followed(stream, &source);
        let skips = skips && last.is_none();
        let Places { number, places } = last.unwrap_or_default();
        let gone = |place| Followed::new(place, PathBuf::new(), None);
        Self {
            stream,
            source,
            patterns: patterns.to_vec(),
            bytes_max,
            skips,
            number,
            followed: places.into_iter().map(gone).collect(),
            copies: BTreeMap::new(),
            growing: BTreeMap::new(),
            refused: BTreeSet::new(),
            looks: 0,
            turn: 0,
            idle: true,
            caught_up: false,
        }
    }

    /// Gives the next lines, if there are any.
    pub(super) fn step(&mut self) -> Step {
        self.looks += 1;
        if (self.idle || self.looks.is_multiple_of(LOOKS_PER_SEARCH))
            && let Some(step) = self.search()
        {
            return step;
        }
        self.idle = false;
        for index in 0..self.followed.len() {
            let turn = if self.caught_up { self.turn + 1 } else { index };
            self.turn = turn % self.followed.len();
            let followed = &mut self.followed[self.turn];
            match followed.look(self.bytes_max) {
                Ok(Look::Nothing) => {}
                Ok(Look::More) => return Step::default(),
                Ok(Look::Lines(lines)) => return self.give(self.turn, lines),
                Ok(Look::Replaced) => {
                    self.leave(self.turn, false);
                    // It is looked at again at once, before anything else is read.
                    self.idle = true;
                    return Step::default();
                }
                Err(error) => {
                    let path = followed.path.clone();
                    self.report(&path, &error);
                }
            }
        }
        (self.idle, self.caught_up) = (true, true);
        Step { idle: true, ..Step::default() }
    }

    fn give(&mut self, index: usize, lines: Vec<Line>) -> Step {
        let number = self.number + 1;
        self.number += lines.len() as u64;
        let others = self
            .followed
            .iter()
            .enumerate()
            .filter(|(other, followed)| *other != index && followed.place.offset > 0);
        let others = others.map(|(_, followed)| followed.place.clone()).collect();
        Step { lines, number, others, idle: false }
    }

    fn leave(&mut self, index: usize, left: bool) {
        let mut followed = self.followed.remove(index);
        followed.leave(left);
        // Behind those that left before it.
        if followed.place.offset > 0 {
            self.followed.push(followed);
        }
        // One of the copies has the content now.
        self.copies.clear();
        self.growing.clear();
    }

    /// Forgets those that are gone for longest, and first those of which nothing is missing.
    fn forget(&mut self) {
        let gone = self.followed.iter().filter(|followed| followed.opened.is_none()).count();
        let mut surplus = gone.saturating_sub(GONE_MAX);
        for left in [true, false] {
            self.followed.retain(|followed| {
                let Followed { opened, missed, place, .. } = followed;
                let gone = opened.is_none() && *missed >= SEARCHES_SETTLED && place.left == left;
                let forgotten = surplus > 0 && gone;
                surplus -= usize::from(forgotten);
                !forgotten
            });
        }
    }

    /// Finds out which files are there. Gives what is left of one that is gone.
    fn search(&mut self) -> Option<Step> {
        let found = self.find();
        let mut unknown = self.recognise(found);
        // A copy has a longer name, and is known as one only beside its original.
        unknown.sort_by_key(|found| (found.path.as_os_str().len(), found.modified));
        for found in unknown {
            let path = found.path.clone();
            match self.classify(found) {
                Ok(()) => {}
                Err(error) => self.report(&path, &error),
            }
        }
        self.skips = false;
        if !self.caught_up {
            self.followed.sort_by_cached_key(Followed::age);
        }
        self.forget();
        self.miss()
    }

    fn find(&mut self) -> Vec<Found> {
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
        let mut found = BTreeMap::new();
        for pattern in self.patterns.clone() {
            let Ok(paths) = glob::glob_with(&pattern, options) else { continue };
            for path in paths {
                let looked = path.map_err(|error| (error.path().to_owned(), error.into()));
                let looked = looked.and_then(|path| match std::fs::metadata(&path) {
                    Ok(metadata) => Ok((path, metadata)),
                    Err(error) => Err((path, error)),
                });
                match looked {
                    Ok((path, metadata)) if metadata.is_file() => {
                        let id = (metadata.dev(), metadata.ino());
                        let size = metadata.len();
                        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                        found.entry(id).or_insert(Found { id, path, size, modified });
                    }
                    Ok(_) => {}
                    // It was renamed or deleted meanwhile.
                    Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
                    Err((path, error)) => self.report(&path, &error),
                }
            }
        }
        found.into_values().collect()
    }

    /// Tells those apart that are followed already; gives the others.
    fn recognise(&mut self, found: Vec<Found>) -> Vec<Found> {
        let mut unknown = Vec::new();
        for followed in &mut self.followed {
            followed.missed = followed.missed.saturating_add(1);
        }
        for found in found {
            let open =
                |followed: &&mut Followed| followed.opened.is_some() && followed.id() == found.id;
            if let Some(followed) = self.followed.iter_mut().find(open) {
                (followed.missed, followed.path) = (0, found.path.clone());
            } else if !self.open_again(&found) {
                unknown.push(found);
            }
        }
        // What is written anew has another content from now on, and has to be told apart before copies are.
        let replaced: Vec<_> = (0..self.followed.len())
            .filter(|&index| {
                let followed = &self.followed[index];
                followed.opened.is_some() && matches!(followed.is_intact(), Ok(false))
            })
            .collect();
        for index in replaced.into_iter().rev() {
            // Found again by the next search, as new.
            self.leave(index, false);
        }
        unknown
    }

    /// Whether a file is one that was followed before.
    fn open_again(&mut self, found: &Found) -> bool {
        for followed in self.followed.iter_mut().filter(|followed| followed.id() == found.id) {
            if followed.opened.is_none()
                && let Ok(opened) = Opened::open(&found.path)
                && matches!(opened.fits(&followed.place), Ok(Fit::Whole(_)))
            {
                followed.go_on_in(opened, found.path.clone());
                return true;
            }
        }
        false
    }

    /// Decides what a file is that is not followed yet.
    fn classify(&mut self, found: Found) -> io::Result<()> {
        let settled = found.is_settled();
        let Found { id, path, size, .. } = found;
        if size == 0 || self.copies.get(&id) == Some(&size) {
            return Ok(());
        }
        let opened = Opened::open(&path)?;
        // The name may lead to another file by now.
        if (opened.device, opened.inode) != id {
            return Ok(());
        }
        let awaited = opened.compressed && !self.skips && !settled;
        if awaited && self.growing.insert(id, size) != Some(size) {
            return Ok(());
        }
        if self.followed.len() >= FILES_MAX + GONE_MAX {
            return Err(io::Error::other(format!("{FILES_MAX} files are followed already")));
        }
        let place = if self.skips { Some(opened.end()?) } else { None };
        for index in 0..self.followed.len() {
            let followed = &self.followed[index];
            if followed.opened.is_none() {
                if followed.id() == id {
                    continue;
                }
                match opened.fits(&followed.place)? {
                    Fit::Whole(_) => {
                        info!(source = %self.source, path = %path.display(), "a copy of a file is read on");
                        self.followed[index].go_on_in(opened, path);
                        return Ok(());
                    }
                    Fit::Shorter => {
                        self.copies.insert(id, size);
                        return Ok(());
                    }
                    Fit::None => {}
                }
            } else if is_named_after(&path, &followed.path)
                && let Some(of) = followed.opened.as_ref().filter(|of| !of.compressed)
            {
                if opened.begins(of)? {
                    self.copies.insert(id, size);
                    return Ok(());
                }
                // It may have been cut while both were compared.
                if !followed.is_intact()? {
                    return Ok(());
                }
            }
        }
        info!(source = %self.source, path = %path.display(), "following a file");
        let place = place.unwrap_or_else(|| Place::begin(id.0, id.1));
        self.followed.push(Followed::new(place, path, Some(opened)));
        Ok(())
    }

    /// Takes leave of files that are gone.
    fn miss(&mut self) -> Option<Step> {
        for index in 0..self.followed.len() {
            let followed = &mut self.followed[index];
            if followed.opened.is_none() {
                if followed.missed == SEARCHES_MISSED && !followed.place.left {
                    self.report_gone(index);
                }
                continue;
            }
            let deleted = followed.is_deleted();
            let wait = if deleted { SEARCHES_MISSED } else { SEARCHES_MOVED };
            if followed.missed < wait || !followed.complete {
                continue;
            }
            let rest = if deleted { followed.rest(self.bytes_max) } else { Ok(Vec::new()) };
            let left = followed.is_read();
            let step = self.give(index, rest.unwrap_or_default());
            self.leave(index, left);
            return Some(step);
        }
        None
    }

    fn report_gone(&self, index: usize) {
        let Followed { place, path, .. } = &self.followed[index];
        observe::gap(self.stream, &self.source, Duration::ZERO);
        warn!(
            source = %self.source,
            path = %path.display(),
            inode = place.inode,
            offset = place.offset,
            hint = "let `paths` name the rotated files, too",
            "a file is gone, and so is what was written to it after this offset",
        );
    }

    /// Counts, and says once for each file, that it cannot be read.
    fn report(&mut self, path: &Path, error: &io::Error) {
        observe::error_of_stream(COMPONENT, self.stream, "receive", "file");
        if self.refused.len() < FILES_MAX && self.refused.insert(path.to_owned()) {
            error!(source = %self.source, path = %path.display(), error = %chain(error), "cannot read a file");
        }
    }
}

/// Whether a name is longer than that of another file, and begins as that does up to its first dot.
fn is_named_after(path: &Path, of: &Path) -> bool {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (name, of) = (name(path), name(of));
    let stem = of.split('.').next().unwrap_or_default();
    name.len() > of.len() && name.starts_with(stem)
}

//! Cutting a message down to what is needed of it: greedily, as long as it is accepted.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::mem::replace;
use std::ops::Range;

use super::json::Node;

/// A text is cut in pieces of at least this part of it, so that each is tried some four hundred times at
/// most.
const PIECES_MAX: usize = 100;

/// How many bytes are tried for one message, which takes a second or so: one that somebody has made to be
/// slow must not keep all others waiting.
const TRIED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Says what may be cut.
pub(super) struct Trial<'a> {
    accepts: &'a dyn Fn(&[u8]) -> bool,
    /// Texts that are needed as they are; not to try them saves most of the time.
    needed: BTreeSet<String>,
    bytes_left: Cell<usize>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(accepts: &'a dyn Fn(&[u8]) -> bool, needed: BTreeSet<String>) -> Self {
        Self { accepts, needed, bytes_left: Cell::new(TRIED_BYTES_MAX) }
    }

    /// Cuts a JSON value until nothing more can go; `None` when that takes too long.
    pub(super) fn shrink_json(&self, root: &mut Node) -> Option<()> {
        while self.node(root, &mut Vec::new()) {}
        self.in_time()
    }

    /// The same with a line that is no JSON.
    pub(super) fn shrink_line(&self, line: &str) -> Option<String> {
        let mut line = line.to_owned();
        while let Some(shorter) = self.text(&line, |text| self.accepts(text)) {
            line = shorter;
        }
        self.in_time().map(|()| line)
    }

    fn in_time(&self) -> Option<()> {
        (self.bytes_left.get() > 0).then_some(())
    }

    pub(super) fn accepts(&self, payload: &str) -> bool {
        let left = self.bytes_left.get().saturating_sub(payload.len().max(1));
        self.bytes_left.set(left);
        left > 0 && (self.accepts)(payload.as_bytes())
    }

    pub(super) fn accepts_json(&self, root: &Node) -> bool {
        self.in_time().is_some() && self.accepts(&root.to_json())
    }

    /// Cuts the value at a path; returns whether anything has gone.
    fn node(&self, root: &mut Node, path: &mut Vec<usize>) -> bool {
        match root.at(path) {
            Node::Object(_) | Node::List(_) => {
                let count = root.at(path).len();
                self.inside(root, path, 0..count)
            }
            Node::Other(raw) => {
                let plain = ["null", "0"].contains(&&**raw);
                !plain && ["null", "0"].iter().any(|plain| self.leaf(root, path, other(plain)))
            }
            Node::Text(text) if self.needed.contains(text) => false,
            Node::Text(text) => {
                let text = text.clone();
                if self.leaf(root, path, other("null")) {
                    return true;
                }
                let leaf = |text: &str| self.leaf(root, path, Node::Text(text.to_owned()));
                self.text(&text, leaf).is_some()
            }
        }
    }

    /// Cuts some of the values in an object or a list: all at once, else each half.
    fn inside(&self, root: &mut Node, path: &mut Vec<usize>, places: Range<usize>) -> bool {
        if places.is_empty() || self.in_time().is_none() {
            return false;
        }
        let taken = root.at(path).take(places.clone());
        if self.accepts_json(root) {
            return true;
        }
        root.at(path).put(places.start, taken);
        if places.len() == 1 {
            path.push(places.start);
            let changed = self.node(root, path);
            path.pop();
            return changed;
        }
        let half = places.start + places.len() / 2;
        // From behind, so that places stay what they are.
        let last = self.inside(root, path, half..places.end);
        self.inside(root, path, places.start..half) || last
    }

    /// Puts a leaf in the place of another, if that will do.
    fn leaf(&self, root: &mut Node, path: &[usize], leaf: Node) -> bool {
        let old = replace(root.at(path), leaf);
        let accepted = self.accepts_json(root);
        if !accepted {
            *root.at(path) = old;
        }
        accepted
    }

    /// The text that is left when it is emptied, masked where only its length is needed, or cut piece by
    /// piece; `None` where nothing may change. `put` puts a text in its place, if that will do.
    fn text(&self, text: &str, mut put: impl FnMut(&str) -> bool) -> Option<String> {
        let mut chars: Vec<char> = text.chars().collect();
        let all = [String::new(), "x".repeat(chars.len())];
        if all.iter().any(|simple| simple == text) {
            return None;
        }
        if let Some(simple) = all.into_iter().find(|simple| put(simple)) {
            return Some(simple);
        }
        let (least, mut piece) = (chars.len() / PIECES_MAX + 1, chars.len() / 2);
        while piece >= least {
            let mut end = chars.len();
            while end > 0 && self.in_time().is_some() {
                let start = end.saturating_sub(piece);
                let (before, after) = (&chars[..start], &chars[end..]);
                let without: Vec<char> = before.iter().chain(after).copied().collect();
                if put(&without.iter().collect::<String>()) {
                    chars = without;
                }
                end = start;
            }
            piece /= 2;
        }
        let left: String = chars.into_iter().collect();
        (left != text).then_some(left)
    }
}

fn other(raw: &str) -> Node {
    Node::Other(raw.to_owned())
}

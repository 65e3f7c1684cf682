//! An error with all its causes in one line, for log fields.

use std::error::Error;
use std::fmt;

/// Shows an error as `what: cause: cause`, as in `error = %chain(&error)`.
pub fn chain<'a>(error: &'a (dyn Error + 'a)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(&'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts: Vec<String> = Vec::new();
        let mut next = Some(self.0);
        while let Some(error) = next {
            push(&mut texts, &error.to_string());
            next = error.source();
        }
        formatter.write_str(&texts.join(": "))
    }
}

/// Libraries repeat their causes: of two neighbours where one says the other's text again, the one
/// with less around it is left. All of it on one line.
fn push(texts: &mut Vec<String>, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match texts.last() {
        // `Error code 13: disk full` after `disk full`.
        Some(last) if text.ends_with(last.as_str()) => return,
        // `disk full` after `copying: disk full`, `failed to read x` after `failed to read`.
        Some(last) if last.ends_with(&format!(": {text}")) || text.starts_with(last.as_str()) => {
            texts.pop();
        }
        _ => {}
    }
    texts.push(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_shown_once() {
        let error =
            anyhow::anyhow!("disk full").context("failed to write").context("failed to stop");
        let error: &(dyn Error + 'static) = error.as_ref();
        assert_eq!(chain(error).to_string(), "failed to stop: failed to write: disk full");
    }

    #[test]
    fn what_libraries_repeat_is_said_once() {
        let check = |causes: &[&'static str], expected: &str| {
            let mut causes = causes.iter().rev();
            let first = anyhow::anyhow!(*causes.next().unwrap());
            let error = causes.fold(first, |error, cause| error.context(*cause));
            let error: &(dyn Error + 'static) = error.as_ref();
            assert_eq!(chain(error).to_string(), expected);
        };
        check(&["open `x`", "bad file", "Error code 26: bad file"], "open `x`: bad file");
        check(&["create `x`", "copying: disk full", "disk full"], "create `x`: disk full");
        check(&["failed to read", "failed to read `x`", "cut"], "failed to read `x`: cut");
        check(&["compute", "too much\ncaused by\n  a sort"], "compute: too much caused by a sort");
    }
}

//! What is wrong with a program, as VRL shows it: its line, a caret below the place, a help.

use vrl::compiler::ExpressionError;
use vrl::diagnostic::{Diagnostic, DiagnosticMessage, Formatter};

use crate::descriptor::Problem;

/// What VRL puts below everything.
const SAID_OF_EVERYTHING: [&str; 2] =
    ["= see language documentation at https://vrl.dev", "= try your code in the VRL REPL"];

/// In the order of lines.
pub(super) fn problems(file: &str, source: &str, found: &[Diagnostic]) -> Vec<Problem> {
    let mut problems: Vec<_> = found.iter().map(|found| problem(file, source, found)).collect();
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn problem(file: &str, source: &str, found: &Diagnostic) -> Problem {
    let start = found.labels.iter().map(|label| label.span.start()).min();
    let shown = show(file, source, found.clone());
    Problem { line: line_at(source, start.unwrap_or_default()), message: shown }
}

/// The line of a program, from 1, in which a message ended it; `None` when VRL does not say.
pub(super) fn line(source: &str, error: &ExpressionError) -> Option<usize> {
    error.labels().first().map(|label| line_at(source, label.span.start()))
}

fn line_at(source: &str, at: usize) -> usize {
    1 + source.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// The text of a problem: what it is, then where.
pub(super) fn show(file: &str, source: &str, diagnostic: Diagnostic) -> String {
    let text = Formatter::new(source, diagnostic).to_string();
    // VRL has no name for the file, and what is not VRL's has no number of VRL's.
    let text = text.trim_start().replacen("┌─ :", &format!("┌─ {file}:"), 1);
    let text = text.strip_prefix("error[E000]: ").unwrap_or(&text);
    // What keeps text from being repeated is not the author's.
    let text = if source.contains("- 0") { text.to_owned() } else { text.replace(" - 0", "") };
    let lines = text
        .lines()
        .filter(|line| !SAID_OF_EVERYTHING.iter().any(|said| line.trim_start().starts_with(said)));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

//! What a program may use for one message, so that no message costs more than itself.
//!
//! A program is configuration, written by those who run it; messages come from anywhere. So the length
//! of the source bounds nothing here, and whatever a message can make a loop do is bounded:
//!
//! | what | bound | how |
//! |---|---|---|
//! | the message | 1 MiB, 128 levels deep | the decoder, the parser of JSON |
//! | steps | [`WORK_MAX`] over the size of all values | counted at each expression |
//! | values that loops build | [`VALUES_BYTES_MAX`], [`NESTING_MAX`] levels | measured at each turn, see [`Measure`] |
//! | values assigned to the fact | the same | measured when they are assigned |
//! | the fact | its texts [`FACT_BYTES_MAX`], terms and lists | measured when it is read |
//! | a panic of a function | one dead letter | caught |
//!
//! All of it is a function of program and message alone: no clock decides, or a message could be a
//! fact today and a dead letter tomorrow.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;

use pulso_model::MAX_MESSAGE_BYTES;
use vrl::compiler::function::{ArgumentList, Compiled, Example, FunctionCompileContext, Parameter};
use vrl::compiler::state::TypeInfo;
use vrl::compiler::value::kind;
use vrl::compiler::{Context, Expression, ExpressionError, Function, Resolved, TypeDef, TypeState};
use vrl::parser::ast::Ident;
use vrl::value::Value;

/// Bytes in memory that the steps of a program may look at together. A step may look at all there is (a
/// search in a list, a copy of `.`), so that steps cost the more the larger the message is: some three
/// million for a usual one, a thousand for one with a million small values. That is seconds of one
/// thread at the worst.
const WORK_MAX: usize = 16 * 1024 * 1024 * 1024;

/// What a step costs beside what it may look at.
const STEP_WORK: usize = 4 * 1024;

/// What loops build and what is assigned to the fact, together: a message many times over.
pub(super) const VALUES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How deep a value may nest: messages do to 128, and may be put into something.
const NESTING_MAX: usize = 256;

/// All texts of a fact together: no more than a message could hold.
pub(super) const FACT_BYTES_MAX: usize = MAX_MESSAGE_BYTES;

/// Terms of one facet in one fact.
pub(super) const TERMS_MAX: usize = 256;

/// A term, its name, a scope, a key. Each is kept in memory for as long as windows look back.
pub(super) const TERM_BYTES_MAX: usize = 1024;

/// Texts in one column.
pub(super) const TEXTS_MAX: usize = 1024;

/// Skipped messages are counted by reason.
pub(super) const SKIP_REASON_BYTES_MAX: usize = 64;

/// The name of [`Measure`], which no program can spell.
pub(super) const MEASURE: &str = "(measure)";

pub(super) const TOO_MUCH_WORK: &str =
    "the program needs too many steps for a message of this size: it loops over too much";

pub(super) const TOO_LARGE: &str =
    "the program makes values of more than 16 MiB, or nested deeper than 256 levels";

thread_local! {
    /// Of the message that this thread decodes.
    static SPENT: Spent = const { Spent::new() };
}

#[derive(Debug)]
struct Spent {
    work: Cell<usize>,
    message: Cell<usize>,
    /// What was assigned to the fact, and what loops have returned.
    kept: Cell<usize>,
    /// What loops hold in variables at their last turn.
    held: Cell<usize>,
    over: Cell<Option<&'static str>>,
}

impl Spent {
    const fn new() -> Self {
        Self {
            work: Cell::new(0),
            message: Cell::new(0),
            kept: Cell::new(0),
            held: Cell::new(0),
            over: Cell::new(None),
        }
    }

    fn values(&self) -> usize {
        self.kept.get() + self.held.get()
    }

    fn step(&self) -> ControlFlow<()> {
        let work = self.work.get() + STEP_WORK + self.message.get() + self.values();
        self.work.set(work);
        if work > WORK_MAX && self.over.get().is_none() {
            self.over.set(Some(TOO_MUCH_WORK));
        }
        if self.over.get().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn keep(&self, value: &Value) -> bool {
        self.kept.set(self.kept.get() + size(value));
        self.check()
    }

    fn hold<'v>(&self, variables: impl Iterator<Item = &'v Value>) -> bool {
        self.held.set(variables.map(size).sum());
        self.check()
    }

    fn check(&self) -> bool {
        let within = self.values() <= VALUES_BYTES_MAX;
        if !within && self.over.get().is_none() {
            self.over.set(Some(TOO_LARGE));
        }
        within
    }
}

/// Begins a message of a [`size`].
pub(super) fn begin(size: usize) {
    SPENT.with(|spent| {
        spent.work.set(0);
        spent.message.set(size.min(VALUES_BYTES_MAX + 1));
        spent.kept.set(0);
        spent.held.set(0);
        spent.over.set(None);
    });
}

/// Counts an expression; stops the program once it is over any bound.
pub(super) fn step() -> ControlFlow<()> {
    SPENT.with(Spent::step)
}

/// Counts a value that is assigned to the fact; false when it is too much.
pub(super) fn keep(value: &Value) -> bool {
    SPENT.with(|spent| spent.keep(value))
}

/// What the program needed too much of.
pub(super) fn over() -> Option<&'static str> {
    SPENT.with(|spent| spent.over.get())
}

/// The room that a value takes, about. One that is too large or nests too deep counts as larger than
/// all that may be.
pub(super) fn size(value: &Value) -> usize {
    let mut size = 0;
    if measure(value, 0, &mut size) { size } else { VALUES_BYTES_MAX + 1 }
}

/// The same for what holds no other values: a text, or a number with no text.
pub(super) const fn leaf_size(text: &str) -> usize {
    size_of::<Value>() + text.len()
}

pub(super) const fn name_size(name: &str) -> usize {
    size_of::<String>() + name.len()
}

fn measure(value: &Value, depth: usize, size: &mut usize) -> bool {
    *size += size_of::<Value>();
    if depth > NESTING_MAX || *size > VALUES_BYTES_MAX {
        return false;
    }
    match value {
        Value::String(text) => *size += text.len(),
        Value::Bytes(text) => *size += text.len(),
        Value::Array(items) => return items.iter().all(|item| measure(item, depth + 1, size)),
        Value::Object(entries) => {
            return entries.iter().all(|(key, value)| {
                *size += name_size(key);
                measure(value, depth + 1, size)
            });
        }
        _ => {}
    }
    true
}

/// Stands at the beginning of each turn of a loop and measures the variables that loops assign; around
/// what a turn returns, it measures that as well. Only in loops can a program of some lines make more
/// of a message than its lines spell.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    pub(super) variables: Arc<[Ident]>,
}

impl Function for Measure {
    fn identifier(&self) -> &'static str {
        MEASURE
    }

    fn usage(&self) -> &'static str {
        ""
    }

    fn category(&self) -> &'static str {
        ""
    }

    fn return_kind(&self) -> u16 {
        kind::ANY
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn parameters(&self) -> &'static [Parameter] {
        const PARAMETERS: &[Parameter] = &[Parameter::optional("value", kind::ANY, "")];
        PARAMETERS
    }

    fn compile(
        &self,
        _: &TypeState,
        _: &mut FunctionCompileContext,
        arguments: ArgumentList,
    ) -> Compiled {
        let variables = Arc::clone(&self.variables);
        Ok(Box::new(Measured { variables, value: arguments.optional("value") }))
    }
}

#[derive(Clone, Debug)]
struct Measured {
    variables: Arc<[Ident]>,
    value: Option<Box<dyn Expression>>,
}

impl Expression for Measured {
    fn resolve(&self, context: &mut Context<'_>) -> Resolved {
        let (value, within) = match &self.value {
            Some(value) => {
                let value = value.resolve(context)?;
                let within = keep(&value);
                (value, within)
            }
            None => {
                let state = context.state();
                let variables = self.variables.iter().filter_map(|name| state.variable(name));
                (Value::Null, SPENT.with(|spent| spent.hold(variables)))
            }
        };
        // Neither `??` nor `value, error =` catches this one.
        if within { Ok(value) } else { Err(ExpressionError::Interrupted) }
    }

    fn type_info(&self, state: &TypeState) -> TypeInfo {
        match &self.value {
            Some(value) => value.type_info(state),
            None => TypeInfo::new(state, TypeDef::null()),
        }
    }
}

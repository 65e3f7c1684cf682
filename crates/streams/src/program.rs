//! Decoding by a program in VRL (<https://vrl.dev>): what a declared stream has instead of Rust.
//!
//! The program finds the message in `.` (a JSON object, or the line of text in `.message`) and leaves
//! the fact there: `.time`, `.key`, `.scope`, `.kind`, `.sums`, `.place`, `.terms`, `.columns`. What it
//! assigns to them is kept apart from the message, so that a message's own `.kind` or `.time` never
//! becomes that of a fact unless the program says so; until it is assigned, such a name reads the
//! message. `abort "reason"` skips the message, an error makes it a dead letter.
//!
//! | part | what it must be | without it |
//! |---|---|---|
//! | `.time` | a timestamp; a number is refused, as nobody but the author knows its unit | dead letter |
//! | `.key` | text or integer: decides the partition | no key; refused for a stream with an identity |
//! | `.scope` | text; countries are made upper case, languages a primary subtag | `??` |
//! | `.kind` | one of the stream's kinds | the only kind, else a dead letter |
//! | `.sums.NAME` | an integer of 0 or more | 0 |
//! | `.place` | `{"lat": …, "lon": …}`; whatever is no usable coordinate is none | no place |
//! | `.terms.FACET` | a list of texts or of `{"key": …, "name": …}`; nulls are left out | no terms |
//! | `.columns.NAME` | of the column's type | null |
//!
//! The identity and the actor are columns that the descriptor names.
//!
//! Decoding must say the same whenever and wherever it runs: functions that ask a clock, a random
//! number, the network, the machine or a file are not offered (see the module `functions`).
//!
//! A program is configuration and is trusted as such; messages are not. What a message can make an
//! honest program do is bounded, see the module `limits`.

mod check;
mod condition;
mod fact;
mod functions;
mod guard;
mod limits;
mod message;
mod problem;
mod target;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, OnceLock};

use pulso_model::{DeadLetter, Decode, Decoded, Head, Key, Reason, Stream};
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::state::{ExternalEnv, LocalEnv};
use vrl::compiler::{CompileConfig, Compiler, ExpressionError, TimeZone, TypeState};
use vrl::diagnostic::{Diagnostic, DiagnosticMessage, Span};
use vrl::path::OwnedValuePath;
use vrl::value::kind::Collection;
use vrl::value::{Kind, ObjectMap, Value};

use crate::descriptor::{MessageFormat, Problem};
pub use condition::Condition;
use guard::{Guarded, Purpose};
use limits::{Measure, SKIP_REASON_BYTES_MAX};
use message::{Fields, Message};
use target::Target;

/// Times without a zone are in UTC, whatever the machine's own is.
static UTC: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::parse("UTC").expect("every time zone database has UTC"));

thread_local! {
    /// Kept for the next message, as making the room for variables anew costs more than most steps.
    static RUNTIME: Cell<Option<Runtime>> = const { Cell::new(None) };
}

/// A program that decodes the messages of one stream.
pub struct Program {
    stream: &'static Stream,
    format: MessageFormat,
    file: String,
    source: String,
    compiled: OnceLock<Compiled>,
}

struct Compiled {
    program: vrl::compiler::Program,
    /// What it may read of a message.
    fields: Fields,
}

/// What a program made of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub decoded: Decoded<'static>,
    /// What decides the partition; `None` when the program names none.
    pub key: Option<Key<'static>>,
}

/// Why a program made nothing of a message.
#[derive(Debug)]
pub struct Failure {
    pub dead_letter: DeadLetter,
    /// What VRL says of it, where the program itself ended with an error.
    error: Option<ExpressionError>,
}

impl Program {
    /// Compiles the program of a stream. `file` is what problems call it.
    ///
    /// # Errors
    /// Every problem that can be found before there is a message.
    pub fn compile(
        stream: &'static Stream,
        format: MessageFormat,
        file: &str,
        source: &str,
    ) -> Result<Self, Vec<Problem>> {
        let compiled = compile(Some(stream), format, source);
        let compiled = compiled.map_err(|found| problem::problems(file, source, &found))?;
        let program = Self::later(stream, format, file, source);
        program.compiled.get_or_init(|| compiled);
        Ok(program)
    }

    /// The same for a program that is known to have no problems: it is compiled when the first message
    /// comes, as most commands decode the messages of one stream at most.
    pub(crate) fn later(
        stream: &'static Stream,
        format: MessageFormat,
        file: &str,
        source: &str,
    ) -> Self {
        let (file, source) = (file.to_owned(), source.to_owned());
        Self { stream, format, file, source, compiled: OnceLock::new() }
    }

    /// # Panics
    /// When it has problems after all; tests run all programs that Pulso brings.
    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let compiled = compile(Some(self.stream), self.format, &self.source);
            compiled.unwrap_or_else(|found| panic!("`{}` is wrong: {found:?}", self.file))
        })
    }

    /// What is wrong with a program whatever stream it is of.
    pub(crate) fn problems_alone(file: &str, source: &str) -> Vec<Problem> {
        let found = compile(None, MessageFormat::Json, source).err().unwrap_or_default();
        problem::problems(file, source, &found)
    }

    /// Decodes one message.
    ///
    /// # Errors
    /// When the message is not what the format says, the program ends with an error, needs more than
    /// it may, or leaves something that is no fact of the stream.
    pub fn run(&self, payload: &[u8]) -> Result<Outcome, Failure> {
        let Compiled { program, fields } = self.compiled();
        let (result, target) = resolve(program, read(self.format, payload, fields)?)?;
        match result {
            Ok(_) => {}
            Err(Terminate::Abort(ExpressionError::Abort { message, .. })) => {
                let decoded = Decoded::Skipped(skip_reason(message).into());
                return Ok(Outcome { decoded, key: None });
            }
            Err(other) => return Err(self.failure(other.get_expression_error())),
        }
        let (fact, key) = fact::read(self.stream, target.into_fact())?;
        Ok(Outcome { decoded: Decoded::Fact(fact), key })
    }

    /// What problems call it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// A failure as VRL shows it: the line of the program, a caret below the place.
    pub fn show(&self, failure: &Failure) -> Option<String> {
        let error = failure.error.clone()?;
        Some(problem::show(&self.file, &self.source, error.into()))
    }

    fn failure(&self, error: ExpressionError) -> Failure {
        let line = problem::line(&self.source, &error);
        let name = self.file.rsplit('/').next().unwrap_or_default();
        let place = line.map_or(name.to_owned(), |line| format!("{name}:{line}"));
        Failure { dead_letter: program_error(format!("{place}: {error}")), error: Some(error) }
    }
}

impl Decode for Program {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        self.run(payload).map(|outcome| outcome.decoded).map_err(|failure| failure.dead_letter)
    }

    /// What the whole program says, as it alone knows: messages without a fact have no head.
    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        match self.run(payload) {
            Ok(Outcome { decoded: Decoded::Fact(fact), key }) => {
                Head { key, time: Some(fact.time) }
            }
            _ => Head::default(),
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Program({} of {})", self.file, self.stream)
    }
}

impl From<DeadLetter> for Failure {
    fn from(dead_letter: DeadLetter) -> Self {
        Self { dead_letter, error: None }
    }
}

/// What a program sees of a message.
fn read(format: MessageFormat, payload: &[u8], fields: &Fields) -> Result<Message, DeadLetter> {
    match format {
        MessageFormat::Json => match message::read(payload, fields) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(DeadLetter::new(Reason::WrongType, "the message is not an object")),
            Err(error) => Err(DeadLetter::new(Reason::InvalidJson, error.to_string())),
        },
        MessageFormat::Text => line(payload).map(|line| Message::new(Value::Object(line))),
    }
}

/// A line of text as the only field.
fn line(payload: &[u8]) -> Result<ObjectMap, DeadLetter> {
    let line = std::str::from_utf8(payload)
        .map_err(|error| DeadLetter::new(Reason::InvalidText, error.to_string()))?;
    Ok(BTreeMap::from([("message".into(), line.into())]))
}

/// Runs a program on a message, within its limits. Gives its result, and what it has left behind.
fn resolve(
    program: &vrl::compiler::Program,
    message: Message,
) -> Result<(Result<Value, Terminate>, Target), DeadLetter> {
    limits::begin(message.size);
    let mut target = Target::new(message.value);
    let run = || {
        let mut runtime = RUNTIME.take().unwrap_or_default();
        let result = runtime.resolve_with_control(&mut target, program, &UTC, &mut limits::step);
        runtime.clear();
        RUNTIME.set(Some(runtime));
        result
    };
    let result = caught(run)?;
    match limits::over() {
        Some(over) => Err(program_error(over.to_owned())),
        None => Ok((result, target)),
    }
}

/// Without a stream, what VRL itself has to say.
fn compile(
    stream: Option<&Stream>,
    format: MessageFormat,
    source: &str,
) -> Result<Compiled, Vec<Diagnostic>> {
    let parsed = vrl::parser::parse(source).map_err(|error| {
        let error: Box<dyn DiagnosticMessage> = Box::new(error);
        vec![error.into()]
    })?;
    let guarded = guard::guard(parsed, Purpose::Fact)?;
    compile_guarded(guarded, format, source, |assigned, kind| {
        stream.map(|stream| check::check(stream, assigned, kind)).unwrap_or_default()
    })
}

/// Compiles a program that was looked through. `check` finds what is wrong with what it assigns, of these
/// types if it can be compiled.
fn compile_guarded(
    guarded: Guarded,
    format: MessageFormat,
    source: &str,
    check: impl FnOnce(&[(OwnedValuePath, Span)], Option<&Kind>) -> Vec<Diagnostic>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let Guarded { program, mut found, assigned, loop_variables } = guarded;
    let message = match format {
        MessageFormat::Json => Collection::any(),
        MessageFormat::Text => Collection::empty().with_known("message", Kind::bytes()),
    };
    let external = ExternalEnv::new_with_kind(Kind::object(message), Kind::any_object());
    let state = TypeState { local: LocalEnv::default(), external };
    let mut functions = functions::offered();
    functions.push(Box::new(Measure { variables: loop_variables.into() }));
    let compiled = Compiler::compile(&functions, program, &state, CompileConfig::default());
    let info = compiled.as_ref().ok().map(|compiled| compiled.program.final_type_info());
    let kind = info.as_ref().map(|info| info.state.external.target_kind());
    found.extend(check(&assigned, kind));
    match compiled {
        Ok(compiled) if found.is_empty() => {
            let fields = Fields::of(&compiled.program);
            Ok(Compiled { program: compiled.program, fields })
        }
        Ok(_) => Err(found),
        Err(errors) => {
            let told = |error: &Diagnostic| functions::says_refused(error, source);
            found.extend(errors.into_iter().filter(|error| !told(error)));
            Err(found)
        }
    }
}

/// A panic is a fault of VRL's. What it leaves behind must not be used again.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, DeadLetter> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("a panic without words");
        program_error(format!("the program failed: {text}"))
    })
}

fn program_error(detail: String) -> DeadLetter {
    DeadLetter::new(Reason::ProgramError, detail)
}

/// Reasons are counted by name, so that they must not be as long as a message.
fn skip_reason(message: Option<String>) -> String {
    let mut reason = message.unwrap_or_else(|| "aborted".to_owned());
    reason.truncate(reason.floor_char_boundary(SKIP_REASON_BYTES_MAX));
    reason
}

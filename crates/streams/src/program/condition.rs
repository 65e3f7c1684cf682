//! Conditions on messages: VRL that is true or false.
//!
//! A condition sees a message as the stream's program does: a JSON object as `.`, a line of text as
//! `.message`. A stream that is decoded in Rust has no program; there, an object is `.`, and anything else is
//! `.message` with the columns of its fact beside it, where it is one. What a condition may use is bounded as
//! for programs; nothing that it does changes the message.

use std::fmt;
use std::sync::Arc;

use pulso_model::{DeadLetter, Decode, Decoded, MAX_MESSAGE_BYTES, Stream, Value as Column};
use vrl::diagnostic::{Diagnostic, DiagnosticMessage, Span};
use vrl::parser::ast::{
    Array, Assignment, AssignmentOp, AssignmentTarget, Container, Expr, Ident, Node, RootExpr,
};
use vrl::value::Value;

use super::guard::Purpose;
use super::message::{self, Fields, Message};
use super::{Compiled, compile_guarded, guard, line, problem, read, resolve};
use crate::Definition;
use crate::descriptor::{MessageFormat, Problem};

/// What the outcome of a condition that may fail is kept in. No program can spell these names.
const OUTCOME: &str = "(outcome)";
const ERROR: &str = "(error)";

/// VRL's number for an expression that may fail.
const FALLIBLE: usize = 100;

/// A condition on the messages of one stream. Cheap to clone.
#[derive(Clone)]
pub struct Condition(Arc<Inner>);

struct Inner {
    source: String,
    view: View,
    compiled: Compiled,
}

/// As what a condition sees a message.
enum View {
    Of(MessageFormat),
    Native(&'static Stream, Arc<dyn Decode>),
}

impl Definition {
    /// Compiles a condition on its messages. `file` is what problems call it.
    ///
    /// # Errors
    /// Every problem that can be found before there is a message.
    pub fn condition(&self, file: &str, source: &str) -> Result<Condition, Vec<Problem>> {
        let view = match self.program() {
            Some(program) => View::Of(program.format),
            None => View::Native(self.stream, self.decode()),
        };
        let format = match &view {
            View::Of(format) => *format,
            View::Native(..) => MessageFormat::Json,
        };
        let compiled = compile(format, source);
        let compiled = compiled.map_err(|found| problem::problems(file, source, &found))?;
        Ok(Condition(Arc::new(Inner { source: source.to_owned(), view, compiled })))
    }
}

impl Condition {
    /// Whether it holds for a message.
    ///
    /// # Errors
    /// Why that cannot be told: the message is not what the stream has, the condition ends with an error on
    /// it, or needs more than it may.
    pub fn holds(&self, payload: &[u8]) -> Result<bool, String> {
        let Inner { view, compiled: Compiled { program, fields }, .. } = &*self.0;
        if payload.len() > MAX_MESSAGE_BYTES {
            return Err(format!("the message has more than {MAX_MESSAGE_BYTES} bytes"));
        }
        let message = match view {
            View::Of(format) => read(*format, payload, fields),
            View::Native(stream, decode) => native(stream, &**decode, payload, fields),
        };
        let (result, _) = message
            .and_then(|message| resolve(program, message))
            .map_err(|dead_letter| dead_letter.to_string())?;
        match result {
            Ok(Value::Boolean(holds)) => Ok(holds),
            Ok(Value::Array(outcome)) => match outcome.as_slice() {
                [Value::Boolean(holds), Value::Null] => Ok(*holds),
                [_, error] => Err(error.to_string_lossy().into_owned()),
                _ => Err("it is neither true nor false".to_owned()),
            },
            Ok(_) => Err("it is neither true nor false".to_owned()),
            Err(error) => Err(error.get_expression_error().to_string()),
        }
    }

    /// The text.
    pub fn source(&self) -> &str {
        &self.0.source
    }
}

/// The same text.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Condition({:?})", self.0.source)
    }
}

fn native(
    stream: &Stream,
    decode: &dyn Decode,
    payload: &[u8],
    fields: &Fields,
) -> Result<Message, DeadLetter> {
    if let Ok(Some(message)) = message::read(payload, fields) {
        return Ok(message);
    }
    let mut message = line(payload)?;
    if let Ok(Decoded::Fact(fact)) = decode.decode(payload) {
        for (column, value) in stream.columns.iter().zip(fact.columns) {
            message.entry(column.name.into()).or_insert(shown(value));
        }
    }
    Ok(Message::new(Value::Object(message)))
}

fn shown(value: Column<'_>) -> Value {
    match value {
        Column::Null => Value::Null,
        Column::Boolean(value) => value.into(),
        Column::Integer(value) => value.into(),
        Column::Float(value) => Value::from_f64_or_zero(value),
        Column::Text(text) => (*text).into(),
        Column::Texts(texts) => texts.iter().map(|text| Value::from(&**text)).collect(),
        Column::Time(time) => time.to_string().into(),
    }
}

/// VRL asks for a program that says what becomes of each error. A condition need not: that is the same for
/// all, so that one which may fail is compiled in a way that tells the error.
fn compile(format: MessageFormat, source: &str) -> Result<Compiled, Vec<Diagnostic>> {
    match compile_as(format, source, false) {
        Err(found) if found.iter().all(|error| error.code == FALLIBLE) => {
            compile_as(format, source, true).map_err(|again| {
                // What cannot be caught is not the outcome, and stays VRL's to explain.
                if again.iter().all(|error| error.code == 0) { again } else { found }
            })
        }
        compiled => compiled,
    }
}

fn compile_as(
    format: MessageFormat,
    source: &str,
    may_fail: bool,
) -> Result<Compiled, Vec<Diagnostic>> {
    let parsed = vrl::parser::parse(source).map_err(|error| {
        let error: Box<dyn DiagnosticMessage> = Box::new(error);
        vec![error.into()]
    })?;
    let mut guarded = guard::guard(parsed, Purpose::Condition)?;
    let last = guarded.program.0.pop();
    let span = last.as_ref().map(Node::span).unwrap_or_default();
    guarded.program.0.extend(match last.map(Node::into_inner) {
        Some(RootExpr::Expr(outcome)) if may_fail => catching(span, outcome),
        Some(other) => vec![Node::new(span, other)],
        None => Vec::new(),
    });
    let compiled = compile_guarded(guarded, format, source, |_, _| Vec::new())?;
    let result = compiled.program.final_type_info().result;
    let outcome = result.as_array().and_then(|both| both.known().get(&0.into())).cloned();
    let kind = if may_fail { outcome } else { None }.unwrap_or(result.kind().clone());
    if kind.is_boolean() {
        return Ok(compiled);
    }
    let remedy = format!("this is {kind}; compare it, as in `.name == \"value\"`");
    Err(vec![Diagnostic::error(0, "a condition must be true or false").with_primary(remedy, span)])
}

/// `outcome, error = …` and `[outcome, error]`.
fn catching(span: Span, outcome: Node<Expr>) -> Vec<Node<RootExpr>> {
    let target = |name| Node::new(span, AssignmentTarget::Internal(Ident::new(name), None));
    let variable = |name| Node::new(span, Expr::Variable(Node::new(span, Ident::new(name))));
    let assignment = Assignment::Infallible {
        ok: target(OUTCOME),
        err: target(ERROR),
        op: AssignmentOp::Assign,
        expr: Box::new(outcome),
    };
    let both: Array = [OUTCOME, ERROR].map(variable).into_iter().collect();
    let both = Container::Array(Node::new(span, both));
    let expressions =
        [Expr::Assignment(Node::new(span, assignment)), Expr::Container(Node::new(span, both))];
    let root = |expression| Node::new(span, RootExpr::Expr(Node::new(span, expression)));
    expressions.map(root).into()
}

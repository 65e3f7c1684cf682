//! Expressions of VRL, tried on messages: what a program will find is found by the same code.

use std::sync::LazyLock;

use vrl::compiler::runtime::Runtime;
use vrl::compiler::{Program, TargetValue, TimeZone};
use vrl::value::{ObjectMap, Secrets, Value};

use super::fields::MESSAGE;

/// As for the programs of streams.
static UTC: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::parse("UTC").expect("every time zone database has UTC"));

/// One that guessing itself wrote.
pub(super) struct Snippet {
    program: Program,
}

impl Snippet {
    /// # Panics
    /// When it does not compile; tests try all of them.
    pub(super) fn compile(source: &str) -> Self {
        let source = format!("{MESSAGE} = .\n{source}");
        let compiled = vrl::compiler::compile(&source, &vrl::stdlib::all());
        let program = compiled.map(|compiled| compiled.program);
        Self { program: program.unwrap_or_else(|_| panic!("`{source}` is no program")) }
    }

    /// Its value; `None` when it ends with an error.
    pub(super) fn run(&self, message: &Value) -> Option<Value> {
        let metadata = Value::Object(ObjectMap::new());
        let mut target =
            TargetValue { value: message.clone(), metadata, secrets: Secrets::default() };
        Runtime::default().resolve(&mut target, &self.program, &UTC).ok()
    }
}

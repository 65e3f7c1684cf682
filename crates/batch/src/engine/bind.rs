//! Puts the values of parameters into parsed SQL.
//!
//! DataFusion's own placeholders stand only where an expression may, not in the frame of a window.
//! So values are put into the syntax tree, where they cannot be anything but literals.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, TypedString, Value, ValueWithSpan, visit_expressions_mut,
};
use pulso_model::Day;

/// The value of one parameter; `$name` in SQL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Parameter {
    Integer(i64),
    Float(f64),
    Day(Day),
}

pub(crate) type Parameters = BTreeMap<&'static str, Parameter>;

impl Parameter {
    fn literal(self) -> Expr {
        let value = |value: Value| ValueWithSpan::from(value);
        match self {
            Self::Integer(number) => Expr::Value(value(Value::Number(number.to_string(), false))),
            // With its point, which makes it no integer.
            Self::Float(number) => Expr::Value(value(Value::Number(format!("{number:?}"), false))),
            Self::Day(day) => Expr::TypedString(TypedString {
                data_type: DataType::Date,
                value: value(Value::SingleQuotedString(day.to_string())),
                uses_odbc_syntax: false,
            }),
        }
    }
}

/// Replaces every placeholder; `Err` holds the first name without a value.
pub(crate) fn bind(statement: &mut Statement, parameters: &Parameters) -> Result<(), String> {
    let Statement::Statement(statement) = statement else { return Ok(()) };
    let unknown = visit_expressions_mut(statement, |expression| {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = expression {
            match parameters.get(name.trim_start_matches('$')) {
                Some(parameter) => *expression = parameter.literal(),
                None => return ControlFlow::Break(name.clone()),
            }
        }
        ControlFlow::Continue(())
    });
    unknown.break_value().map_or(Ok(()), Err)
}

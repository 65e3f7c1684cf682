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
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Parameter {
    Integer(i64),
    Float(f64),
    Day(Day),
    /// What `IN ($name)` looks through.
    Texts(Vec<String>),
}

pub(crate) type Parameters = BTreeMap<&'static str, Parameter>;

impl Parameter {
    /// `None` for what is no single value.
    fn literal(&self) -> Option<Expr> {
        Some(match self {
            Self::Integer(number) => literal(Value::Number(number.to_string(), false)),
            // With its point, which makes it no integer.
            Self::Float(number) => literal(Value::Number(format!("{number:?}"), false)),
            Self::Day(day) => Expr::TypedString(TypedString {
                data_type: DataType::Date,
                value: Value::SingleQuotedString(day.to_string()).into(),
                uses_odbc_syntax: false,
            }),
            Self::Texts(_) => return None,
        })
    }
}

fn literal(value: Value) -> Expr {
    Expr::Value(value.into())
}

/// Replaces every placeholder; `Err` holds the first name without a value.
pub(crate) fn bind(statement: &mut Statement, parameters: &Parameters) -> Result<(), String> {
    let Statement::Statement(statement) = statement else { return Ok(()) };
    // What is within an expression is visited before it.
    let unknown = visit_expressions_mut(statement, |expression| {
        if let Some(name) = placeholder(expression) {
            match parameters.get(name.trim_start_matches('$')) {
                Some(parameter) => {
                    if let Some(literal) = parameter.literal() {
                        *expression = literal;
                    }
                }
                None => return ControlFlow::Break(name.to_owned()),
            }
        } else if let Expr::InList { list, .. } = expression
            && let [name] = list.as_slice()
            && let Some(name) = placeholder(name)
            && let Some(Parameter::Texts(texts)) = parameters.get(name.trim_start_matches('$'))
        {
            *list = texts.iter().cloned().map(Value::SingleQuotedString).map(literal).collect();
        }
        ControlFlow::Continue(())
    });
    unknown.break_value().map_or(Ok(()), Err)
}

fn placeholder(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => Some(name),
        _ => None,
    }
}

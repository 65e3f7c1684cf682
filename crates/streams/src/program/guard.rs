//! A look through a program before it is compiled: what it assigns, and what it must not do.
//!
//! Two things are put into it, so that no message can make it fill the memory ([`super::limits`]): loops
//! measure what they build, and both sides of `*` become numbers by taking nothing away from them, as
//! VRL repeats a text that stands there.

use std::collections::BTreeSet;

use vrl::diagnostic::{Diagnostic, Span};
use vrl::parser::Literal;
use vrl::parser::ast::{
    Abort, Array, Assignment, AssignmentTarget, Block, Container, Expr, FunctionArgument,
    FunctionCall, FunctionClosure, Group, Ident, IfStatement, Node, Not, Object, Op, Opcode,
    Predicate, Program, Query, QueryTarget, Return, RootExpr, Unary,
};
use vrl::path::{OwnedSegment, OwnedTargetPath, OwnedValuePath, PathPrefix};

use super::functions::refused;
use super::limits::MEASURE;
use super::target::{PARTS, leads_into_part};

/// How deep expressions may nest: each level needs some hundred bytes of stack, and VRL looks at a level
/// once more for each around it.
const EXPRESSIONS_DEEP_MAX: usize = 64;

/// VRL fills a list up to an index that is assigned.
const INDEX_MAX: usize = 1000;

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It makes a fact of a message.
    Fact,
    /// It tells whether something holds for a message.
    Condition,
}

/// A program that can be compiled, and may run if nothing was found.
pub(super) struct Guarded {
    pub(super) program: Program,
    pub(super) found: Vec<Diagnostic>,
    /// The parts of the fact that the program assigns, in the order of the source.
    pub(super) assigned: Vec<(OwnedValuePath, Span)>,
    pub(super) loop_variables: Vec<Ident>,
}

/// # Errors
/// When expressions nest too deep for the compiler.
pub(super) fn guard(program: Program, purpose: Purpose) -> Result<Guarded, Vec<Diagnostic>> {
    let mut guard = Guard::new(purpose);
    let root = program.0.into_iter().map(|node| {
        node.map(|root| match root {
            RootExpr::Expr(expression) => RootExpr::Expr(guard.expression(expression)),
            error @ RootExpr::Error(_) => error,
        })
    });
    let program = Program(root.collect());
    let loop_variables = guard.loop_variables.into_iter().collect();
    if guard.too_deep {
        return Err(guard.found);
    }
    Ok(Guarded { program, found: guard.found, assigned: guard.assigned, loop_variables })
}

struct Guard {
    purpose: Purpose,
    found: Vec<Diagnostic>,
    assigned: Vec<(OwnedValuePath, Span)>,
    loop_variables: BTreeSet<Ident>,
    depth: usize,
    too_deep: bool,
    /// The loops around an expression; true for one that makes a value of what its turns return.
    loops: Vec<bool>,
}

impl Guard {
    fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            found: Vec::new(),
            assigned: Vec::new(),
            loop_variables: BTreeSet::new(),
            depth: 0,
            too_deep: false,
            loops: Vec::new(),
        }
    }

    fn refuse(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Diagnostic::error(0, message).with_primary(remedy, span));
    }

    fn expression(&mut self, node: Node<Expr>) -> Node<Expr> {
        let (span, expression) = node.take();
        if self.depth == EXPRESSIONS_DEEP_MAX {
            let message = format!("expressions nest deeper than {EXPRESSIONS_DEEP_MAX} levels");
            self.refuse(span, message, "give a part of it a name: `part = …`");
            self.too_deep = true;
            return Node::new(span, expression);
        }
        self.depth += 1;
        let expression = match expression {
            Expr::Container(node) => Expr::Container(node.map(|node| self.container(node))),
            Expr::IfStatement(node) => Expr::IfStatement(node.map(|node| self.if_statement(node))),
            Expr::Op(node) => Expr::Op(node.map(|node| self.operation(node))),
            Expr::Assignment(node) => Expr::Assignment(node.map(|node| self.assignment(node))),
            Expr::Query(node) => Expr::Query(node.map(|node| self.query(node))),
            Expr::FunctionCall(node) => Expr::FunctionCall(node.map(|node| self.call(node))),
            Expr::Unary(node) => Expr::Unary(node.map(|Unary::Not(not)| {
                Unary::Not(not.map(|not| {
                    let (sign, negated) = not.take();
                    Not::new(sign.span(), self.expression(*negated))
                }))
            })),
            Expr::Abort(node) => Expr::Abort(node.map(|Abort { message }| Abort {
                message: message.map(|message| self.boxed(message)),
            })),
            Expr::Return(node) => Expr::Return(node.map(|Return { expr }| {
                let value = self.expression(*expr);
                Return { expr: Box::new(self.returned(value)) }
            })),
            other @ (Expr::Literal(_) | Expr::Variable(_) | Expr::Break(_)) => other,
        };
        self.depth -= 1;
        Node::new(span, expression)
    }

    fn boxed(&mut self, node: Box<Node<Expr>>) -> Box<Node<Expr>> {
        Box::new(self.expression(*node))
    }

    fn list(&mut self, list: Vec<Node<Expr>>) -> Vec<Node<Expr>> {
        list.into_iter().map(|item| self.expression(item)).collect()
    }

    fn block(&mut self, block: Block) -> Block {
        Block(self.list(block.0))
    }

    fn container(&mut self, container: Container) -> Container {
        match container {
            Container::Group(node) => Container::Group(Box::new(
                node.map(|group| Group(self.expression(group.into_inner()))),
            )),
            Container::Block(node) => Container::Block(node.map(|block| self.block(block))),
            Container::Array(node) => Container::Array(node.map(|array| {
                array.into_iter().map(|item| self.expression(item)).collect::<Array>()
            })),
            Container::Object(node) => Container::Object(node.map(|object| {
                let entry = |(key, value)| (key, self.expression(value));
                object.into_iter().map(entry).collect::<Object>()
            })),
        }
    }

    fn if_statement(&mut self, statement: IfStatement) -> IfStatement {
        let IfStatement { predicate, if_node, else_node } = statement;
        IfStatement {
            predicate: predicate.map(|predicate| match predicate {
                Predicate::One(one) => Predicate::One(self.boxed(one)),
                Predicate::Many(many) => Predicate::Many(self.list(many)),
            }),
            if_node: if_node.map(|block| self.block(block)),
            else_node: else_node.map(|node| node.map(|block| self.block(block))),
        }
    }

    fn operation(&mut self, Op(left, operator, right): Op) -> Op {
        let (mut left, mut right) = (self.boxed(left), self.boxed(right));
        if *operator.inner() == Opcode::Mul {
            (left, right) = (Box::new(number(*left)), Box::new(number(*right)));
        }
        Op(left, operator, right)
    }

    fn assignment(&mut self, assignment: Assignment) -> Assignment {
        match assignment {
            Assignment::Single { target, op, expr } => {
                self.target(&target);
                Assignment::Single { target, op, expr: self.boxed(expr) }
            }
            Assignment::Infallible { ok, err, op, expr } => {
                self.target(&ok);
                self.target(&err);
                Assignment::Infallible { ok, err, op, expr: self.boxed(expr) }
            }
        }
    }

    fn target(&mut self, target: &Node<AssignmentTarget>) {
        let (span, expression) = (target.span(), target.to_expr(target.span()));
        match expression {
            Expr::Variable(name) => self.variable(name.inner()),
            Expr::Query(query) => {
                let path = query.path.inner();
                self.indices(path, span);
                match query.target.inner() {
                    QueryTarget::Internal(name) => self.variable(name),
                    QueryTarget::External(prefix) => {
                        self.external(
                            OwnedTargetPath { prefix: *prefix, path: path.clone() },
                            span,
                        );
                    }
                    // VRL says itself that nothing can be assigned there.
                    QueryTarget::FunctionCall(_) | QueryTarget::Container(_) => {}
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, name: &Ident) {
        if !self.loops.is_empty() {
            self.loop_variables.insert(name.clone());
        }
    }

    fn external(&mut self, path: OwnedTargetPath, span: Span) {
        if path.prefix == PathPrefix::Metadata {
            self.refuse(span, "there is no metadata", "use a variable, as `name = …`");
        } else if self.purpose == Purpose::Condition {
            if !path.path.is_root() {
                let message = "a condition changes nothing of a message";
                self.refuse(span, message, "for other values use a variable, as `name = …`");
            }
        } else if leads_into_part(&path) {
            self.assigned.push((path.path, span));
        } else if !path.path.is_root() {
            let remedy = match path.path.segments.first() {
                Some(OwnedSegment::Field(name)) if name.as_str() == "identity" => {
                    "`identity` in stream.toml names the columns that tell facts apart".to_owned()
                }
                Some(OwnedSegment::Field(name)) if name.as_str() == "actor" => {
                    "`actor` in stream.toml names the column that says who did it".to_owned()
                }
                _ => {
                    let parts = PARTS.map(|part| format!("`.{part}`")).join(", ");
                    format!("there are {parts}; for other values use a variable, as `name = …`")
                }
            };
            self.refuse(span, format!("`{path}` is no part of a fact"), remedy);
        }
    }

    fn indices(&mut self, path: &OwnedValuePath, span: Span) {
        let large = |segment: &OwnedSegment| match segment {
            OwnedSegment::Index(index) => index.unsigned_abs() > INDEX_MAX,
            OwnedSegment::Field(_) => false,
        };
        if path.segments.iter().any(large) {
            let message = format!("an index over {INDEX_MAX} cannot be assigned");
            self.refuse(span, message, "the list is filled up to it; use `push`");
        }
    }

    fn query(&mut self, Query { target, path }: Query) -> Query {
        let target = target.map(|target| match target {
            QueryTarget::FunctionCall(call) => QueryTarget::FunctionCall(self.call(call)),
            QueryTarget::Container(container) => QueryTarget::Container(self.container(container)),
            other @ (QueryTarget::Internal(_) | QueryTarget::External(_)) => other,
        });
        Query { target, path }
    }

    fn call(&mut self, call: FunctionCall) -> FunctionCall {
        let FunctionCall { ident, abort_on_error, arguments, closure } = call;
        let name = ident.inner().as_ref();
        if let Some(reason) = refused(name) {
            self.refuse(ident.span(), format!("`{name}` is not offered"), reason);
        }
        let mut argument = |FunctionArgument { ident, expr }| FunctionArgument {
            ident,
            expr: self.expression(expr),
        };
        let arguments: Vec<_> = arguments.into_iter().map(|node| node.map(&mut argument)).collect();
        self.arguments(name, &arguments);
        let returns = !matches!(name, "for_each" | "filter");
        let closure = closure.map(|closure| closure.map(|closure| self.closure(closure, returns)));
        FunctionCall { ident, abort_on_error, arguments, closure }
    }

    /// Arguments that must not come from a message, or from the machine.
    fn arguments(&mut self, function: &str, arguments: &[Node<FunctionArgument>]) {
        let (keyword, at) = match function {
            "join" | "flatten" => ("separator", 1),
            "replace" => ("with", 2),
            "parse_timestamp" | "format_timestamp" => ("timezone", 2),
            _ => return,
        };
        let named = |argument: &&Node<FunctionArgument>| match &argument.ident {
            Some(ident) => ident.inner().as_ref() == keyword,
            None => false,
        };
        let found = arguments.iter().find(named);
        let Some(argument) = found.or(arguments.get(at).filter(|found| found.ident.is_none()))
        else {
            return;
        };
        let span = argument.expr.span();
        match text(argument.expr.inner()) {
            None => {
                let message = format!("`{keyword}` of `{function}` must be a text in quotes");
                self.refuse(span, message, "a message could make the result as large as it likes");
            }
            Some("local") if keyword == "timezone" => {
                let remedy =
                    "name the zone: a message must decode to the same fact wherever it is read";
                self.refuse(span, "the machine's own time zone is not offered", remedy);
            }
            Some(_) => {}
        }
    }

    fn closure(&mut self, closure: FunctionClosure, returns: bool) -> FunctionClosure {
        let FunctionClosure { variables, block } = closure;
        let span = block.span();
        self.loops.push(returns);
        let block = block.map(|block| {
            let mut block = self.block(block);
            let last = block.0.pop().map(|last| self.returned(last));
            block.0.extend(last);
            block.0.insert(0, measure(span, None));
            block
        });
        self.loops.pop();
        FunctionClosure { variables, block }
    }

    /// What a turn of the innermost loop returns, measured if the loop keeps it.
    fn returned(&self, value: Node<Expr>) -> Node<Expr> {
        let ends = matches!(value.inner(), Expr::Abort(_) | Expr::Return(_) | Expr::Break(_));
        if ends || self.loops.last() != Some(&true) {
            return value;
        }
        measure(value.span(), Some(value))
    }
}

fn measure(span: Span, value: Option<Node<Expr>>) -> Node<Expr> {
    let argument = |expr| Node::new(span, FunctionArgument { ident: None, expr });
    let call = FunctionCall {
        ident: Node::new(span, Ident::new(MEASURE)),
        abort_on_error: false,
        arguments: value.map(argument).into_iter().collect(),
        closure: None,
    };
    Node::new(span, Expr::FunctionCall(Node::new(span, call)))
}

/// The same number, and an error for a text.
fn number(node: Node<Expr>) -> Node<Expr> {
    let is_number =
        |node: &Node<Literal>| matches!(**node, Literal::Integer(_) | Literal::Float(_));
    if matches!(node.inner(), Expr::Literal(literal) if is_number(literal)) {
        return node;
    }
    let span = node.span();
    let zero = Expr::Literal(Node::new(span, Literal::Integer(0)));
    let minus = Node::new(span, Opcode::Sub);
    let difference = Op(Box::new(node), minus, Box::new(Node::new(span, zero)));
    Node::new(span, Expr::Op(Node::new(span, difference)))
}

fn text(expression: &Expr) -> Option<&str> {
    let Expr::Literal(node) = expression else { return None };
    match node.inner() {
        Literal::String(text) => text.as_literal_string(),
        Literal::RawString(text) => Some(text),
        _ => None,
    }
}

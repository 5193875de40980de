//! A parsed template.

use super::condition::Condition;
use super::expression::Expression;

/// Nodes in order.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) nodes: Vec<Node>,
    pub(super) blankness: Blankness,
}

/// Whether a block can render anything but space. Ruby renders blocks that cannot as nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Blankness {
    #[default]
    Blank,
    Visible,
}

impl Blankness {
    pub(super) fn and(self, other: Self) -> Self {
        if self == Self::Blank { other } else { self }
    }
}

/// One node.
#[derive(Debug)]
pub(super) enum Node {
    /// Text as written; `at` is its first byte in the template.
    Text { text: String, at: usize },
    /// `{{ … }}`
    Output { variable: Variable, at: usize, length: usize },
    /// `{% … %}`
    Tag { tag: Tag, at: usize, length: usize },
}

/// An expression with filters.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) expression: Expression,
    pub(super) filters: Vec<FilterCall>,
}

/// `| name: arguments`
#[derive(Debug)]
pub(super) struct FilterCall {
    pub(super) name: String,
    pub(super) arguments: Vec<Expression>,
    /// Whether `key: value` arguments are given; Ruby hands them over as one more argument.
    pub(super) named: Vec<(String, Expression)>,
}

#[derive(Debug)]
pub(super) enum Tag {
    Assign { name: String, value: Variable },
    Capture { name: String, body: Body },
    If { branches: Vec<Branch>, blankness: Blankness },
    Case { subject: Expression, branches: Vec<CaseBranch>, blankness: Blankness },
    For(Box<For>),
    Tablerow { name: String, collection: Expression, attributes: Vec<(String, Expression)>, body: Body },
    Cycle { name: CycleName, values: Vec<Expression> },
    Increment(String),
    Decrement(String),
    Include { template: Expression, with: Option<Expression>, attributes: Vec<(String, Expression)> },
    IfChanged(Body),
    Raw { text: String, at: usize },
    Comment,
    Break,
    Continue,
}

/// A branch of `if` and `unless`.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) test: Test,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Test {
    If(Condition),
    Unless(Condition),
    Else,
}

/// A branch of `case`. `when a, b` has two values, and a body that is rendered once for each that is equal.
#[derive(Debug)]
pub(super) struct CaseBranch {
    pub(super) values: Option<Vec<Expression>>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) struct For {
    pub(super) variable: String,
    /// Under which `offset: continue` is remembered.
    pub(super) name: String,
    pub(super) collection: Expression,
    pub(super) limit: Option<Expression>,
    pub(super) offset: Option<Offset>,
    pub(super) direction: Direction,
    pub(super) body: Body,
    pub(super) otherwise: Option<Body>,
    pub(super) blankness: Blankness,
}

#[derive(Debug)]
pub(super) enum Offset {
    Continue,
    At(Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Reversed,
}

/// What a cycle is remembered under.
#[derive(Debug)]
pub(super) enum CycleName {
    Named(Expression),
    ByValues(String),
}

//! `type: row`: the rows that a condition holds for.

use std::cmp::Ordering;
use std::sync::Arc;

use super::cell::{Cell, Eye};
use super::sieve::Sieve;
use super::{Next, cast, failure, missing};
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{Comparison, Condition, Literal, Operator};
use crate::embulk::pattern::Pattern;
use crate::transfer::encode::Unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;
use crate::transfer::strptime::TimeReader;

/// One step of a pipeline.
pub(super) struct RowFilter {
    test: Test,
    keep: Vec<bool>,
    sieve: Sieve,
    seen: u64,
    kept: u64,
}

/// A condition whose columns and literals are those of a schema.
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Null(usize),
    Compare(Box<Compare>),
}

struct Compare {
    at: usize,
    name: String,
    eye: Eye,
    operator: Operator,
    literal: Fitted,
}

/// A literal of the column's type.
enum Fitted {
    Boolean(bool),
    Number(f64),
    Text(String),
    Instant(i64),
    Pattern(Pattern),
}

impl RowFilter {
    pub(super) fn new(condition: &Condition, schema: &Arc<Schema>) -> Result<Self, TransferError> {
        let test = test(condition, schema)?;
        Ok(Self { test, keep: Vec::new(), sieve: Sieve::new(schema), seen: 0, kept: 0 })
    }

    /// Hands on the rows that the condition holds for.
    pub(super) fn apply(&mut self, input: &mut Page, next: Next<'_>) -> Result<(), TransferError> {
        self.keep.clear();
        for row in 0..input.rows {
            let holds = self.test.holds(input, row)?;
            self.kept += u64::from(holds);
            self.keep.push(holds);
        }
        self.seen += input.rows as u64;
        self.sieve.apply(input, &self.keep, next)
    }

    /// The rows that were left out, if any.
    pub(super) fn change(&self) -> Option<Change> {
        let out = self.seen - self.kept;
        (out > 0).then(|| Change::of_rows("rows were left out by filter `row`", out))
    }

    /// How many rows were left out, if any.
    pub(super) fn note(&self) -> Option<String> {
        let out = self.seen - self.kept;
        (out > 0).then(|| format!("filter `row`: {out} of {} rows were left out", self.seen))
    }
}

fn test(condition: &Condition, schema: &Schema) -> Result<Test, TransferError> {
    let all = |parts: &[Condition]| parts.iter().map(|part| test(part, schema)).collect::<Result<_, _>>();
    Ok(match condition {
        Condition::All(parts) => Test::All(all(parts)?),
        Condition::Any(parts) => Test::Any(all(parts)?),
        Condition::Not(part) => Test::Not(Box::new(test(part, schema)?)),
        Condition::Null { column } => Test::Null(column_at(column, schema)?),
        Condition::Compare(comparison) => {
            let at = column_at(&comparison.column, schema)?;
            let kind = schema.columns[at].kind;
            Test::Compare(Box::new(Compare {
                at,
                name: comparison.column.clone(),
                eye: Eye::new(kind, &schema.zones),
                operator: comparison.operator,
                literal: fitted(comparison, kind.embulk())?,
            }))
        }
    })
}

fn column_at(name: &str, schema: &Schema) -> Result<usize, TransferError> {
    let at = schema.position(name).ok_or_else(|| missing("row", name))?;
    if schema.columns[at].kind.embulk() == EmbulkType::Json {
        let message = format!("row: column `{name}` is JSON, which conditions cannot look into");
        return Err(TransferError::new(ErrorKind::Config, message));
    }
    Ok(at)
}

/// The literal as a value of the column's type.
fn fitted(comparison: &Comparison, kind: EmbulkType) -> Result<Fitted, TransferError> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let refuse = |what: &str| {
        let (name, word) = (&comparison.column, kind.word());
        let message = format!("row: column `{name}` is a {word} and cannot be compared with {what}");
        Err(TransferError::new(ErrorKind::Config, message))
    };
    let ordered =
        matches!(comparison.operator, Equal | NotEqual | Greater | GreaterOrEqual | Less | LessOrEqual);
    if kind != EmbulkType::String && !ordered {
        return refuse("a part of a text");
    }
    match (kind, &comparison.literal) {
        (EmbulkType::Boolean, Literal::Boolean(value)) if matches!(comparison.operator, Equal | NotEqual) => {
            Ok(Fitted::Boolean(*value))
        }
        (EmbulkType::Boolean, Literal::Boolean(_)) => refuse("`<` or `>`"),
        (EmbulkType::Long | EmbulkType::Double, Literal::Number(number)) => Ok(Fitted::Number(*number)),
        (EmbulkType::Long | EmbulkType::Double, Literal::Text(text)) => match cast::java_double(text) {
            Some(number) => Ok(Fitted::Number(number)),
            None => refuse("a text"),
        },
        (EmbulkType::String, Literal::Text(text)) => Ok(Fitted::Text(text.clone())),
        (EmbulkType::String, Literal::Pattern(pattern)) => Ok(Fitted::Pattern(pattern.clone())),
        (EmbulkType::Timestamp, Literal::Number(number) | Literal::TimestampNumber(number)) => {
            match cast::micros(*number, 1) {
                Some(instant) => Ok(Fitted::Instant(instant)),
                None => refuse("a number as large as this"),
            }
        }
        (EmbulkType::Timestamp, Literal::Text(text) | Literal::TimestampText(text)) => {
            let reading = &comparison.reading;
            let readers = reading.formats.iter();
            let mut readers = readers.map(|format| TimeReader::new(format, reading.zone.zone.clone()));
            match readers.find_map(|mut reader| reader.read(text)) {
                Some(instant) => Ok(Fitted::Instant(instant)),
                None => refuse(&format!("`{text}`, which is no timestamp in any of its formats")),
            }
        }
        (_, Literal::Boolean(_)) => refuse("true or false"),
        (_, Literal::Number(_)) => refuse("a number"),
        (_, Literal::Text(_)) => refuse("a text"),
        (_, Literal::TimestampText(_) | Literal::TimestampNumber(_)) => refuse("a timestamp"),
        (_, Literal::Pattern(_)) => refuse("a pattern"),
    }
}

impl Test {
    fn holds(&mut self, page: &Page, row: usize) -> Result<bool, TransferError> {
        Ok(match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(page, row)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(page, row)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Not(part) => !part.holds(page, row)?,
            Self::Null(at) => !page.columns[*at].validity.is_valid(row),
            Self::Compare(compare) => compare
                .holds(page, row)
                .map_err(|unfit| failure("row", &compare.name, page.first_row + row as u64, &unfit))?,
        })
    }
}

impl Compare {
    fn holds(&mut self, page: &Page, row: usize) -> Result<bool, Unfit> {
        let column = &page.columns[self.at];
        if !column.validity.is_valid(row) {
            return Ok(self.operator == Operator::NotEqual);
        }
        let decimal;
        let order = match (self.eye.see(column, row)?, &self.literal) {
            (Cell::Boolean(value), Fitted::Boolean(literal)) => Some(value.cmp(literal)),
            (Cell::Long(value), Fitted::Number(literal)) => (value as f64).partial_cmp(literal),
            (Cell::Double(value), Fitted::Number(literal)) => value.partial_cmp(literal),
            (Cell::Decimal(text), Fitted::Number(literal)) => {
                decimal = text.parse::<f64>().map_err(|_| Unfit("is not a number"))?;
                decimal.partial_cmp(literal)
            }
            (Cell::Timestamp(value), Fitted::Instant(literal)) => Some(value.cmp(literal)),
            (Cell::Text(text), Fitted::Pattern(pattern)) => return Ok(pattern.0.is_match(text)),
            (Cell::Text(text), Fitted::Text(literal)) => return Ok(text_holds(self.operator, text, literal)),
            // Literals were fitted to the column's type.
            _ => None,
        };
        Ok(holds(self.operator, order))
    }
}

/// What an operator says of an order; NaN has none.
fn holds(operator: Operator, order: Option<Ordering>) -> bool {
    match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
        _ => false,
    }
}

fn text_holds(operator: Operator, text: &str, literal: &str) -> bool {
    match operator {
        Operator::StartWith => text.starts_with(literal),
        Operator::EndWith => text.ends_with(literal),
        Operator::Include => text.contains(literal),
        Operator::StartsLiteral => literal.starts_with(text),
        Operator::EndsLiteral => literal.ends_with(text),
        Operator::InLiteral => literal.contains(text),
        // Java compares UTF-16 units.
        operator => holds(operator, Some(text.encode_utf16().cmp(literal.encode_utf16()))),
    }
}

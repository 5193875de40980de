//! `${...}`: the small part of JavaScript that the generator writes, evaluated over JSON values.

use serde_json::Value;

use crate::model::story::Params;

/// What an expression may become: JSON has no word for two of them.
#[derive(Debug, Clone, PartialEq)]
enum Js {
    Undefined,
    NotANumber,
    Value(Value),
}

/// An expression that was read.
pub enum Expression {
    Literal(Value),
    Name(String),
    Field(Box<Expression>, String),
    TypeOf(Box<Expression>),
    Stringify(Box<Expression>),
    Binary(Box<Expression>, char, Box<Expression>),
    Choice(Box<[Expression; 3]>),
}

/// Reads an expression; none when it is none.
pub fn read(code: &str) -> Option<Expression> {
    let mut reader = Reader { rest: code.trim() };
    reader.choice().filter(|_| reader.rest.is_empty())
}

impl Expression {
    /// What it becomes in a text. The error is what the engine says.
    pub fn text(&self, near: &Params, base: &Params) -> Result<String, String> {
        let look_up = |name: &str| near.get(name).or_else(|| base.get(name)).cloned();
        Ok(match self.value(&look_up)? {
            Js::Undefined | Js::Value(Value::Null) => String::new(),
            Js::Value(Value::String(text)) => text,
            Js::Value(value) => value.to_string(),
            Js::NotANumber => "null".to_owned(),
        })
    }
}

type LookUp<'a> = dyn Fn(&str) -> Option<Value> + 'a;

impl Expression {
    fn value(&self, look_up: &LookUp<'_>) -> Result<Js, String> {
        Ok(match self {
            Self::Literal(value) => Js::Value(value.clone()),
            Self::Name(name) => {
                Js::Value(look_up(name).ok_or_else(|| format!("ReferenceError: {name} is not defined"))?)
            }
            Self::Field(of, field) => of.value(look_up)?.field(field)?,
            Self::TypeOf(of) => Js::Value(match (&**of, look_up) {
                (Self::Name(name), look_up) if look_up(name).is_none() => "undefined".into(),
                _ => of.value(look_up)?.kind().into(),
            }),
            Self::Stringify(of) => match of.value(look_up)? {
                Js::Undefined => Js::Undefined,
                Js::NotANumber => Js::Value("null".into()),
                Js::Value(value) => Js::Value(value.to_string().into()),
            },
            Self::Binary(left, operator, right) => {
                let (left, right) = (left.value(look_up)?, right.value(look_up)?);
                match operator {
                    '=' => Js::Value(left.equals(&right).into()),
                    '<' => Js::Value((left.number() < right.number()).into()),
                    '*' => number(left.number() * right.number()),
                    '+' if left.is_text() || right.is_text() => {
                        Js::Value((left.text() + &right.text()).into())
                    }
                    _ => number(left.number() + right.number()),
                }
            }
            Self::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                if condition.value(look_up)?.is_true() { yes.value(look_up)? } else { no.value(look_up)? }
            }
        })
    }
}

/// The generator's numbers are whole and small.
fn number(value: f64) -> Js {
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    if value.is_nan() { Js::NotANumber } else { Js::Value((value as i64).into()) }
}

impl Js {
    fn field(self, field: &str) -> Result<Self, String> {
        let missing = |what: &str| Err(format!("TypeError: cannot read property '{field}' of {what}"));
        let found = match self {
            Self::Undefined => return missing("undefined"),
            Self::Value(Value::Null) => return missing("null"),
            Self::Value(Value::String(text)) if field == "length" => Some(text.len().into()),
            Self::Value(Value::Array(items)) if field == "length" => Some(items.len().into()),
            Self::Value(Value::Object(map)) => map.get(field).cloned(),
            Self::Value(_) | Self::NotANumber => None,
        };
        Ok(found.map_or(Self::Undefined, Self::Value))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Value(Value::String(_)) => "string",
            Self::Value(Value::Number(_)) | Self::NotANumber => "number",
            Self::Value(Value::Bool(_)) => "boolean",
            Self::Value(_) => "object",
        }
    }

    fn is_text(&self) -> bool {
        // Lists and maps become texts when something is added to them.
        matches!(self, Self::Value(Value::String(_) | Value::Array(_) | Value::Object(_)))
    }

    fn text(&self) -> String {
        match self {
            Self::Undefined => "undefined".to_owned(),
            Self::NotANumber => "NaN".to_owned(),
            Self::Value(Value::String(text)) => text.clone(),
            Self::Value(Value::Array(items)) => {
                let part = |item: &Value| match item {
                    Value::Null => String::new(),
                    item => Self::Value(item.clone()).text(),
                };
                items.iter().map(part).collect::<Vec<_>>().join(",")
            }
            Self::Value(Value::Object(_)) => "[object Object]".to_owned(),
            Self::Value(value) => value.to_string(),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Undefined | Self::NotANumber => f64::NAN,
            Self::Value(Value::Null) => 0.0,
            Self::Value(Value::Bool(flag)) => f64::from(u8::from(*flag)),
            Self::Value(Value::Number(number)) => number.as_f64().unwrap(),
            Self::Value(_) => match self.text().trim() {
                "" => 0.0,
                text => text.parse().unwrap_or(f64::NAN),
            },
        }
    }

    /// `==`: nothing equals only nothing, texts (and what becomes one) are compared as texts, all else as numbers.
    fn equals(&self, other: &Self) -> bool {
        let nothing = |value: &Self| matches!(value, Self::Undefined | Self::Value(Value::Null));
        match (nothing(self), nothing(other)) {
            (true, true) => return true,
            (false, false) => {}
            _ => return false,
        }
        let texts = self.is_text() && other.is_text();
        if texts { self.text() == other.text() } else { self.number() == other.number() }
    }

    fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::NotANumber | Self::Value(Value::Null) => false,
            Self::Value(Value::Bool(flag)) => *flag,
            Self::Value(Value::Number(_)) => self.number() != 0.0,
            Self::Value(Value::String(text)) => !text.is_empty(),
            Self::Value(_) => true,
        }
    }
}

/// Reads an expression from its first letter to its last.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn choice(&mut self) -> Option<Expression> {
        let condition = self.binary(&[("==", '='), ("<", '<')], |reader| {
            reader.binary(&[("+", '+')], |reader| reader.binary(&[("*", '*')], Self::unary))
        })?;
        if !self.take("?") {
            return Some(condition);
        }
        let yes = self.choice()?;
        let no = if self.take(":") { self.choice()? } else { return None };
        Some(Expression::Choice(Box::new([condition, yes, no])))
    }

    fn binary(
        &mut self,
        operators: &[(&str, char)],
        part: impl Fn(&mut Self) -> Option<Expression>,
    ) -> Option<Expression> {
        let mut left = part(self)?;
        while let Some((_, operator)) = operators.iter().find(|(token, _)| self.take(token)) {
            let right = part(self)?;
            left = Expression::Binary(Box::new(left), *operator, Box::new(right));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expression> {
        if self.take("typeof ") {
            return Some(Expression::TypeOf(Box::new(self.unary()?)));
        }
        let mut value = self.primary()?;
        while self.take(".") {
            value = Expression::Field(Box::new(value), self.word()?);
        }
        Some(value)
    }

    fn primary(&mut self) -> Option<Expression> {
        let stringify = self.take("JSON.stringify(");
        if stringify || self.take("(") {
            let inner = self.choice()?;
            let whole = if stringify { Expression::Stringify(Box::new(inner)) } else { inner };
            return self.take(")").then_some(whole);
        }
        if let Some(text) = self.rest.strip_prefix('"') {
            let (text, rest) = text.split_once('"')?;
            self.rest = rest.trim_start();
            return Some(Expression::Literal(text.into()));
        }
        let word = self.word()?;
        Some(match word.parse::<i64>() {
            Ok(number) => Expression::Literal(number.into()),
            Err(_) => Expression::Name(word),
        })
    }

    fn word(&mut self) -> Option<String> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        (!word.is_empty()).then(|| word.to_owned())
    }
}

//! What becomes of a column: the first rule that fits it decides.

use super::{Action, Columns, Glob, NewColumns, Of, Policy, Rule};

/// A column that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Where its values come from.
    pub origin: Origin,
    /// Its type in the words of the source, e.g. `varchar(40)`.
    pub type_name: String,
}

/// Where the values of a column come from, by the word of the source and not of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A column of a table, view or file.
    Column {
        /// Its schema, database or bucket; none where there is no such thing.
        schema: Option<String>,
        /// Its table; of files their `path_prefix`.
        table: String,
        /// Its own name, whatever a query calls it.
        column: String,
    },
    /// Something that a query computes, or whose table the source does not tell.
    Expression {
        /// What the query calls it.
        alias: String,
    },
}

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// What is done.
    pub action: &'p Action,
    /// Who says so; none: no rule names the column.
    pub rule: Option<&'p Rule>,
}

impl Origin {
    /// The name that rules go by.
    pub fn name(&self) -> &str {
        match self {
            Self::Column { column, .. } => column,
            Self::Expression { alias } => alias,
        }
    }

    /// For people: `shop.users.email`, or `expression`.
    pub fn shown(&self) -> String {
        match self {
            Self::Column { schema: Some(schema), table, column } => format!("{schema}.{table}.{column}"),
            Self::Column { schema: None, table, column } => format!("{table}.{column}"),
            Self::Expression { .. } => "expression".to_owned(),
        }
    }
}

impl Policy {
    /// What becomes of a column.
    pub fn verdict(&self, subject: &Subject) -> Verdict<'_> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.fits(subject)) {
            return Verdict { action: &rule.action, rule: Some(rule) };
        }
        let is_expression = matches!(subject.origin, Origin::Expression { .. });
        let action = match self.new_columns {
            // It may be made of a column that a rule keeps back.
            NewColumns::Keep if !is_expression => &Action::Keep,
            _ => &Action::Drop,
        };
        Verdict { action, rule: None }
    }
}

impl Rule {
    fn fits(&self, subject: &Subject) -> bool {
        let table = match (&self.of, &subject.origin) {
            (Of::Tables { schemas, tables }, Origin::Column { schema, table, .. }) => {
                let fits_schema =
                    schemas.is_empty() || schema.as_deref().is_some_and(|schema| any(schemas, schema));
                if !fits_schema || !(tables.is_empty() || any(tables, table)) {
                    return false;
                }
                Some(table.as_str())
            }
            (Of::Expressions, Origin::Expression { .. }) => None,
            _ => return false,
        };
        let name = subject.origin.name();
        let is_named = match &self.columns {
            None => true,
            Some(Columns::Named(names)) => any(names, name),
            Some(Columns::Sets(sets)) => sets.iter().any(|set| set.has(table, name)),
        };
        is_named && (self.types.is_empty() || self.fits_type(&subject.type_name))
    }

    /// `varchar` fits `varchar(40)` as well.
    fn fits_type(&self, name: &str) -> bool {
        let bare = match (name.find('('), name.rfind(')')) {
            (Some(open), Some(close)) if open < close => {
                format!("{}{}", name[..open].trim_end(), &name[close + 1..])
            }
            _ => name.to_owned(),
        };
        any(&self.types, name) || any(&self.types, &bare)
    }
}

fn any(globs: &[Glob], name: &str) -> bool {
    globs.iter().any(|glob| glob.matches(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::diagnostic::Source;
    use crate::policy::parse;

    fn policy(text: &str) -> Policy {
        let parsed = parse(&Source::new(Path::new("policy.yml"), text));
        parsed.unwrap_or_else(|problems| panic!("{problems:?}")).0
    }

    fn column(schema: Option<&str>, table: &str, column: &str, type_name: &str) -> Subject {
        let schema = schema.map(str::to_owned);
        let origin = Origin::Column { schema, table: table.into(), column: column.into() };
        Subject { origin, type_name: type_name.into() }
    }

    fn shop(table: &str, name: &str) -> Subject {
        column(Some("shop"), table, name, "varchar(40)")
    }

    fn expression(alias: &str) -> Subject {
        Subject { origin: Origin::Expression { alias: alias.into() }, type_name: "text".into() }
    }

    fn said(policy: &Policy, subject: &Subject) -> String {
        let verdict = policy.verdict(subject);
        let line = verdict.rule.map_or_else(|| "no rule".to_owned(), |rule| rule.line.to_string());
        format!("{} {line}", verdict.action.word())
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let policy = policy(
            "rules:\n- {table: users, column: email, action: hash}\n- {column: \"*mail*\", action: drop}\n\
             - {schema: SHOP, table: user*, column: [id, name], action: keep}\n",
        );
        for (subject, expected) in [
            (shop("users", "EMAIL"), "hash 2"),
            (shop("orders", "email"), "drop 3"),
            (shop("users", "email2"), "drop 3"),
            (shop("users", "name"), "keep 4"),
            (shop("Users_Old", "id"), "keep 4"),
            (shop("orders", "id"), "drop no rule"),
            (column(Some("other"), "users", "id", ""), "drop no rule"),
            (column(None, "users", "id", ""), "drop no rule"),
        ] {
            assert_eq!(said(&policy, &subject), expected, "{subject:?}");
        }
    }

    #[test]
    fn types_fit_with_and_without_their_length() {
        let policy = policy(
            "new_columns: keep\nrules:\n- {type: [varchar, inet], table: a, action: drop}\n\
             - {type: \"varchar(40)\", action: 'null'}\n- {type: bigint unsigned, action: hash}\n",
        );
        for (subject, expected) in [
            (column(None, "a", "x", "VARCHAR(40)"), "drop 3"),
            (column(None, "a", "x", "inet"), "drop 3"),
            (column(None, "b", "x", "varchar(40)"), "null 4"),
            (column(None, "b", "x", "varchar(41)"), "keep no rule"),
            (column(None, "b", "x", "BIGINT(20) UNSIGNED"), "hash 5"),
        ] {
            assert_eq!(said(&policy, &subject), expected, "{subject:?}");
        }
    }

    #[test]
    fn an_expression_is_kept_only_by_a_rule_about_expressions() {
        let rules = "rules:\n- {column: \"*\", action: keep}\n- {column: total, expression: true, action: keep}\n\
                     - {set: email, expression: true, action: hash}\n";
        for text in [rules.to_owned(), format!("new_columns: keep\n{rules}")] {
            let policy = policy(&text);
            let line = |line: usize| line + usize::from(text.starts_with("new"));
            assert_eq!(said(&policy, &shop("users", "total")), format!("keep {}", line(2)));
            assert_eq!(said(&policy, &expression("total")), format!("keep {}", line(3)));
            assert_eq!(said(&policy, &expression("email")), format!("hash {}", line(4)));
            assert_eq!(said(&policy, &expression("x")), "drop no rule");
        }
    }

    #[test]
    fn new_columns_are_denied_unless_it_says_otherwise() {
        for (text, expected) in [
            ("", "drop no rule"),
            ("rules: []\n", "drop no rule"),
            ("new_columns: deny\n", "drop no rule"),
            ("new_columns: keep\n", "keep no rule"),
        ] {
            assert_eq!(said(&policy(text), &shop("users", "email2")), expected, "{text}");
        }
    }

    #[test]
    fn a_set_may_look_at_the_table() {
        let policy = policy("new_columns: keep\nrules:\n- {set: person-name, action: drop}\n");
        assert_eq!(said(&policy, &shop("customers", "name")), "drop 3");
        assert_eq!(said(&policy, &shop("products", "name")), "keep no rule");
        assert_eq!(said(&policy, &shop("products", "last_name")), "drop 3");
    }
}

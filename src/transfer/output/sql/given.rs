//! What `type` in `column_options` says: a type, and perhaps more than that.

use super::plan::option_of;
use crate::embulk::output::TableLoad;
use crate::transfer::error::{ErrorKind, TransferError};

/// What columns have besides their types, by their names: `NOT NULL`, `DEFAULT`, `UNIQUE`.
pub(crate) type Attributes = Vec<(String, Vec<&'static str>)>;

/// Whether the config gives a column its type.
pub(crate) fn is_given(load: &TableLoad, name: &str) -> bool {
    option_of(load, name).is_some_and(|option| option.sql_type.is_some())
}

/// Words behind a type that say more than a type.
const MORE: [&str; 13] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "COMMENT",
    "UNIQUE",
    "PRIMARY",
    "KEY",
    "AUTO_INCREMENT",
    "CHECK",
    "GENERATED",
    "AS",
    "INVISIBLE",
    "REFERENCES",
];

/// Whether a type of the config says more than a type.
pub(crate) fn says_more(sql_type: &str) -> bool {
    // Members of an ENUM are no words.
    let bare: String = sql_type.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let mut words = bare.split(|char: char| !char.is_alphanumeric() && char != '_');
    words.any(|word| MORE.iter().any(|more| word.eq_ignore_ascii_case(more)))
}

/// The error of a type that the server refuses, from what it says.
pub(crate) fn refused(name: &str, said: TransferError) -> TransferError {
    TransferError {
        kind: ErrorKind::Config,
        message: format!("column `{name}` cannot have the type that `column_options` gives it"),
        hint: Some(format!("check `column_options.{name}.type`")),
        ..said
    }
}

/// What is said of columns that are there and keep what they have: `wanted` is what the config gives them.
pub(crate) fn not_applied(table: &str, wanted: &Attributes, has: &Attributes) -> Vec<String> {
    let note = |(name, wanted): &(String, Vec<&'static str>)| {
        let (_, has) = has.iter().find(|(known, _)| known == name)?;
        let missing: Vec<&str> = wanted.iter().filter(|word| !has.contains(word)).copied().collect();
        let what = missing.join(" and ");
        (!missing.is_empty()).then(|| {
            format!(
                "column `{name}` of table `{table}` stays without {what}: a column that is there gets no more than \
                 a type from `column_options`"
            )
        })
    };
    wanted.iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_may_say_more_than_a_type() {
        for (sql_type, more) in [
            ("VARCHAR(20)", false),
            ("enum('not', 'it''s null')", false),
            ("decimal(10, 2) unsigned", false),
            ("varchar(3) default 'x'", true),
            ("TIMESTAMP NULL", true),
            ("int(11)not null", true),
        ] {
            assert_eq!(says_more(sql_type), more, "{sql_type}");
        }
    }

    #[test]
    fn what_a_column_has_already_is_no_news() {
        let of = |name: &str, words: &[&'static str]| (name.to_owned(), words.to_vec());
        let wanted = vec![of("a", &["NOT NULL", "DEFAULT"]), of("b", &["NOT NULL"]), of("new", &["UNIQUE"])];
        let has = vec![of("a", &["DEFAULT"]), of("b", &["NOT NULL", "UNIQUE"])];
        assert_eq!(
            not_applied("t", &wanted, &has),
            [
                "column `a` of table `t` stays without NOT NULL: a column that is there gets no more than a type from \
              `column_options`"
            ]
        );
    }
}

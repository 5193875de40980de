//! `type: rename`: columns under other names.

use std::collections::HashMap;

use super::projection::{Origin, Projection};
use super::{missing, suffix};
use crate::embulk::filter::{FirstCharacter, Rename, RenameRule};
use crate::embulk::replacement::replace_all;
use crate::transfer::error::TransferError;
use crate::transfer::schema::{Column, Schema};

/// The projection of a `rename` filter.
pub(super) fn plan(filter: &Rename, schema: &Schema) -> Result<Projection, TransferError> {
    let known = schema.positions();
    if let Some((old, _)) = filter.columns.iter().find(|(old, _)| !known.contains_key(old.as_str())) {
        return Err(missing("rename", old));
    }
    // Of equal names the first counts.
    let new: HashMap<&String, &String> = filter.columns.iter().rev().map(|(old, new)| (old, new)).collect();
    let mut names: Vec<String> = schema
        .columns
        .iter()
        .map(|column| (*new.get(&column.name).unwrap_or(&&column.name)).clone())
        .collect();
    for rule in &filter.rules {
        names = match rule {
            RenameRule::UniqueNumberSuffix(rule) => suffix::unique(rule, &names)?,
            rule => names.into_iter().map(|name| renamed(rule, name)).collect(),
        };
    }
    let columns = names.iter().zip(&schema.columns).enumerate();
    let columns = columns.map(|(at, (name, column))| (Column::new(name, column.kind), Origin::Input(at)));
    Ok(Projection::of(schema, columns.collect()))
}

fn renamed(rule: &RenameRule, name: String) -> String {
    match rule {
        RenameRule::LowerToUpper => name.to_uppercase(),
        RenameRule::UpperToLower => name.to_lowercase(),
        RenameRule::Truncate { max_length } => cut(&name, *max_length).to_owned(),
        RenameRule::CharacterTypes { pass, replace } => {
            name.chars().map(|char| if pass.contains(char) { char } else { *replace }).collect()
        }
        RenameRule::FirstCharacterTypes { pass, other } => {
            // Java's pattern for the whole name does not go past the end of a line.
            let one_line = |name: &str| !name.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
            match name.chars().next().filter(|first| !pass.contains(*first)) {
                Some(first) if one_line(&name[first.len_utf8()..]) => match other {
                    FirstCharacter::Replace(char) => format!("{char}{}", &name[first.len_utf8()..]),
                    FirstCharacter::Prefix(char) => format!("{char}{name}"),
                },
                _ => name,
            }
        }
        RenameRule::RegexReplace { pattern, replace } => replace_all(&name, &pattern.0, replace),
        RenameRule::UniqueNumberSuffix(_) => name,
    }
}

/// The first units of a text; a character that would be cut in half goes.
pub(super) fn cut(text: &str, units: usize) -> &str {
    let mut length = 0;
    let end = text.char_indices().find(|(_, char)| {
        length += char.len_utf16();
        length > units
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::filter::{CharacterTypes, NumberSuffix};
    use crate::embulk::pattern::{self, Pattern};
    use crate::transfer::schema::{ColumnType, Zones};

    fn names(
        columns: &[(&str, &str)],
        rules: Vec<RenameRule>,
        names: &[&str],
    ) -> Result<Vec<String>, String> {
        let columns = columns.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
        let schema = names.iter().map(|name| Column::new(*name, ColumnType::Long)).collect();
        let schema = Schema { columns: schema, zones: Zones::utc() };
        let projection = plan(&Rename { columns, rules }, &schema).map_err(|error| error.to_string())?;
        Ok(projection.schema().columns.iter().map(|column| column.name.clone()).collect())
    }

    fn ascii() -> CharacterTypes {
        CharacterTypes { ranges: vec![('a', 'z'), ('0', '9')], others: "-".to_owned() }
    }

    fn suffix() -> NumberSuffix {
        NumberSuffix { delimiter: '_', offset: 1, digits: None, max_length: None }
    }

    #[test]
    fn every_rule() {
        let pattern = |text| Pattern(pattern::compile(text).unwrap());
        let replace = "${1}".to_owned();
        for (rule, before, after) in [
            (RenameRule::LowerToUpper, "straße Δ_a", "STRASSE Δ_A"),
            (RenameRule::UpperToLower, "ID ÀB", "id àb"),
            (RenameRule::Truncate { max_length: 3 }, "ab😀d", "ab"),
            (RenameRule::Truncate { max_length: 0 }, "ab", ""),
            (RenameRule::CharacterTypes { pass: ascii(), replace: '_' }, "a-B.日1", "a-___1"),
            (
                RenameRule::FirstCharacterTypes { pass: ascii(), other: FirstCharacter::Replace('_') },
                "Bcd",
                "_cd",
            ),
            (
                RenameRule::FirstCharacterTypes { pass: ascii(), other: FirstCharacter::Prefix('p') },
                "Bcd",
                "pBcd",
            ),
            (
                RenameRule::FirstCharacterTypes { pass: ascii(), other: FirstCharacter::Prefix('p') },
                "bcd",
                "bcd",
            ),
            (RenameRule::RegexReplace { pattern: pattern("(.)l"), replace }, "col colx", "co cox"),
        ] {
            assert_eq!(names(&[], vec![rule.clone()], &[before]), Ok(vec![after.to_owned()]), "{rule:?}");
        }
    }

    #[test]
    fn columns_come_before_rules_and_rules_one_after_another() {
        let rules = vec![RenameRule::LowerToUpper, RenameRule::UniqueNumberSuffix(suffix())];
        assert_eq!(names(&[("a", "b")], rules, &["a", "B", "c"]).unwrap(), ["B", "B_2", "C"]);
        assert_eq!(
            names(&[("x", "y")], vec![], &["a"]).unwrap_err(),
            "rename: column `x` does not exist in the schema"
        );
    }
}

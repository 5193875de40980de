//! `type: rename`

use crate::diagnostic::Problem;
use crate::embulk::bind::scalar::Scalar;
use crate::embulk::bind::section::Section;
use crate::embulk::filter::{CharacterTypes, FirstCharacter, NumberSuffix, Rename, RenameRule};
use crate::embulk::pattern::{self, Pattern};
use crate::embulk::replacement::replacement;

/// The shortest `max_length` that leaves a name beside its number.
const SHORTEST: i64 = 8;

type Rule = fn(&Section<'_>) -> Option<RenameRule>;

const RULES: [(&str, Rule); 7] = [
    ("lower_to_upper", |_| Some(RenameRule::LowerToUpper)),
    ("upper_to_lower", |_| Some(RenameRule::UpperToLower)),
    ("truncate", truncate),
    ("character_types", character_types),
    ("first_character_types", first_character_types),
    ("regex_replace", regex_replace),
    ("unique_number_suffix", unique_number_suffix),
];

pub(super) fn rename(section: &Section<'_>) -> Option<Rename> {
    let mut columns = Vec::new();
    for (old, entry) in section.named("columns") {
        match Scalar::of(&entry.value, section.binder()) {
            Some(Scalar::Unknown) => {}
            Some(scalar @ (Scalar::Bool(_) | Scalar::Number(_) | Scalar::Text(_))) => {
                columns.extend(scalar.into_text().map(|new| (old, new.expose().to_owned())));
            }
            Some(Scalar::Null) | None => {
                let message = format!("the new name of `{old}` must be text, not {}", entry.value.kind());
                section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            }
        }
    }
    let rules: Vec<_> = section.sections("rules").iter().map(rule).collect();
    Some(Rename { columns, rules: rules.into_iter().collect::<Option<_>>()? })
}

fn rule(section: &Section<'_>) -> Option<RenameRule> {
    if section.node("rule").is_none() {
        section.missing("rule");
        return None;
    }
    let bound = section.word("rule", &RULES)?(section);
    section.finish();
    bound
}

fn truncate(section: &Section<'_>) -> Option<RenameRule> {
    let max_length = match section.node("max_length") {
        Some(_) => section.integer("max_length", 0..=i64::from(u32::MAX))?,
        None => 128,
    };
    Some(RenameRule::Truncate { max_length: usize::try_from(max_length).ok()? })
}

fn character_types(section: &Section<'_>) -> Option<RenameRule> {
    let pass = pass(section);
    let replace = match section.node("replace") {
        Some(_) => one_character(section, "replace")?,
        None => '_',
    };
    if matches!(replace, '$' | '\\') {
        section.refuse_value(
            "replace",
            format!("`replace` cannot be `{replace}`, which has a meaning of its own"),
        );
        return None;
    }
    Some(RenameRule::CharacterTypes { pass: pass?, replace })
}

fn first_character_types(section: &Section<'_>) -> Option<RenameRule> {
    let pass = pass(section);
    let given = |key| section.plain(key).is_some();
    let other = match (given("replace"), given("prefix")) {
        (true, true) => {
            let message = "`replace` and `prefix` cannot be given both";
            section.binder().report(Problem::error("bad-value", message, section.span()));
            None
        }
        (true, false) => one_character(section, "replace").map(FirstCharacter::Replace),
        (false, true) => one_character(section, "prefix").map(FirstCharacter::Prefix),
        (false, false) => {
            let message = "`replace` or `prefix` is required in `rules`";
            section.binder().report(Problem::error("missing-option", message, section.span()));
            None
        }
    };
    Some(RenameRule::FirstCharacterTypes { pass: pass?, other: other? })
}

/// The characters that stay; without any the rule means nothing.
fn pass(section: &Section<'_>) -> Option<CharacterTypes> {
    let keywords = section.texts("pass_types");
    let others = section.plain("pass_characters").unwrap_or_default();
    let mut ranges = Vec::new();
    for keyword in &keywords {
        match keyword.as_str() {
            "a-z" => ranges.push(('a', 'z')),
            "A-Z" => ranges.push(('A', 'Z')),
            "0-9" => ranges.push(('0', '9')),
            _ => {
                let message = format!("`pass_types` takes a-z, A-Z and 0-9, not `{keyword}`");
                section.refuse_value("pass_types", message);
                return None;
            }
        }
    }
    if others.contains("\\E") {
        section.refuse_value("pass_characters", "`pass_characters` cannot have `\\E` in it".to_owned());
        return None;
    }
    if ranges.is_empty() && others.is_empty() && section.is_known(&["pass_types", "pass_characters"]) {
        let message = "`pass_types` or `pass_characters` is required in `rules`";
        section.binder().report(Problem::error("missing-option", message, section.span()));
        return None;
    }
    Some(CharacterTypes { ranges, others })
}

fn one_character(section: &Section<'_>, key: &'static str) -> Option<char> {
    let text = section.plain(key)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) if char.len_utf16() == 1 => Some(char),
        _ => {
            section.refuse_value(key, format!("`{key}` must be one character, not `{text}`"));
            None
        }
    }
}

fn regex_replace(section: &Section<'_>) -> Option<RenameRule> {
    let text = section.required("match");
    let replace = section.required("replace");
    let pattern = compiled(section, "match", text?.expose())?;
    match replacement(replace?.expose(), &pattern.0) {
        Ok(replace) => Some(RenameRule::RegexReplace { pattern, replace }),
        Err(error) => {
            section.refuse_value("replace", format!("`replace` {error}"));
            None
        }
    }
}

/// The pattern at an option; one that cannot be used is reported.
pub(super) fn compiled(section: &Section<'_>, key: &'static str, text: &str) -> Option<Pattern> {
    match pattern::compile(text) {
        Ok(regex) => Some(Pattern(regex)),
        Err(error) => {
            section.refuse_value(key, format!("the pattern of `{key}` cannot be used: it {error}"));
            None
        }
    }
}

fn unique_number_suffix(section: &Section<'_>) -> Option<RenameRule> {
    let delimiter = match section.node("delimiter") {
        Some(_) => one_character(section, "delimiter")?,
        None => '_',
    };
    if delimiter.is_numeric() {
        section.refuse_value("delimiter", format!("`delimiter` cannot be the digit `{delimiter}`"));
        return None;
    }
    let offset = section.integer("offset", 0..=i64::from(i32::MAX)).unwrap_or(1);
    let digits = section.integer("digits", 1..=1000);
    let max_length = section.integer("max_length", SHORTEST..=i64::from(i32::MAX));
    if let (Some(digits), Some(max_length)) = (digits, max_length)
        && max_length < digits + 1
    {
        section.refuse_value("max_length", format!("`max_length` must be above `digits`, which is {digits}"));
        return None;
    }
    let size = |number: Option<i64>| number.and_then(|number| usize::try_from(number).ok());
    Some(RenameRule::UniqueNumberSuffix(NumberSuffix {
        delimiter,
        offset: u32::try_from(offset).ok()?,
        digits: size(digits),
        max_length: size(max_length),
    }))
}

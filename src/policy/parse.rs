//! The text of the file to checked rules, or to everything that is wrong with it.

use std::sync::Arc;

use super::options::{self, LITERAL_KEY};
use super::section::{Found, Section, listed};
use super::set::{self, NameSet};
use super::{Action, Columns, Glob, NewColumns, Of, Policy, Rule};
use crate::diagnostic::{Problem, Source, Span, suggest};
use crate::yaml::{self, Dialect, Node, NodeValue};

/// Keys of the file.
const KEYS: [&str; 2] = ["new_columns", "rules"];

/// Keys of a rule.
const RULE_KEYS: [&str; 14] = [
    "schema",
    "table",
    "column",
    "set",
    "type",
    "expression",
    "action",
    "key",
    "keep_first",
    "keep_last",
    "keep_domain",
    "length",
    "unit",
    "reason",
];

/// More rules than anybody reads would make a run slow.
const MOST_RULES: usize = 10_000;

/// The rules of a text and the warnings about them, or everything that is wrong, warnings among it. Codes of problems:
/// those of YAML, `wrong-type`, `bad-value`, `missing-option`, `unknown-option`, `unfit-option`, `literal-secret`, and
/// the warnings `unreachable-rule` and `policy-keeps-all`.
pub fn parse(source: &Arc<Source>) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    let parsed = yaml::parse(source, Dialect::Digdag);
    let found = Found::new(parsed.problems);
    for problem in found.borrow_mut().iter_mut() {
        quote_stars(problem);
    }
    let policy = parsed.node.as_ref().and_then(|node| read(node, source, &found));
    let mut problems = found.into_inner();
    problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
    hide_keys(&mut problems);
    match policy {
        Some(policy) if !problems.iter().any(Problem::is_error) => Ok((policy, problems)),
        _ => Err(problems),
    }
}

/// A pattern that begins with a star is what YAML calls an alias.
fn quote_stars(problem: &mut Problem) {
    let at_star = problem.span.as_ref().is_some_and(|span| {
        let text = &span.source.text;
        text[span.start..].starts_with('*') || text[..span.start].ends_with('*')
    });
    if at_star && problem.is_error() {
        problem.hint = Some("put a pattern that begins with `*` between quotes".to_owned());
    }
}

/// A key that is written out is shown by no excerpt, also not by that of its neighbour.
fn hide_keys(problems: &mut [Problem]) {
    let keys: Vec<Span> = problems
        .iter()
        .filter(|problem| problem.code == LITERAL_KEY)
        .filter_map(|problem| problem.span.clone())
        .collect();
    let Some(first) = keys.first() else { return };
    let mut text = first.source.text.clone();
    for span in &keys {
        let star = |char: char| if char == '\n' { "\n".to_owned() } else { "*".repeat(char.len_utf8()) };
        let stars: String = text[span.start..span.end].chars().map(star).collect();
        text.replace_range(span.start..span.end, &stars);
    }
    let hidden = Source::new(first.path(), text);
    for problem in problems {
        let spans = problem.span.iter_mut().chain(problem.also.iter_mut().map(|(span, _)| span));
        spans.for_each(|span| *span = Span::new(&hidden, span.start, span.end));
    }
}

fn read(root: &Node, source: &Arc<Source>, found: &Found) -> Option<Policy> {
    let file = source.path.to_string_lossy().into_owned();
    if matches!(&root.value, NodeValue::Scalar(serde_json::Value::Null)) {
        return Some(Policy { file, new_columns: NewColumns::Deny, rules: Vec::new() });
    }
    let section = Section::of(root, "the policy", found)?;
    let new_columns = section.text("new_columns").map_or(Some(NewColumns::Deny), |(word, span)| match word {
        "deny" => Some(NewColumns::Deny),
        "keep" => Some(NewColumns::Keep),
        _ => {
            let message = format!("`new_columns` must be `deny` or `keep`, not `{word}`");
            section.report(Problem::error("bad-value", message, span));
            None
        }
    });
    let rules = section.entry("rules").map_or_else(Vec::new, |entry| rules(&entry.value, found));
    section.refuse_others(&KEYS, &|_| None);
    let policy = Policy { file, new_columns: new_columns?, rules };
    warn(&policy, root, found);
    Some(policy)
}

fn rules(node: &Node, found: &Found) -> Vec<Rule> {
    let report = |problem| found.borrow_mut().push(problem);
    match &node.value {
        NodeValue::Scalar(serde_json::Value::Null) => Vec::new(),
        NodeValue::Sequence(nodes) if nodes.len() > MOST_RULES => {
            report(Problem::error("bad-value", format!("more than {MOST_RULES} rules"), &node.span));
            Vec::new()
        }
        NodeValue::Sequence(nodes) => nodes.iter().filter_map(|node| rule(node, found)).collect(),
        _ => {
            let message = format!("`rules` must be a list, not {}", node.kind());
            report(Problem::error("wrong-type", message, &node.span).hint("begin each rule with `- `"));
            Vec::new()
        }
    }
}

fn rule(node: &Node, found: &Found) -> Option<Rule> {
    let section = Section::of(node, "a rule", found)?;
    let place = section.first_key().unwrap_or(&node.span);
    let globs = |key| -> Vec<Glob> {
        let texts = section.texts(key).unwrap_or_default();
        texts.iter().map(|(text, _)| Glob::new(text)).collect()
    };
    let (schemas, tables, types) = (globs("schema"), globs("table"), globs("type"));
    let columns = columns(&section);
    let is_expression = section.flag("expression").unwrap_or(false);
    let action = options::action(&section, place);
    let reason = section.text("reason").map(|(text, _)| text.to_owned());
    let word = action.as_ref().map_or("", Action::word);
    // Without an action nobody knows which keys go with it.
    section.refuse_others(&RULE_KEYS, &|key| {
        if word.is_empty() && options::unfit("", key).is_some() {
            return Some(format!("`{key}` has no place in this rule"));
        }
        options::unfit(word, key)
    });
    if is_expression {
        for key in ["schema", "table"] {
            if let Some(entry) = section.entry(key) {
                let message =
                    format!("`{key}` cannot stand beside `expression: true`: an expression has none");
                section.report(Problem::error("unfit-option", message, &entry.key_span));
            }
        }
        if columns.is_none() && section.entry("column").is_none() && section.entry("set").is_none() {
            let problem = Problem::error(
                "missing-option",
                "a rule about expressions must name them by `column` or `set`",
                place,
            );
            section.report(problem.hint("`column` is what the query calls it: `x` of `select a + b as x`"));
        }
    }
    let has_pattern = ["schema", "table", "column", "set", "type"];
    if has_pattern.iter().all(|key| section.entry(key).is_none()) && !is_expression {
        let problem =
            Problem::error("missing-option", "the rule does not say which columns it is about", place);
        section.report(problem.hint(format!("write one of {}", listed(&has_pattern))));
    }
    let of = if is_expression { Of::Expressions } else { Of::Tables { schemas, tables } };
    Some(Rule { line: place.line(), of, columns, types, action: action?, reason })
}

fn columns(section: &Section<'_>) -> Option<Columns> {
    let named = section.texts("column");
    let sets = section.texts("set");
    if let (Some(_), Some(_)) = (&named, &sets)
        && let Some(entry) = section.entry("set")
    {
        let problem = Problem::error(
            "unfit-option",
            "`set` cannot stand beside `column`: both name columns",
            &entry.key_span,
        );
        section.report(problem.hint("write two rules"));
        return None;
    }
    if let Some(texts) = named {
        return Some(Columns::Named(texts.iter().map(|(text, _)| Glob::new(text)).collect()));
    }
    let known = sets?.into_iter().filter_map(|(name, span)| known_set(name, span, section));
    Some(Columns::Sets(known.collect()))
}

fn known_set(name: &str, span: &Span, section: &Section<'_>) -> Option<&'static NameSet> {
    let known = set::find(name);
    if known.is_none() {
        let names: Vec<&str> = set::all().map(|set| set.name).collect();
        let problem = Problem::error("bad-value", format!("unknown set `{name}`"), span);
        section.report(match suggest(name, names.iter().copied()) {
            Some(near) => problem.did_you_mean(name, near),
            None => problem.hint(format!("the sets are {}", listed(&names))),
        });
    }
    known
}

/// Warnings about rules that are right and do something else than they seem to.
fn warn(policy: &Policy, root: &Node, found: &Found) {
    let nodes = match root.get("rules").map(|node| &node.value) {
        Some(NodeValue::Sequence(nodes)) if nodes.len() == policy.rules.len() => nodes,
        _ => return,
    };
    let mut all: Option<&Rule> = None;
    for (rule, node) in policy.rules.iter().zip(nodes) {
        let span = node.as_mapping().and_then(<[_]>::first).map_or(&node.span, |entry| &entry.key_span);
        let is_of_tables = matches!(rule.of, Of::Tables { .. });
        if let Some(earlier) = all.filter(|_| is_of_tables) {
            let message =
                format!("the rule decides nothing: that of line {} fits every column", earlier.line);
            let problem = Problem::warning("unreachable-rule", message, span);
            found.borrow_mut().push(problem.hint("the first rule that fits a column decides"));
            continue;
        }
        if fits_all(rule) {
            all = Some(rule);
            if rule.action == Action::Keep && policy.new_columns == NewColumns::Deny {
                let message = "the rule keeps every column that no rule before it names, new ones too";
                let problem = Problem::warning("policy-keeps-all", message, span);
                found.borrow_mut().push(problem.hint("name the tables, or say `new_columns: keep`"));
            }
        }
    }
}

fn fits_all(rule: &Rule) -> bool {
    let any = |globs: &[Glob]| globs.is_empty() || globs.iter().any(Glob::is_any);
    let Of::Tables { schemas, tables } = &rule.of else { return false };
    let columns = match &rule.columns {
        None => true,
        Some(Columns::Named(globs)) => any(globs),
        Some(Columns::Sets(_)) => false,
    };
    // A source without schemas is fitted by no pattern of one.
    schemas.is_empty() && any(tables) && columns && any(&rule.types)
}

#[cfg(test)]
mod tests;

//! What can be said of a transfer file without its environment.
//!
//! The template is rendered twice: once as if every variable were set to something unlike anything it is compared to,
//! once as if each were what it is compared to. Both branches of the usual conditions are seen that way. Values that
//! come from the environment are not known and nobody's error; that something is missing is said only when it is
//! missing in both.

use std::cell::RefCell;
use std::path::Path;

use super::bind::{self, Binder, ForeignPlugins, LITERAL_KEY, LITERAL_SECRET, Purpose};
use super::config::ExecConfig;
use super::liquid::{Guess, Template};
use super::load::{folder, read, syntax_problem};
use super::template::{Kind, PartialFiles, RenderedText, TextCovers, guessed};
use crate::diagnostic::{Problem, Source, Span};
use crate::reader::Reader;
use crate::yaml;

/// Problems that a branch not taken may explain: said only when they are in every rendering.
const STRUCTURAL: [&str; 5] =
    ["missing-option", "yaml-syntax", "not-a-mapping", "wrong-type", "liquid-error"];

/// Everything that is wrong with a file whatever its environment.
pub fn check_file(path: &Path, reader: &dyn Reader, plugins: ForeignPlugins) -> Vec<Problem> {
    let (source, kind) = match read(path, reader) {
        Ok(read) => read,
        Err(problem) => return vec![problem],
    };
    if kind == Kind::Plain {
        let mut found = problems(&RenderedText::plain(&source), reader, plugins);
        // In files that are plain YAML, secrets are looked for under every name and by whoever reads the whole project.
        found.retain(|problem| problem.code != LITERAL_SECRET);
        found.iter_mut().for_each(hide_literal);
        return found;
    }
    let template = match Template::parse(&source) {
        Ok(template) => template,
        Err(error) => return vec![syntax_problem(&error, &source)],
    };
    let partials = PartialFiles { reader, folder: folder(path) };
    // Any time will do: what a date renders to is text.
    let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    let found = [Guess::Filled, Guess::Matching]
        .map(|guess| problems(&guessed(&template, path, &partials, &now, guess), reader, plugins));
    merge(found)
}

/// A secret that is written out is not shown by the excerpt of what is said about it: each letter becomes a star.
pub(super) fn hide_literal(problem: &mut Problem) {
    if ![LITERAL_SECRET, LITERAL_KEY].contains(&problem.code) {
        return;
    }
    if let Some(span) = &problem.span {
        // What a variable held is not in the file.
        let text = span.text().trim();
        if text.starts_with("{{") && text.ends_with("}}") {
            return;
        }
        let star = |char: char| if char == '\n' { "\n".to_owned() } else { "*".repeat(char.len_utf8()) };
        let stars: String = span.text().chars().map(star).collect();
        let text = &span.source.text;
        let hidden = format!("{}{stars}{}", &text[..span.start], &text[span.end..]);
        problem.span = Some(Span::new(&Source::new(span.path(), hidden), span.start, span.end));
    }
}

/// What both renderings say, and what either says that a branch cannot explain; each once, in the order of the file.
fn merge([filled, matching]: [Vec<Problem>; 2]) -> Vec<Problem> {
    let same = |left: &Problem, right: &Problem| {
        left.code == right.code && left.message == right.message && left.span == right.span
    };
    let kept = |problem: &Problem, other: &[Problem]| {
        !STRUCTURAL.contains(&problem.code)
            || other.iter().any(|twin| twin.code == problem.code && twin.message == problem.message)
    };
    let mut merged: Vec<Problem> = Vec::new();
    for (problems, other) in [(&filled, &matching), (&matching, &filled)] {
        for problem in problems {
            let known = merged.iter().any(|known| {
                same(known, problem)
                    || (STRUCTURAL.contains(&problem.code)
                        && known.code == problem.code
                        && known.message == problem.message)
            });
            if kept(problem, other) && !known {
                merged.push(problem.clone());
            }
        }
    }
    for problem in &mut merged {
        hide_literal(problem);
    }
    merged.sort_by_key(|problem| problem.span.as_ref().map(|span| (span.path().to_path_buf(), span.start)));
    merged
}

fn problems(text: &RenderedText, reader: &dyn Reader, plugins: ForeignPlugins) -> Vec<Problem> {
    let covers = TextCovers { text, secrets: None };
    let binder = Binder {
        covers: &covers,
        reader,
        directory: Path::new(""),
        home: None,
        plugins,
        purpose: Purpose::Check,
        exec: ExecConfig::default(),
        problems: RefCell::default(),
    };
    let mut parsed = yaml::parse(&text.source, yaml::Dialect::Embulk);
    let mut partly_blank = false;
    if parsed.node.is_none()
        && text.has_unknown()
        && let Some(blanked) = text.without_unknown_lines()
    {
        parsed = yaml::parse(&blanked, yaml::Dialect::Embulk);
        partly_blank = true;
    }
    if let Some(root) = &parsed.node {
        bind::config(root, &binder);
    }
    let mut found = text.problems.clone();
    found.extend(
        parsed.problems.into_iter().chain(binder.problems.take().found).map(|problem| text.locate(problem)),
    );
    if partly_blank {
        found.retain(|problem| !STRUCTURAL.contains(&problem.code));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::MemoryReader;

    const OUT: &str = "out: {type: file, path_prefix: o, file_ext: csv, formatter: {type: csv}}\n";
    const IN: &str = "in: {type: sqlite, database: d, table: t}\n";

    fn checked(reader: &MemoryReader, plugins: ForeignPlugins) -> Vec<String> {
        check_file(Path::new("a.yml.liquid"), reader, plugins)
            .iter()
            .map(|problem| {
                let place = problem.span.as_ref().map(|span| format!("{span} ")).unwrap_or_default();
                let label =
                    if problem.label.is_empty() { String::new() } else { format!(" [{}]", problem.label) };
                let also: String =
                    problem.also.iter().map(|(span, words)| format!(" +{span} {words}")).collect();
                format!(
                    "{place}{} {}: {}{label}{also}",
                    problem.severity.word(),
                    problem.code,
                    problem.message
                )
            })
            .collect()
    }

    fn check(template: &str) -> Vec<String> {
        checked(&MemoryReader::default().with("a.yml.liquid", template), ForeignPlugins::Refuse)
    }

    #[test]
    fn the_files_of_the_repository_are_right() {
        for template in [
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/embulk/aurora_to_bigquery.yml.liquid")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/embulk/sqlite_to_parquet.yml.liquid")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/embulk/sqlite_to_jsonl.yml.liquid")),
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/fixtures/estate_with_ruby/embulk/aurora_to_bigquery.yml.liquid"
            )),
        ] {
            assert!(check(template).is_empty(), "{:?}", check(template));
        }
    }

    #[test]
    fn what_the_environment_brings_is_nobodys_error() {
        let template = "in:\n  type: {{ env.TYPE }}\n  port: {{ env.PORT }}\n{{ env.FILTERS }}\nout:\n  type: bigquery\n  mode: {{ env.MODE }}\n  json_keyfile: {{ env.KEY }}\n  auth_method: json_key\n  dataset: d\n  table: t\n  default_timezone: '{{ env.ZONE }}'\n  column_options: {{ env.OPTIONS }}\n";
        assert!(check(template).is_empty(), "{:?}", check(template));
        let either = format!(
            "in:\n  type: sqlite\n  database: d\n{{% if env.Q == 'q' %}}\n  query: select 1\n{{% else %}}\n  table: t\n{{% endif %}}\n{OUT}"
        );
        assert!(check(&either).is_empty(), "{:?}", check(&either));
        let only_some = format!(
            "in:\n  type: sqlite\n  database: d\n{{% if env.A == 'x' %}}\n  table: a\n{{% endif %}}\n{{% if env.A != 'x' %}}\n  table: b\n{{% endif %}}\n{OUT}"
        );
        assert!(check(&only_some).is_empty(), "{:?}", check(&only_some));
    }

    #[test]
    fn a_partial_that_includes_itself_twice_is_given_up() {
        let twice = "{% include 'part' %}{% include 'part' %}";
        let reader = MemoryReader::default().with("a.yml.liquid", twice).with("_part.yml.liquid", twice);
        let said = checked(&reader, ForeignPlugins::Refuse);
        let given_up = "error endless-template: the template was given up here, after 2000000 parts";
        assert_eq!(said.iter().filter(|line| line.ends_with(given_up)).count(), 1, "{:?}", said.last());
    }

    #[test]
    fn both_branches_are_looked_at() {
        let template = format!(
            "{IN}{{% if env.X != '' %}}filters:\n  - {{type: colum}}\n{{% else %}}filters:\n  - {{type: renam}}\n{{% endif %}}{OUT}"
        );
        assert_eq!(
            check(&template),
            [
                "a.yml.liquid:3:12 error unknown-plugin: unknown filter plugin `colum` [did you mean `column`?]",
                "a.yml.liquid:5:12 error unknown-plugin: unknown filter plugin `renam` [did you mean `rename`?]",
            ]
        );
    }

    #[test]
    fn plugins_and_options() {
        let template = "in: {type: gcs, bucket: b}\nout:\n  type: bigquery\n  dataset: d\n  table: t\n  project: p\n  mode: replace_backup\n  souce_format: JSONL\n  compression: LZ4\n  payload_column: c\n";
        assert_eq!(
            check(template),
            [
                "a.yml.liquid:1:12 error unknown-plugin: input plugin `gcs` is not supported yet [not in this version]",
                "a.yml.liquid:7:9 error missing-option: `mode: replace_backup` requires `dataset_old` or `table_old`",
                "a.yml.liquid:8:3 warning unknown-option: unknown option `souce_format` in `out` is ignored [did you mean `source_format`?]",
                "a.yml.liquid:9:16 error bad-value: `compression` must be one of NONE, GZIP, not `LZ4`",
                "a.yml.liquid:10:19 error missing-option: `payload_column` needs `schema_file` or `template_table`: a line says nothing of its fields",
            ]
        );
        let reader = MemoryReader::default().with("a.yml.liquid", template);
        assert!(!checked(&reader, ForeignPlugins::Allow).iter().any(|line| line.contains("unknown-plugin")));
    }

    #[test]
    fn keys_of_s3_that_are_written_out_are_a_warning() {
        let out = "out: {type: s3, bucket: b, path_prefix: p, file_ext: e, formatter: {type: csv}, ";
        assert_eq!(
            check(&format!("{IN}{out}access_key_id: i, secret_access_key: k}}\n")),
            [
                "a.yml.liquid:2:118 warning literal-secret: the value of `secret_access_key` is a secret that is written out"
            ]
        );
        // What comes from the environment is not known while checking.
        let keys =
            "access_key_id: '{{ env.ID }}', secret_access_key: '{{ env.KEY }}', session_token: '{{ env.T }}'";
        assert_eq!(check(&format!("{IN}{out}auth_method: session, {keys}}}\n")), Vec::<String>::new());
    }

    #[test]
    fn equal_keys_are_a_warning_with_both_places() {
        let template = format!("{IN}in: {{type: sqlite, database: e, table: t}}\n{OUT}");
        assert_eq!(
            check(&template),
            [
                "a.yml.liquid:2:1 warning duplicate-key: duplicate key `in` [this one counts] +a.yml.liquid:1:1 first written here"
            ]
        );
    }

    #[test]
    fn liquid_and_its_partials() {
        assert_eq!(
            check("in:\n{% if env.X %}\n"),
            ["a.yml.liquid:2:1 error liquid-syntax: Liquid syntax error: 'if' tag was never closed"]
        );
        assert_eq!(
            check(&format!("{IN}{OUT}# {{% include 'nope' %}}\n")),
            [
                "a.yml.liquid:3:3 warning liquid-error: `Liquid error: No such template 'nope'` is rendered into the config"
            ]
        );
        let reader = MemoryReader::default()
            .with("a.yml.liquid", &format!("in:\n  {{% include 'db' %}}\n{OUT}"))
            .with("_db.yml.liquid", "type: sqlite\n  database: d\n  tabel: {{ env.T }}\n");
        assert_eq!(
            checked(&reader, ForeignPlugins::Refuse),
            [
                "_db.yml.liquid:1:1 error missing-option: `table` or `query` is required in `in`",
                "_db.yml.liquid:3:3 warning unknown-option: unknown option `tabel` in `in` is ignored [did you mean `table`?]",
            ]
        );
    }

    #[test]
    fn a_secret_by_name_is_not_asked_for() {
        assert!(check(&format!("in: {{type: mysql, host: h, user: u, password: '${{secret:x}}', database: d, table: t}}\n{OUT}")).is_empty());
    }

    #[test]
    fn a_password_written_out_is_a_warning_that_does_not_show_it() {
        let template = format!(
            "in:\n  type: mysql\n  host: {{{{ env.H }}}}\n  user: u\n  password: hunter2\n  database: d\n  table: t\n{OUT}"
        );
        let reader = MemoryReader::default().with("a.yml.liquid", &template);
        let problems = check_file(Path::new("a.yml.liquid"), &reader, ForeignPlugins::Refuse);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, "the value of `password` is a secret that is written out");
        let span = problems[0].span.as_ref().unwrap();
        assert_eq!((span.to_string().as_str(), span.text()), ("a.yml.liquid:5:13", "*******"));
        assert!(!span.source.text.contains("hunter2"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..40)
        ) {
            let reader = MemoryReader::default().with("a.yml.liquid", &pieces.concat());
            check_file(Path::new("a.yml.liquid"), &reader, ForeignPlugins::Refuse);
        }
    }

    const PIECES: [&str; 33] = [
        "in:",
        "out:",
        "filters:",
        "exec:",
        "\n",
        "\n  ",
        "\n  - ",
        " ",
        "type: mysql",
        "type: bigquery",
        "type: file",
        "type: column",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "é",
        "{{ env.X }}",
        "{% if env.X == 'a' %}",
        "{% endif %}",
        "formatter:",
        "column_options:",
        "json_keyfile:",
        "${secret:x}",
        "- {name: x}",
        "port: -1",
        "mode: replace",
        "table: t",
        "range_partitioning:",
        "delimiter: xx",
        "table: {{ env.T }}",
    ];
}

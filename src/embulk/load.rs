//! A transfer file with its environment, to a config that can be run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bind::{self, Binder, ForeignPlugins, Purpose};
use super::check::hide_literal;
use super::config::{EmbulkConfig, ExecConfig, GuessConfig, PreviewConfig};
use super::diff;
use super::liquid::{Setting, SyntaxError, Template};
use super::template::{Kind, PartialFiles, RenderedText, TextCovers, variables};
use super::written::Remembering;
use crate::diagnostic::{Problem, Source, Span};
use crate::reader::Reader;
use crate::secret::SecretStore;
use crate::yaml;

/// What a transfer file is loaded with.
pub struct Surroundings<'a> {
    /// The environment variables of the task.
    pub env: &'a BTreeMap<String, String>,
    /// Gives the file, its partials and a key file.
    pub reader: &'a dyn Reader,
    /// Where `${secret:NAME}` comes from.
    pub secrets: &'a dyn SecretStore,
    /// Whether an environment variable, by name and value, counts as a secret.
    pub is_secret: &'a dyn Fn(&str, &str) -> bool,
    /// What `'now'` is in a template, in the zone of the process.
    pub now: &'a jiff::Zoned,
    /// The working directory of the command: a relative `json_keyfile` starts there.
    pub directory: &'a Path,
    /// The config diff that goes over the file (`embulk run -c`), absolute.
    pub diff: Option<&'a Path>,
    /// What `embulk run -X` says for what `exec:` does not.
    pub exec: ExecConfig,
}

/// A transfer file that can be run.
#[derive(Debug)]
pub struct Rendered {
    /// What it says.
    pub config: EmbulkConfig,
    /// SHA-256, in hex, of the rendered text with covers in the place of secrets.
    pub hash: String,
    /// SHA-256, in hex, of the file and its partials as they are written; none of a text that was handed over.
    pub written: Option<String>,
    /// Warnings.
    pub problems: Vec<Problem>,
    /// Where its ends are written.
    pub sites: Sites,
}

/// Where the ends of a transfer are written, for problems that only their servers know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sites {
    /// The `type` of `in:`.
    pub input: Option<Span>,
    /// The `type` of `out:`.
    pub output: Option<Span>,
}

impl Sites {
    fn of(root: &yaml::Node, text: &RenderedText) -> Self {
        let site = |section: &str| Some(text.written(&root.get(section)?.get("type")?.span));
        Self { input: site("in"), output: site("out") }
    }
}

/// Reads, renders and binds a transfer file. Errors: everything that is wrong with it, warnings among them.
pub fn load(path: &Path, surroundings: &Surroundings<'_>) -> Result<Rendered, Vec<Problem>> {
    let files = Remembering::new(surroundings.reader);
    let text = rendered(path, surroundings, &files)?;
    let ((config, sites), problems) = bind_text(&text, surroundings, config_with_sites)?;
    Ok(Rendered { config, hash: text.hash(), written: Some(files.mark()), problems, sites })
}

fn config_with_sites(
    root: &yaml::Node,
    binder: &Binder<'_>,
    text: &RenderedText,
) -> Option<(EmbulkConfig, Sites)> {
    Some((bind::config(root, binder)?, Sites::of(root, text)))
}

/// The same for a look at the first rows: `out:` may be missing. With the config come the warnings.
pub fn load_for_preview(
    path: &Path,
    surroundings: &Surroundings<'_>,
) -> Result<(PreviewConfig, Vec<Problem>), Vec<Problem>> {
    let text = rendered(path, surroundings, surroundings.reader)?;
    bind_text(&text, surroundings, |root, binder, _| bind::preview(root, binder))
}

/// The same for a guess: `out:` may be missing, and so may be what is to be guessed.
pub fn load_for_guess(
    path: &Path,
    surroundings: &Surroundings<'_>,
) -> Result<(GuessConfig, Vec<Problem>), Vec<Problem>> {
    let text = rendered(path, surroundings, surroundings.reader)?;
    bind_text(&text, surroundings, |root, binder, _| bind::guess(root, binder))
}

/// The text of a file, with its template filled.
fn rendered(
    path: &Path,
    surroundings: &Surroundings<'_>,
    reader: &dyn Reader,
) -> Result<RenderedText, Vec<Problem>> {
    let (source, kind) = read(path, reader).map_err(|problem| vec![problem])?;
    Ok(match kind {
        Kind::Plain => RenderedText::plain(&source),
        Kind::Liquid => {
            let template = Template::parse(&source).map_err(|error| vec![syntax_problem(&error, &source)])?;
            let env = variables(surroundings.env, surroundings.is_secret);
            let partials = PartialFiles { reader, folder: folder(path) };
            let setting = Setting { env: &env, partials: &partials, now: surroundings.now, guess: None };
            RenderedText::render(&template, path, &setting)
        }
    })
}

/// Binds YAML that a task has made; messages call it by this name.
pub fn load_text(name: &str, text: &str, surroundings: &Surroundings<'_>) -> Result<Rendered, Vec<Problem>> {
    let text = RenderedText::plain(&Source::new(name, text));
    let ((config, sites), problems) = bind_text(&text, surroundings, config_with_sites)?;
    Ok(Rendered { config, hash: text.hash(), written: None, problems, sites })
}

/// Binds a text with `bind`; with the config come the warnings.
fn bind_text<T>(
    text: &RenderedText,
    surroundings: &Surroundings<'_>,
    bind: fn(&yaml::Node, &Binder<'_>, &RenderedText) -> Option<T>,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    let mut problems = text.problems.clone();
    let covers = TextCovers { text, secrets: Some(surroundings.secrets) };
    let binder = Binder {
        covers: &covers,
        reader: surroundings.reader,
        directory: surroundings.directory,
        home: surroundings.env.get("HOME").map(String::as_str),
        plugins: ForeignPlugins::Refuse,
        purpose: Purpose::Run,
        exec: surroundings.exec,
        problems: RefCell::default(),
    };
    let mut parsed = yaml::parse(&text.source, yaml::Dialect::Embulk);
    if let (Some(root), Some(path)) = (&mut parsed.node, surroundings.diff)
        && let Some(diff) = diff::load(path, surroundings.reader)?
    {
        diff::merge(root, &diff);
    }
    let config = parsed.node.as_ref().and_then(|root| bind(root, &binder, text));
    let found = parsed.problems.into_iter().chain(binder.problems.take().found);
    problems.extend(found.map(|problem| text.locate(problem)));
    problems.iter_mut().for_each(hide_literal);
    match config {
        Some(config) if !problems.iter().any(Problem::is_error) => Ok((config, problems)),
        _ => Err(problems),
    }
}

/// The text of a transfer file and how it is treated.
pub(super) fn read(path: &Path, reader: &dyn Reader) -> Result<(Arc<Source>, Kind), Problem> {
    let Some(kind) = Kind::of(path) else {
        let message = format!("`{}` is not a transfer file", path.display());
        return Err(Problem::placeless("file-extension", message)
            .hint("transfer files end in `.yml` or `.yml.liquid`"));
    };
    match reader.read(path) {
        Ok(text) => Ok((Source::new(path, text), kind)),
        Err(error) => {
            let message = format!("transfer file `{}` cannot be read: {error}", path.display());
            Err(Problem::placeless("unreadable-file", message))
        }
    }
}

/// The folder that partials are looked for in.
pub(super) fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A syntax error of a template at its place.
pub(super) fn syntax_problem(error: &SyntaxError, source: &Arc<Source>) -> Problem {
    let rest = source.text.get(error.at..).unwrap_or_default();
    let length = rest.find('\n').unwrap_or(rest.len()).min(closing(rest));
    let span = Span::new(source, error.at, error.at + length);
    Problem::error("liquid-syntax", format!("Liquid syntax error: {}", error.message), &span)
}

/// Where the tag or output that a text is in, or starts with, ends.
fn closing(rest: &str) -> usize {
    match rest.find(['}', '%']) {
        Some(0) => 1,
        _ if rest.starts_with("{%") => rest.find("%}").map_or(2, |at| at + 2),
        _ if rest.starts_with("{{") => rest.find("}}").map_or(2, |at| at + 2),
        Some(at) => rest[..at].trim_end().len().max(1),
        None => rest.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::filter::{ColumnSelection, FilterConfig};
    use crate::embulk::input::InputConfig;
    use crate::embulk::output::{Auth, FieldType, OutputConfig, WriteMode};
    use crate::reader::MemoryReader;
    use crate::secret::{Secret, SecretError};

    const KEY: &str = "{\n  \"type\": \"service_account\",\n  \"project_id\": \"keys-own\",\n  \"client_email\": \"a@b\",\n  \"private_key_id\": \"1\",\n  \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMAchunter300\\n-----END PRIVATE KEY-----\\n\"\n}";
    const ESTATE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/embulk/aurora_to_bigquery.yml.liquid"));

    struct Safe;

    impl SecretStore for Safe {
        fn get(&self, name: &str) -> Result<Secret, SecretError> {
            match name {
                "db.password" => Ok(Secret::new("hunter2: #\"")),
                _ => Err(SecretError::NotFound { name: name.to_owned() }),
            }
        }
    }

    fn env(more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let usual = [
            ("EMBULK_INPUT_HOST", "db.local"),
            ("EMBULK_INPUT_PORT", "3307"),
            ("EMBULK_INPUT_USER", "reader"),
            ("EMBULK_INPUT_PASSWORD", "p #x: \"y\""),
            ("EMBULK_INPUT_DATABASE", "shop"),
            ("EMBULK_INPUT_TABLE", "orders"),
            ("EMBULK_FILTER_DROP_COLUMN", ""),
            ("EMBULK_OUTPUT_PROJECT", "proj"),
            ("EMBULK_OUTPUT_DATASET", "lake"),
            ("EMBULK_OUTPUT_TABLE", "orders"),
            ("EMBULK_OUTPUT_JSON_KEY", KEY),
            ("EMBULK_OUTPUT_GCS_BUCKET", "stage"),
            ("EMBULK_OUTPUT_TIMESTAMP_COLUMNS", ""),
        ];
        let all = usual.iter().chain(more);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn loaded(
        reader: &MemoryReader,
        path: &str,
        env: &BTreeMap<String, String>,
    ) -> Result<Rendered, Vec<Problem>> {
        load(
            Path::new(path),
            &Surroundings {
                env,
                reader,
                secrets: &Safe,
                is_secret: &|name, _| name.contains("PASSWORD") || name.contains("JSON_KEY"),
                now: &"2024-06-04T01:02:03+09:00[Asia/Tokyo]".parse().unwrap(),
                directory: Path::new("work"),
                diff: None,
                exec: ExecConfig::default(),
            },
        )
    }

    fn text(template: &str, more: &[(&str, &str)]) -> Result<Rendered, Vec<Problem>> {
        loaded(&MemoryReader::default().with("a.yml.liquid", template), "a.yml.liquid", &env(more))
    }

    fn lines(problems: &[Problem]) -> Vec<String> {
        problems
            .iter()
            .map(|problem| {
                let place = problem.span.as_ref().map(|span| format!("{span} ")).unwrap_or_default();
                let label =
                    if problem.label.is_empty() { String::new() } else { format!(" [{}]", problem.label) };
                let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!(
                    "{place}{} {}: {}{label}{hint}",
                    problem.severity.word(),
                    problem.code,
                    problem.message
                )
            })
            .collect()
    }

    #[test]
    fn the_estate_with_empty_lists() {
        let rendered = text(ESTATE, &[]).unwrap();
        let config = &rendered.config;
        assert!(config.filters.is_empty());
        let InputConfig::Mysql(input) = &config.input else { panic!("mysql") };
        assert_eq!((input.host.expose(), input.port, input.user.expose()), ("db.local", 3307, "reader"));
        assert_eq!(input.password.expose(), "p #x: \"y\"");
        assert_eq!(config.input.to_string(), "mysql shop.orders");
        let OutputConfig::Bigquery(output) = &config.output else { panic!("bigquery") };
        assert_eq!(output.mode, WriteMode::Replace);
        assert!(output.column_options.is_empty());
        assert_eq!(output.gcs.as_ref().map(|gcs| gcs.bucket.expose()), Some("stage"));
        let Auth::ServiceAccount(key) = &output.auth else { panic!("a key") };
        assert_eq!(key.project_id.as_deref(), Some("keys-own"));
        assert_eq!(config.output.to_string(), "bigquery proj.lake.orders");
        assert_eq!(
            lines(&rendered.problems),
            [
                "a.yml.liquid:44:3 warning empty-value: `column_options` has nothing under it and counts as an empty list"
            ]
        );
    }

    #[test]
    fn the_estate_with_lists() {
        let rendered = text(
            ESTATE,
            &[
                ("EMBULK_FILTER_DROP_COLUMN", "email,phone"),
                ("EMBULK_OUTPUT_TIMESTAMP_COLUMNS", "created_at,updated_at"),
            ],
        )
        .unwrap();
        let FilterConfig::Column(filter) = &rendered.config.filters[0] else { panic!("column") };
        assert_eq!(filter.selection, ColumnSelection::Drop(vec!["email".to_owned(), "phone".to_owned()]));
        let OutputConfig::Bigquery(output) = &rendered.config.output else { panic!("bigquery") };
        let names: Vec<_> = output.column_options.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["created_at", "updated_at"]);
        let column = &output.column_options[0];
        assert_eq!(column.field_type, Some(FieldType::String));
        assert_eq!(column.timestamp_format.as_deref(), Some("%Y-%m-%d %H:%M:%S%:z"));
        assert!(lines(&rendered.problems).is_empty());
    }

    #[test]
    fn an_unset_list_is_an_empty_one() {
        let mut env = env(&[]);
        env.remove("EMBULK_FILTER_DROP_COLUMN");
        let reader = MemoryReader::default().with("a.yml.liquid", ESTATE);
        let rendered = loaded(&reader, "a.yml.liquid", &env).unwrap();
        let FilterConfig::Column(filter) = &rendered.config.filters[0] else { panic!("column") };
        assert_eq!(filter.selection, ColumnSelection::All);
    }

    #[test]
    fn the_hash_does_not_know_secrets_but_everything_else() {
        let hash = |more: &[(&str, &str)]| text(ESTATE, more).unwrap().hash;
        let usual = hash(&[]);
        assert_eq!(usual.len(), 64);
        assert_eq!(usual, hash(&[("EMBULK_INPUT_PASSWORD", "other")]));
        assert_ne!(usual, hash(&[("EMBULK_INPUT_TABLE", "other")]));
        assert_ne!(usual, hash(&[("EMBULK_INPUT_PASSWORD", "")]));
    }

    const SMALL: &str = "in: {type: mysql, host: h, user: u, password: '${secret:db.password}', database: d, table: t}\nout: {type: file, path_prefix: out/t, file_ext: csv, formatter: {type: csv}}\n";

    #[test]
    fn secrets_by_name_are_put_in_after_the_yaml() {
        for template in [SMALL.to_owned(), SMALL.replace('\'', "")] {
            let rendered = text(&template, &[]).unwrap();
            let InputConfig::Mysql(input) = &rendered.config.input else { panic!("mysql") };
            assert_eq!(input.password.expose(), "hunter2: #\"");
            assert!(!format!("{rendered:?}").contains("hunter2"));
        }
        let problems = text(&SMALL.replace("db.password", "nope"), &[]).unwrap_err();
        assert_eq!(
            lines(&problems),
            ["a.yml.liquid:1:47 error secret-missing: Secret not found for key: 'nope'"]
        );
    }

    #[test]
    fn a_secret_in_a_name_is_not_shown() {
        let template = SMALL.replace("table: t", "table: \"{{ env.MY_PASSWORD }}\"");
        let rendered = text(&template, &[("MY_PASSWORD", "hunter2")]).unwrap();
        assert_eq!(rendered.config.input.to_string(), "mysql d.…");
        assert!(!format!("{rendered:?}").contains("hunter2"));
    }

    #[test]
    fn what_filters_make_of_a_secret_stays_one() {
        let template =
            SMALL.replace("'${secret:db.password}'", "{{ env.MY_PASSWORD | append: '!' | upcase }}");
        let rendered = text(&template, &[("MY_PASSWORD", "hunter2: ")]).unwrap();
        let InputConfig::Mysql(input) = &rendered.config.input else { panic!("mysql") };
        assert_eq!(input.password.expose(), "HUNTER2: !");
        assert!(!format!("{rendered:?}").contains("HUNTER2"));
    }

    #[test]
    fn no_problem_quotes_a_secret() {
        let template = "in: {type: mysql, host: h, user: u, port: '{{ env.MY_PASSWORD }}', ssl: '{{ env.MY_PASSWORD }}',\n  default_timezone: '{{ env.MY_PASSWORD }}', database: d, table: t}\nout: {type: '{{ env.MY_PASSWORD }}'}\n";
        let problems = text(template, &[("MY_PASSWORD", "hunter2")]).unwrap_err();
        assert_eq!(
            lines(&problems),
            [
                "a.yml.liquid:1:43 error bad-value: `port` must be a whole number from 1 to 65535, not `…` (rendered as `in: {type: mysql, host: h, user: u, port: '⟦MY_PASSWORD⟧', ssl: '⟦MY_PASSWORD⟧',`)",
                "a.yml.liquid:1:73 error bad-value: `ssl` must be one of disable, enable, verify, true, false, not `…` (rendered as `in: {type: mysql, host: h, user: u, port: '⟦MY_PASSWORD⟧', ssl: '⟦MY_PASSWORD⟧',`)",
                "a.yml.liquid:2:21 error bad-time-zone: `…` in `default_timezone` is not a time zone (write `Region/City`, an offset such as `+09:00`, or `UTC`)",
                "a.yml.liquid:3:13 error unknown-plugin: unknown output plugin `…` (native output plugins are `bigquery`, `bigquery_java`, `file`, `s3`, `gcs`, `postgresql`, `mysql`, `redshift`)",
            ]
        );
    }

    #[test]
    fn problems_are_placed_in_the_template_and_in_partials() {
        let reader = MemoryReader::default()
            .with(
                "embulk/a.yml.liquid",
                "{% comment %}\nlong\n{% endcomment %}\nin:\n  type: mysql\n  {% include 'db' %}\nout:\n  type: file\n  path_prefix: x\n  file_ext: csv\n  formater: {type: csv}\n",
            )
            .with("embulk/_db.yml.liquid", "host: h\n  user: u\n  database: d\n  tabel: t\n");
        let problems = loaded(&reader, "embulk/a.yml.liquid", &env(&[])).unwrap_err();
        assert_eq!(
            lines(&problems),
            [
                "embulk/a.yml.liquid:5:3 error missing-option: `table` or `query` is required in `in`",
                "embulk/_db.yml.liquid:4:3 warning unknown-option: unknown option `tabel` in `in` is ignored [did you mean `table`?]",
                "embulk/a.yml.liquid:8:3 error missing-option: `formatter` is required in `out`",
                "embulk/a.yml.liquid:11:3 warning unknown-option: unknown option `formater` in `out` is ignored [did you mean `formatter`?]",
            ]
        );
    }

    #[test]
    fn a_bare_value_that_breaks_the_yaml_is_shown_as_rendered() {
        let template = SMALL.replace("table: t", "table: {{ env.T }}");
        let problems = text(&template, &[("T", "a: b")]).unwrap_err();
        let line = &lines(&problems)[0];
        assert!(line.starts_with("a.yml.liquid:1:"), "{line}");
        assert!(line.contains("error yaml-syntax"), "{line}");
        assert!(line.contains("(rendered as `in: {type: mysql"), "{line}");
    }

    #[test]
    fn files_of_other_names_and_missing_ones() {
        let reader = MemoryReader::default();
        let error = |path: &str| lines(&loaded(&reader, path, &env(&[])).unwrap_err());
        assert_eq!(
            error("a.json"),
            [
                "error file-extension: `a.json` is not a transfer file (transfer files end in `.yml` or `.yml.liquid`)"
            ]
        );
        assert_eq!(
            error("a.yml"),
            ["error unreadable-file: transfer file `a.yml` cannot be read: entity not found"]
        );
    }

    #[test]
    fn liquid_errors_have_a_place() {
        let problems = text("in:\n  host: {{ env.X y }}\n", &[]).unwrap_err();
        assert_eq!(
            lines(&problems),
            [
                "a.yml.liquid:2:18 error liquid-syntax: Liquid syntax error: Expected end_of_string but found id in \"{{ env.X y }}\""
            ]
        );
        let rendered = text(&(SMALL.to_owned() + "# {{ 1 | divided_by: 0 }} {{ env.NOPE }}\n"), &[]).unwrap();
        assert_eq!(
            lines(&rendered.problems),
            [
                "a.yml.liquid:3:3 warning liquid-error: `Liquid error: divided by 0` is rendered into the config",
                "a.yml.liquid:3:27 warning unset-variable: environment variable `NOPE` is not set",
            ]
        );
    }

    #[test]
    fn the_mark_of_what_is_written_is_not_that_of_what_is_rendered() {
        let template = "{% for x in (1..2) %}# {% include 'part' %}\n{% endfor %}".to_owned() + SMALL;
        let marks = |part: &str, table: &str| {
            let reader =
                MemoryReader::default().with("a.yml.liquid", &template).with("_part.yml.liquid", part);
            let rendered = loaded(&reader, "a.yml.liquid", &env(&[("DAY", table)])).unwrap();
            (rendered.written.unwrap(), rendered.hash)
        };
        let (first, other_day, other_part) =
            (marks("{{ env.DAY }}", "1"), marks("{{ env.DAY }}", "2"), marks("{{ env.DAY }}!", "1"));
        assert_eq!(first.0.len(), 64);
        assert_eq!((first.0 == other_day.0, first.1 == other_day.1), (true, false));
        assert_ne!(first.0, other_part.0);
    }

    #[test]
    fn a_key_file_is_read_from_the_working_directory() {
        let template = ESTATE
            .replace("    content: |\n      {{ env.EMBULK_OUTPUT_JSON_KEY }}", "")
            .replace("json_keyfile:\n", "json_keyfile: keys/k.json\n");
        let reader = MemoryReader::default().with("a.yml.liquid", &template).with("work/keys/k.json", KEY);
        let rendered = loaded(&reader, "a.yml.liquid", &env(&[])).unwrap();
        let OutputConfig::Bigquery(output) = &rendered.config.output else { panic!("bigquery") };
        assert!(matches!(&output.auth, Auth::ServiceAccount(key) if key.content.expose() == KEY));
        let reader = MemoryReader::default().with("a.yml.liquid", &template);
        assert_eq!(
            lines(&loaded(&reader, "a.yml.liquid", &env(&[])).unwrap_err())[0],
            "a.yml.liquid:29:17 error bad-json-keyfile: `json_keyfile` keys/k.json cannot be read: entity not found"
        );
    }
}

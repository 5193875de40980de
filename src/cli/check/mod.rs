//! `sync check`: what is wrong with workflows and transfer files, before anything runs.
//!
//! The same is done at the start of `run` for what it reaches ([`reachable`]).

mod allow;
mod ask;
mod baseline;
mod checked;
mod choice;
mod fix;
mod folder;
mod ignore;
mod literal;
mod outline;
pub mod outputs;
mod placed;
mod reach;
mod same_target;
mod secrets_file;
mod shell;
mod show;
mod site;
mod sites;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::properties::{Properties, Sources};
use super::reading;
use super::run_args::GivenArgs;
use crate::cli::{CommonArgs, foreign, near, opening, safe, variable};
use crate::diagnostic::{Problem, Severity, Source};
use crate::embulk::ForeignPlugins;
use crate::exit::Exit;
use crate::program;
use crate::reader::{DirectoryReader, Reader};
use crate::report::console::Console;
use crate::report::explanation;
use crate::report::problems;
use crate::rules::Rule;
use crate::yaml::{self, Dialect};
use checked::{Checked, Entry};
use choice::Choice;
use reach::Reach;
use show::Found;

/// Checks workflows and transfer files without running anything
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Workflows, transfer files or folders [default: the project]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How problems are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// What else makes the check fail
    #[arg(long, value_enum, value_name = "WHAT")]
    pub deny: Option<Deny>,
    #[command(flatten)]
    pub choice: Choice,
    /// Leaves out the problems that stand in this file
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    pub baseline: Option<PathBuf>,
    /// Writes today's problems to a file for `--baseline`
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    /// Shows what `--fix` would change
    #[arg(long, conflicts_with = "fix")]
    pub diff: bool,
    /// Mends misspelt words where it is clear what was meant, and shows the changes
    #[arg(long)]
    pub fix: bool,
    /// Explains a rule
    #[arg(long, value_name = "CODE", value_parser = choice::rule)]
    pub explain_rule: Option<&'static Rule>,
    /// Lists all rules
    #[arg(long)]
    pub list_rules: bool,
    #[command(flatten)]
    pub given: GivenArgs,
    #[command(flatten)]
    pub ask: AskArgs,
}

/// What is asked of transfers.
#[derive(Debug, Clone, Args)]
pub struct AskArgs {
    /// Shows what transfers will do with each column, and what can be lost
    #[arg(long)]
    pub explain: bool,
    /// Asks the servers of transfers, which changes nothing there
    #[arg(long)]
    pub connect: bool,
    /// Seconds that a server may take to answer
    #[arg(long, value_name = "SECONDS", default_value = "30", requires = "connect")]
    pub timeout: NonZeroU64,
}

/// How problems are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// With the line and a caret, for people
    #[default]
    Human,
    /// One JSON object, for programs
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
    /// Commands of GitHub Actions
    Github,
    /// The form of reviewdog
    Rdjson,
    /// XML of Checkstyle
    Checkstyle,
}

/// What else makes the check fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Warnings too
    Warnings,
}

/// Runs the command. Errors are those of the command line and the disk; problems of files are its result.
pub fn exec(args: &CheckArgs, common: &CommonArgs, console: &Console) -> anyhow::Result<Exit> {
    if let Some(rule) = args.explain_rule {
        console.result(&program::in_its_name(rule.page));
        return Ok(Exit::Success);
    }
    if args.list_rules {
        console.result(&program::in_its_name(&show::rules()));
        return Ok(Exit::Success);
    }
    if args.diff && args.format != Format::Human {
        let name =
            args.format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        console.error(&format!(
            "`--diff` prints a diff, and `--format {name}` has no place for one; leave out one of the two"
        ));
        return Ok(Exit::Usage);
    }
    let given = reading::given(&args.given)?;
    let mut checked = Checked::new(given);
    if args.paths.is_empty() {
        let project = opening::place(common, None)?.project;
        let reader = DirectoryReader::new(&project);
        let properties = properties(common)?;
        let policy = checked.policy(&project, &properties);
        checked.secrets_file(&project, &properties);
        let mut reach = Reach::new(&reader, foreign::plugins(&project, &properties), policy);
        folder::check(&project, Path::new(""), &mut reach)?;
        checked.take(reach, &reader, Entry { project, path: PathBuf::new() }, &properties)?;
    }
    for path in &args.paths {
        if let Some(refusal) = check_path(path, common, &mut checked)? {
            console.error(&refusal);
            return Ok(Exit::Usage);
        }
    }
    let all = checked.ask(&args.ask, common)?;
    let verdicts = explanation::verdicts(&all);
    let told = if args.ask.explain { all.as_slice() } else { &[] };
    checked.leave_out(args, console)?;
    if args.diff || args.fix {
        checked.mend(args, console)?;
    }
    let found = placed::shown(&checked.problems, args.format);
    if !args.diff {
        show::show(&Found { problems: &found, told, verdicts: &verdicts }, args, console);
    }
    let files = if checked.files == 1 { "1 file".to_owned() } else { format!("{} files", checked.files) };
    let count = problems::count(&found).unwrap_or_else(|| "no problems".to_owned());
    console.say(&format!("checked {files}: {count}"));
    Ok(exit(&found, args.deny))
}

/// Everything that is wrong with a workflow and with what it reaches. `path` is relative to the reader's project;
/// `plugins` says what plugins that are not native mean.
pub fn reachable(path: &Path, reader: &dyn Reader, plugins: ForeignPlugins) -> Vec<Problem> {
    let mut reach = Reach::new(reader, plugins, None);
    reach.workflow(path);
    let mut problems = in_order(reach.problems);
    problems.retain(|problem| problem.is_error() || !allow::allows(problem));
    problems
}

/// File by file as they were reached, in the order of their lines.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut files: Vec<PathBuf> = Vec::new();
    for span in problems.iter().filter_map(|problem| problem.span.as_ref()) {
        if !files.iter().any(|file| file == span.path()) {
            files.push(span.path().to_owned());
        }
    }
    problems.sort_by_key(|problem| {
        let span = problem.span.as_ref();
        span.map(|span| (files.iter().position(|file| file == span.path()), span.start))
    });
    problems
}

fn exit(problems: &[Problem], deny: Option<Deny>) -> Exit {
    let limit = if deny == Some(Deny::Warnings) { Severity::Warning } else { Severity::Error };
    let mut found = problems.iter().filter(|problem| problem.severity >= limit);
    match problems.iter().any(|problem| problem.severity >= limit) {
        false => Exit::Success,
        true if found.all(ask::is_passing) => Exit::TryLater,
        true => Exit::Invalid,
    }
}

/// The properties, which may name a policy.
fn properties(common: &CommonArgs) -> anyhow::Result<Properties> {
    Ok(Properties::load(&Sources::read(&variable, common.config.clone()))?)
}

/// One PATH of the command line; why it can't be one, where it can't.
fn check_path(path: &Path, common: &CommonArgs, checked: &mut Checked) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut problem = Problem::placeless("missing-file", format!("`{shown}` does not exist"));
            problem.hint = near::file(path).map(|near| near::question(&near.to_string_lossy()));
            checked.add(Path::new(""), [problem]);
            return Ok(None);
        }
        other => other.with_context(|| format!("can't check `{shown}`"))?,
    };
    // A folder is asked for as if for a file in it.
    let inner = path.join("_");
    let place = common.place.find(Some(if metadata.is_dir() { &inner } else { path }))?;
    let Some(relative) = place.relative(path)? else {
        return Ok(Some(format!("`{shown}` lies outside of the project `{}`", place.project.display())));
    };
    let reader = DirectoryReader::new(&place.project);
    let properties = properties(common)?;
    let policy = checked.policy(&place.project, &properties);
    checked.secrets_file(&place.project, &properties);
    let is_secrets_file = safe::secrets_file(&place.project, &properties).0 == place.project.join(&relative);
    if policy.as_ref() == Some(&relative) || is_secrets_file {
        return Ok(None);
    }
    let mut reach = Reach::new(&reader, foreign::plugins(&place.project, &properties), policy);
    if metadata.is_dir() {
        folder::check(&place.project, &relative, &mut reach)?;
    } else if is_workflow(&relative) {
        reach.workflow(&relative);
    } else if is_transfer_file(&relative) {
        reach.transfer_file(&relative);
    } else {
        let kinds = "a workflow (`.dig`) nor a transfer file (`.yml`, `.yml.liquid`)";
        return Ok(Some(format!("`{shown}` is neither {kinds}")));
    }
    checked.take(reach, &reader, Entry { project: place.project, path: relative }, &properties)?;
    Ok(None)
}

fn is_workflow(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "dig")
}

fn is_transfer_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    [".yml", ".yaml", ".yml.liquid", ".yaml.liquid"].iter().any(|ending| name.ends_with(ending))
}

fn is_template(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "liquid")
}

/// A `.dig` file that nothing reaches: only whether it is YAML.
fn check_yaml(path: &Path, reader: &dyn Reader, seen: &mut BTreeSet<PathBuf>) -> Vec<Problem> {
    if !seen.insert(path.to_owned()) {
        return Vec::new();
    }
    match reader.read(path) {
        Ok(text) => yaml::parse(&Source::new(path, text), Dialect::Digdag).problems,
        Err(error) => {
            vec![Problem::placeless(
                "missing-file",
                format!("file `{}` can't be read: {error}", path.display()),
            )]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::place::PlaceArgs;
    use crate::report::console::Results;
    use crate::report::console::tests::console;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            for (path, text) in files {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                std::fs::write(path, text).expect("a file");
            }
            Self(folder)
        }

        fn check(&self, paths: &[&str], format: Format, deny: Option<Deny>) -> (u8, String, String) {
            let (console, out, err) = console(Results::Human);
            let args = CheckArgs {
                paths: paths.iter().map(|path| self.0.path().join(path)).collect(),
                format,
                deny,
                ask: AskArgs { explain: false, connect: false, timeout: NonZeroU64::MIN },
                choice: Choice::default(),
                baseline: None,
                write_baseline: None,
                diff: false,
                fix: false,
                explain_rule: None,
                given: GivenArgs::default(),
                list_rules: false,
            };
            let project = args.paths.is_empty().then(|| self.0.path().to_owned());
            let place = PlaceArgs { project, ..PlaceArgs::default() };
            let exit =
                exec(&args, &CommonArgs { place, config: None }, &console).expect("no trouble with the disk");
            (exit.code(), out.text(), err.text())
        }
    }

    #[test]
    fn a_file_is_checked_with_what_it_reaches() {
        let folder =
            Folder::new(&[("main.dig", "+a:\n  embluk>: x.yml\n"), ("other.dig", "frobnicate: 1\n")]);
        let (code, out, err) = folder.check(&["main.dig"], Format::Human, None);
        assert_eq!(code, 65);
        assert_eq!(
            out,
            "error: unknown operator `embluk>`
 --> main.dig:2:3
  |
2 |   embluk>: x.yml
  |   ^^^^^^^ did you mean `embulk>`?
  = in task `+main+a`
"
        );
        assert_eq!(err, "checked 1 file: 1 error\n");
    }

    #[test]
    fn a_folder_is_its_workflows_and_the_yaml_of_the_rest() {
        let folder = Folder::new(&[
            ("main.dig", "+a: {sh>: echo}\n"),
            ("parts/tables.dig", "- any shape\n- will do\n"),
            ("parts/broken.dig", "a: 1\na: 2\n"),
            (".hidden/x.dig", "a: b: c\n"),
            ("embulk/t.yml", "in: {type: file}\nin: {type: file}\n"),
            ("embulk/_part.yml.liquid", "x\n"),
        ]);
        let (code, out, err) = folder.check(&[], Format::Json, None);
        assert_eq!(code, 65);
        let out: serde_json::Value = serde_json::from_str(&out).expect("json");
        let found = out["problems"].as_array().expect("a list").iter();
        let found: Vec<String> = found
            .filter(|problem| problem["code"] == "duplicate-key")
            .map(|problem| {
                format!(
                    "{} {} {} {}",
                    problem["file"], problem["line"], problem["severity"], problem["message"]
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                r#""embulk/t.yml" 2 "warning" "duplicate key `in`""#,
                r#""parts/broken.dig" 2 "error" "duplicate key `a`""#,
            ]
        );
        assert!(err.starts_with("checked 4 files: "), "{err}");
    }

    #[test]
    fn warnings_stop_only_when_they_are_denied() {
        let folder = Folder::new(&[("main.dig", "+a: {}\n"), ("good.dig", "+a: {sh>: echo}\n")]);
        assert_eq!(folder.check(&["main.dig"], Format::Human, None).0, 0);
        assert_eq!(folder.check(&["main.dig"], Format::Human, Some(Deny::Warnings)).0, 65);
        let good = folder.check(&["good.dig"], Format::Human, Some(Deny::Warnings));
        assert_eq!(good, (0, String::new(), "checked 1 file: no problems\n".to_owned()));
        let all = folder.check(&["."], Format::Human, None);
        assert_eq!((all.0, all.2.as_str()), (0, "checked 2 files: 1 warning\n"));
    }

    #[test]
    fn what_can_not_be_checked_is_a_wrong_command() {
        let folder = Folder::new(&[("notes.txt", "")]);
        let (code, out, err) = folder.check(&["notes.txt"], Format::Human, None);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(
            err.ends_with(
                "notes.txt` is neither a workflow (`.dig`) nor a transfer file (`.yml`, `.yml.liquid`)\n"
            ),
            "{err}"
        );
        let (code, out, _) = folder.check(&["nope.dig"], Format::Human, None);
        assert_eq!(code, 65);
        assert!(out.starts_with("error: `") && out.ends_with("nope.dig` does not exist\n"), "{out}");
    }
}

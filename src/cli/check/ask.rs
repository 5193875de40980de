//! What `--explain` and `--connect` ask of transfers: each file is rendered as a run would, its columns are looked up,
//! and what servers say is a problem at the end of the transfer that it belongs to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::AskArgs;
use super::outputs::Reached;
use super::site::{Env, Runs, Site, SiteFile};
use crate::cli::guard::Guard;
use crate::cli::opening::Opened;
use crate::cli::policy;
use crate::cli::safe::{self, SafeSetup};
use crate::diagnostic::{Problem, Severity, Span};
use crate::embulk::config::{EmbulkConfig, ExecConfig};
use crate::embulk::{self, Rendered, Sites, Surroundings};
use crate::reader::Reader;
use crate::report::explanation::Told;
use crate::run::operator::SecretGuard as _;
use crate::secret::{Secret, SecretError, SecretStore};
use crate::session::{AttemptId, Level, TaskName};
use crate::transfer::ask;
use crate::transfer::context::{Cancel, MemoryBudget, Observer, Patience, TransferContext};
use crate::transfer::effect::{Effect, EffectOutcome, Ledger, LedgerError, RecordedEffect, TransferKey};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::explain::{self, Explanation, SourceTable};
use crate::transfer::input::Reading;
use crate::transfer::output::look::{Finding, Looked, Weight};
use crate::transfer::policy::Enforced;
use crate::transfer::pool::SourcePools;

/// Transfers whose servers are asked at the same time.
const AT_ONCE: usize = 8;

/// Stands for what only the run knows: good as a name, and as a number.
const STAND_IN: &str = "1";

/// How transfers are looked at.
pub(super) struct Asking<'a> {
    pub(super) reader: &'a dyn Reader,
    pub(super) secrets: Arc<dyn SecretStore>,
    pub(super) guard: Guard,
    /// What columns may leave their source; no key of it is asked for.
    pub(super) policy: Option<Arc<Enforced>>,
    /// Whether servers are asked.
    pub(super) connect: bool,
    /// How long each may take to answer.
    pub(super) limit: Duration,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) told: Vec<Told>,
    pub(super) problems: Vec<Problem>,
}

/// A transfer that was rendered.
pub(super) struct Question {
    file: PathBuf,
    pub(super) task: Option<String>,
    pub(super) config: EmbulkConfig,
    pub(super) sites: Sites,
    pub(super) context: TransferContext,
    pub(super) runs: Runs,
}

/// A transfer that was rendered; what can be told of one that was not.
pub(super) type Rendering = Result<Question, Told>;

/// What its ends said; none: they were not asked.
struct Ends {
    servers: Servers,
    source: Option<Result<SourceTable, TransferError>>,
    target: Option<Result<Looked, TransferError>>,
}

/// Whether servers were asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Servers {
    Asked,
    LeftAlone,
}

impl<'a> Asking<'a> {
    /// Secrets are resolved as a run would, but only where servers are asked.
    pub(super) fn new(opened: &Opened, reader: &'a dyn Reader, args: &AskArgs) -> Self {
        let setup = SafeSetup {
            project: &opened.place.project,
            properties: &opened.properties,
            config_home: opened.config_home.as_deref(),
            variables: std::env::vars_os().collect(),
            aws: safe::aws(&opened.properties),
        };
        let secrets = safe::open(&setup, opened.scrubber.clone());
        Self {
            reader,
            secrets: if args.connect { Arc::new(secrets) } else { Arc::new(Unasked) },
            // What is wrong with it was said.
            policy: policy::load(&opened.place.project, &opened.properties)
                .ok()
                .flatten()
                .map(policy::Loaded::without_keys),
            guard: Guard { scrubber: opened.scrubber.clone(), names: safe::secret_names(&opened.properties) },
            connect: args.connect,
            limit: Duration::from_secs(args.timeout.get()),
        }
    }

    /// Renders all of them, each once. Beside them, what is wrong with their files.
    pub(super) fn questions(&self, sites: Vec<Site>) -> (Vec<Rendering>, Vec<Problem>) {
        let mut problems = Vec::new();
        let questions = sites.into_iter().map(|site| self.question(site, &mut problems)).collect();
        (questions, problems)
    }

    /// Asks for all of them, in their order.
    pub(super) fn all(&self, questions: &[Rendering]) -> Answers {
        let mut answers = Answers::default();
        let rendered: Vec<&Question> = questions.iter().flatten().collect();
        let mut ends =
            rendered.chunks(AT_ONCE).flat_map(|some| self.ends(some)).collect::<Vec<_>>().into_iter();
        for question in questions {
            match question {
                Ok(question) => {
                    if let Some(ends) = ends.next() {
                        answers.take(question, ends);
                    }
                }
                Err(told) => answers.told.push(told.clone()),
            }
        }
        answers
    }

    /// The outputs of all of them. What only the run knows is stood in for by a text that may be a name or a number.
    pub(super) fn outputs(&self, sites: Vec<Site>) -> (Vec<Reached>, Vec<String>) {
        let (mut reached, mut reasons) = (Vec::new(), Vec::new());
        for Site { file, task, directory, env, exec, .. } in sites {
            let rendered = match env {
                Env::Unknown(unknown) => Err(unknown.join("; ")),
                Env::Known { mut variables, unknown } => {
                    variables.extend(unknown.into_keys().map(|name| (name, STAND_IN.to_owned())));
                    self.load(&file, &directory, &variables, exec).map_err(|problems| {
                        let first = problems.into_iter().find(Problem::is_error);
                        first.map(|problem| problem.message).unwrap_or_default()
                    })
                }
            };
            match rendered {
                Ok(rendered) => {
                    reached
                        .push(Reached { output: rendered.config.output, context: context(directory, None) });
                }
                Err(reason) => {
                    let task = task.map(|task| format!(" of task `{task}`")).unwrap_or_default();
                    reasons.push(format!("transfer `{}`{task}: {reason}", file.path().display()));
                }
            }
        }
        (reached, reasons)
    }

    fn ends(&self, questions: &[&Question]) -> Vec<Ends> {
        if self.connect {
            self.ask(questions)
        } else {
            questions.iter().map(|question| unasked(question)).collect()
        }
    }

    /// Renders a file with what its task gives it.
    fn question(&self, site: Site, problems: &mut Vec<Problem>) -> Rendering {
        let Site { file, task, directory, env, exec, runs } = site;
        let (path, loaded, unknown) = match (&file, env) {
            (_, Env::Unknown(reasons)) => (file.path().to_owned(), None, reasons),
            (file, Env::Known { variables, unknown }) => {
                let loaded = self.load(file, &directory, &variables, exec);
                let reasons = unknowns(&loaded, &unknown);
                (file.path().to_owned(), Some(loaded), reasons)
            }
        };
        let told = |unknown| Told { file: path.clone(), task: task.clone(), unknown, ..Told::default() };
        let Some(loaded) = loaded.filter(|_| unknown.is_empty()) else { return Err(told(unknown)) };
        match loaded {
            Ok(Rendered { config, sites, problems: warnings, .. }) => {
                problems.extend(warnings);
                let context = context(directory, self.policy.clone());
                Ok(Question { file: path, task, config, sites, context, runs })
            }
            Err(found) => {
                problems.extend(found);
                Err(told(vec!["the file is invalid".to_owned()]))
            }
        }
    }

    fn load(
        &self,
        file: &SiteFile,
        directory: &Path,
        variables: &BTreeMap<String, String>,
        exec: ExecConfig,
    ) -> Result<Rendered, Vec<Problem>> {
        let now = jiff::Zoned::now();
        let is_secret =
            |name: &str, value: &str| self.guard.is_secret_name(name) || self.guard.contains_secret(value);
        let surroundings = Surroundings {
            env: variables,
            reader: self.reader,
            secrets: self.secrets.as_ref(),
            is_secret: &is_secret,
            now: &now,
            directory,
            diff: None,
            exec,
        };
        match file {
            SiteFile::Named(path) => embulk::load(path, &surroundings),
            SiteFile::Written { path, text } => {
                embulk::load_text(&path.to_string_lossy(), text, &surroundings)
            }
        }
    }

    /// Asks the ends of some transfers at the same time. Who does not answer in time is left behind: nothing was
    /// changed there, and the thread ends with the process.
    fn ask(&self, questions: &[&Question]) -> Vec<Ends> {
        let started = Instant::now();
        let waiting: Vec<_> = questions.iter().map(|question| Waiting::start(question)).collect();
        let answers = waiting.into_iter().map(|waiting| waiting.answer(started, self.limit));
        answers.collect()
    }
}

/// What is not known of a file that was rendered: variables that only the run brings.
fn unknowns(loaded: &Result<Rendered, Vec<Problem>>, unknown: &BTreeMap<String, String>) -> Vec<String> {
    let problems = match loaded {
        Ok(rendered) => &rendered.problems,
        Err(problems) => problems,
    };
    let unset = |name: &str| {
        let named = format!("`{name}`");
        problems
            .iter()
            .any(|problem| problem.code == embulk::UNSET_VARIABLE && problem.message.contains(&named))
    };
    let reason = |(name, written): (&String, &String)| {
        format!("`{name}` is `{written}`, which is known when the task starts")
    };
    unknown.iter().filter(|(name, _)| unset(name)).map(reason).collect()
}

fn unasked(question: &Question) -> Ends {
    let source = ask::local_source(&question.config, &question.context);
    Ends { servers: Servers::LeftAlone, source, target: None }
}

/// A transfer whose servers are being asked.
struct Waiting {
    source: Receiver<Result<SourceTable, TransferError>>,
    target: Receiver<Result<Looked, TransferError>>,
    cancel: Cancel,
}

impl Waiting {
    fn start(question: &Question) -> Self {
        let (tell_source, source) = channel();
        let (tell_target, target) = channel();
        let (config, context) = (question.config.clone(), question.context.clone());
        let cancel = context.cancel.clone();
        // A thread that cannot be started hangs up, which is an answer too.
        let _ = std::thread::Builder::new().name("ask".to_owned()).spawn(move || {
            let asked = ask::source(&config, &context);
            let known = asked.as_ref().ok().cloned();
            // Nobody listens any more once the time is over.
            let _ = tell_source.send(asked);
            let _ = tell_target.send(ask::target(&config, &context, known.as_ref()));
        });
        Self { source, target, cancel }
    }

    fn answer(self, started: Instant, limit: Duration) -> Ends {
        let source = within(&self.source, started, limit);
        let after = Instant::now();
        let target = match &source {
            // The thread still waits for the source.
            Err(error) if error.kind == ErrorKind::Timeout && error.causes.is_empty() => None,
            _ => Some(within(&self.target, after, limit)),
        };
        self.cancel.cancel();
        Ends { servers: Servers::Asked, source: Some(source), target }
    }
}

fn within<T>(
    answer: &Receiver<Result<T, TransferError>>,
    from: Instant,
    limit: Duration,
) -> Result<T, TransferError> {
    let left = limit.saturating_sub(from.elapsed());
    answer.recv_timeout(left).unwrap_or_else(|_| {
        let message = match limit.as_secs() {
            1 => "no answer within 1 second".to_owned(),
            seconds => format!("no answer within {seconds} seconds"),
        };
        Err(TransferError::new(ErrorKind::Timeout, message)
            .hint("check host, port and network, or give it more time with `--timeout`"))
    })
}

impl Answers {
    fn take(&mut self, question: &Question, ends: Ends) {
        let Question { file, task, config, sites, context, .. } = question;
        let policy = context.policy.as_deref();
        let mut told = Told { file: file.clone(), task: task.clone(), ..Told::default() };
        let mut report = |weight: Weight, error: &TransferError, span: &Option<Span>| {
            self.problems.push(problem(weight, error, span.as_ref(), task.as_ref()));
        };
        let (targets, findings) = match ends.target {
            None => (None, Vec::new()),
            Some(Ok(Looked { targets, findings })) => (targets, findings),
            Some(Err(error)) => (None, vec![Finding { weight: Weight::Error, error }]),
        };
        match ends.source {
            None => told.explanation = Some(explain::partial(config)),
            Some(Ok(source)) => match explain::explain(config, &source, targets, policy) {
                Ok(explanation) => {
                    let about = About { config, source: &source, policy };
                    self.problems.extend(about.lossy(&explanation, sites.output.as_ref()));
                    self.problems.extend(about.strays(sites));
                    told.explanation = Some(explanation);
                }
                Err(error) => {
                    report(Weight::Error, &error, &sites.output);
                    told.verdicts = explain::verdicts(&source, policy);
                    told.unknown.push(format!("the columns: {error}"));
                }
            },
            Some(Err(error)) => {
                // A database file that is not there may be made by an earlier task.
                if ends.servers == Servers::Asked {
                    report(Weight::Error, &error, &sites.input);
                }
                told.unknown.push(format!("the columns: {error}"));
            }
        }
        for Finding { weight, error } in &findings {
            self.problems.push(problem(*weight, error, sites.output.as_ref(), task.as_ref()));
        }
        self.told.push(told);
    }
}

/// A transfer whose columns are known.
struct About<'a> {
    config: &'a EmbulkConfig,
    source: &'a SourceTable,
    policy: Option<&'a Enforced>,
}

impl About<'_> {
    /// Warnings about options of columns that do not exist.
    fn strays(&self, sites: &Sites) -> Vec<Problem> {
        let ends = explain::strays(self.config, self.source, self.policy);
        let ends = ends.into_iter().zip([&sites.input, &sites.output]);
        let warning = |(message, span): (Option<String>, &Option<Span>)| {
            Some(Problem::warning("unknown-column", message?, span.as_ref()?))
        };
        ends.filter_map(warning).collect()
    }

    /// The warning about numbers whose digits Embulk's types do not hold.
    fn lossy(&self, explanation: &Explanation, span: Option<&Span>) -> Option<Problem> {
        let message = explain::lossy_mapping(self.config, self.source, explanation, self.policy)?;
        let hint =
            "`types: exact` in `out:` keeps them, and so does a `type` of their own in `column_options`";
        Some(Problem::warning("lossy-types", message, span?).hint(hint))
    }
}

fn problem(weight: Weight, error: &TransferError, span: Option<&Span>, task: Option<&String>) -> Problem {
    let severity = match weight {
        Weight::Note => Severity::Note,
        Weight::Warning => Severity::Warning,
        Weight::Error => Severity::Error,
    };
    let mut problem = Problem::placeless(error.kind.word(), error.to_string());
    problem.severity = severity;
    problem.span = span.cloned();
    problem.task = task.cloned();
    problem.hint = error.hint.clone().or_else(|| match weight {
        Weight::Error => error.remedy().map(str::to_owned),
        Weight::Note | Weight::Warning => None,
    });
    problem
}

/// Whether a problem is a server that may answer later.
pub(super) fn is_passing(problem: &Problem) -> bool {
    let kinds = [ErrorKind::Unreachable, ErrorKind::ConnectionLost, ErrorKind::Timeout, ErrorKind::Busy];
    kinds.iter().any(|kind| kind.word() == problem.code)
}

/// What a transfer is asked with: nothing is remembered, and nobody listens.
fn context(directory: PathBuf, policy: Option<Arc<Enforced>>) -> TransferContext {
    TransferContext {
        key: TransferKey {
            installation: String::new(),
            starting_attempt: AttemptId(0),
            task: TaskName::from_full("+check"),
            round: 1,
            config: String::new(),
        },
        ledger: Arc::new(Nowhere),
        observer: Arc::new(Nowhere),
        cancel: Cancel::default(),
        memory: MemoryBudget::new(0),
        sources: SourcePools::new(std::num::NonZeroUsize::MIN.saturating_add(AT_ONCE)),
        reading: Reading::plain(),
        // Who looks whether it would work wants to know how it is now.
        patience: Patience { tables: Duration::ZERO, ..Patience::default() },
        policy,
        process_zone: TimeZone::system(),
        directory,
        config_diff: None,
    }
}

/// Stands for every secret where none is needed.
struct Unasked;

impl SecretStore for Unasked {
    fn get(&self, _: &str) -> Result<Secret, SecretError> {
        Ok(Secret::new("unasked"))
    }
}

/// Nothing happens that would have to be remembered or told.
struct Nowhere;

impl Observer for Nowhere {
    fn progress(&self, _: u64, _: u64) {}
    fn log(&self, _: Level, _: &str) {}
}

impl Ledger for Nowhere {
    fn intend(&self, _: &Effect) -> Result<(), LedgerError> {
        Err(LedgerError("a check changes nothing".to_owned()))
    }

    fn settle(&self, _: &Effect, _: &EffectOutcome) -> Result<(), LedgerError> {
        Err(LedgerError("a check changes nothing".to_owned()))
    }

    fn recorded(&self) -> Result<Vec<RecordedEffect>, LedgerError> {
        Ok(Vec::new())
    }
}

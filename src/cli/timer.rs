//! `sync timer`: units, crontab lines and manifests that start a workflow at the times of its `schedule:`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::CommonArgs;
use super::opening::Opened;
use super::reading;
use crate::exit::Exit;
use crate::program;
use crate::report::console::Results;
use crate::session::Level;
use crate::timer::{self, Account, Credential, Image, Job, Refused, Unit, UnitFile};

/// `sync timer`
#[derive(Debug, Args)]
pub struct TimerArgs {
    #[command(subcommand)]
    form: Form,
}

/// What starts the workflow.
#[derive(Debug, Subcommand)]
enum Form {
    /// Print units of systemd: a service, its timer, and a service for failures
    Systemd(SystemdArgs),
    /// Print lines of a crontab
    Cron(CronArgs),
    /// Print a CronJob of Kubernetes and the claim for its state
    Kubernetes(KubernetesArgs),
}

#[derive(Debug, Args)]
struct SystemdArgs {
    /// The workflow
    #[arg(value_name = "FILE.dig")]
    file: PathBuf,
    /// Who runs it [default: the owner of the project's folder; one that systemd makes up where that is root]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Wait up to so long, each time anew, before the run starts
    #[arg(long, value_name = "LENGTH", default_value = "0s", value_parser = length)]
    random_delay: Duration,
    /// A secret that only the service may read, from a file: secret `NAME`, as LoadCredential= has it
    #[arg(long, value_name = "NAME:FILE", value_parser = credential)]
    credential: Vec<Credential>,
    /// Write the units into this folder instead, each under its name
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CronArgs {
    /// The workflow
    #[arg(value_name = "FILE.dig")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct KubernetesArgs {
    /// The workflow
    #[arg(value_name = "FILE.dig")]
    file: PathBuf,
    /// The image with the program and the project
    #[arg(long, value_name = "IMAGE")]
    image: String,
    /// Where the project lies in the image
    #[arg(long, value_name = "DIR", default_value = "/project", value_parser = absolute)]
    image_project: PathBuf,
    /// Where the program lies in the image
    #[arg(long, value_name = "FILE", default_value = "/usr/lib/sync/bin/sync", value_parser = absolute)]
    image_program: PathBuf,
}

/// Runs the command: 65 where the schedule's times cannot be had, or where there is none.
pub fn exec(args: &TimerArgs, common: &CommonArgs) -> anyhow::Result<Exit> {
    let file = match &args.form {
        Form::Systemd(SystemdArgs { file, .. })
        | Form::Cron(CronArgs { file })
        | Form::Kubernetes(KubernetesArgs { file, .. }) => file,
    };
    let opened = Opened::new(common, Some(file), Results::Human)?;
    let Some(job) = job(file, &opened, common)? else { return Ok(Exit::Invalid) };
    let made = match &args.form {
        Form::Systemd(args) => {
            let unit = Unit {
                account: account(args.user.as_deref(), &job.project)?,
                credentials: args.credential.clone(),
                random_delay: args.random_delay,
            };
            warn(&job, &unit, &opened);
            match (timer::systemd(&job, &unit), &args.to) {
                (Ok(units), Some(folder)) => return write(&units, folder, &opened),
                (Ok(units), None) => Ok(shown(&units)),
                (Err(refused), _) => Err(refused),
            }
        }
        Form::Cron(_) => timer::crontab(&job),
        Form::Kubernetes(args) => timer::kubernetes(
            &job,
            &Image {
                name: args.image.clone(),
                project: args.image_project.clone(),
                program: args.image_program.clone(),
            },
        ),
    };
    Ok(match made {
        Ok(text) => {
            opened.console.result(text.trim_end());
            Exit::Success
        }
        Err(Refused { message, hint }) => {
            opened.console.failure(&message, &[], Some(&hint));
            Exit::Invalid
        }
    })
}

/// The workflow with its schedule; none where it cannot run, which is said.
fn job(file: &Path, opened: &Opened, common: &CommonArgs) -> anyhow::Result<Option<Job>> {
    let Some(workflow) = reading::load(file, opened)? else { return Ok(None) };
    let Some(schedule) = workflow.schedule else {
        let hint = "write one, such as `schedule: {daily>: \"07:00:00\"}`";
        opened.console.failure(&format!("workflow `{}` has no `schedule:`", workflow.name), &[], Some(hint));
        return Ok(None);
    };
    let absolute = |path: &PathBuf| std::path::absolute(path);
    Ok(Some(Job {
        file: workflow.path,
        workflow: workflow.name,
        project: opened.place.project.clone(),
        program: program::absolute_path().context("the place of the program is not known")?,
        config: common.config.as_ref().map(absolute).transpose()?,
        state: common.place.state.as_ref().map(absolute).transpose()?,
        schedule,
        zone: (workflow.timezone, workflow.timezone_name),
        today: Timestamp::now(),
    }))
}

/// The owner of the project's folder, as a name where the machine has one. Nothing of a workflow needs root.
fn account(wanted: Option<&str>, project: &Path) -> anyhow::Result<Account> {
    if let Some(user) = wanted {
        return Ok(Account::User(user.to_owned()));
    }
    let owner = fs::metadata(project).context("the project cannot be looked at")?.uid();
    if owner == 0 {
        return Ok(Account::Dynamic);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(owner)).then(|| name.to_owned())
    });
    Ok(Account::User(name.unwrap_or_else(|| owner.to_string())))
}

/// What the service could not read, as far as it is seen from here.
fn warn(job: &Job, unit: &Unit, opened: &Opened) {
    if unit.account == Account::Dynamic {
        let folder = std::iter::once((&job.project, 0o005));
        let files = job.config.iter().map(|file| (file, 0o004));
        for (path, wanted) in folder.chain(files) {
            let is_closed = fs::metadata(path).is_ok_and(|found| found.mode() & wanted != wanted);
            if is_closed {
                let path = path.display();
                opened.console.log(
                    Level::Warn,
                    &format!("`{path}` is closed to the user that systemd makes up for the service; name one with `--user`"),
                );
            }
        }
    }
    for path in [&job.project, &job.program] {
        if path.starts_with("/tmp") || path.starts_with("/var/tmp") {
            let path = path.display();
            opened.console.log(
                Level::Warn,
                &format!("the service has a `/tmp` of its own and would not find `{path}`"),
            );
        }
    }
}

/// Units one below the other, each under the path it would have.
fn shown(units: &[UnitFile]) -> String {
    let unit = |unit: &UnitFile| format!("# /etc/systemd/system/{}\n{}", unit.name, unit.text);
    units.iter().map(unit).collect::<Vec<_>>().join("\n")
}

/// Writes units into a folder. What is there already and says something else stays.
fn write(units: &[UnitFile], folder: &Path, opened: &Opened) -> anyhow::Result<Exit> {
    let others: Vec<&str> = units
        .iter()
        .filter(|unit| fs::read_to_string(folder.join(&unit.name)).is_ok_and(|text| text != unit.text))
        .map(|unit| unit.name.as_str())
        .collect();
    if !others.is_empty() {
        bail!(
            "`{}` holds other units of these names: {}; remove them first",
            folder.display(),
            others.join(", ")
        );
    }
    for unit in units {
        let path = folder.join(&unit.name);
        fs::write(&path, &unit.text).with_context(|| format!("`{}` cannot be written", path.display()))?;
        opened.console.result(&path.display().to_string());
    }
    let timer = units.iter().find(|unit| unit.name.ends_with(".timer")).map_or("", |unit| &unit.name);
    opened
        .console
        .say(&format!("hint: `systemctl daemon-reload && systemctl enable --now {timer}` starts them"));
    Ok(Exit::Success)
}

fn length(text: &str) -> Result<Duration, String> {
    super::length::duration(text, "`90s`, `30m` or `12h`")
}

fn credential(text: &str) -> Result<Credential, String> {
    let (name, file) =
        text.split_once(':').ok_or("a name and a file, such as `mysql.password:/etc/sync/mysql`")?;
    crate::secret::name::check(name).map_err(|error| error.to_string())?;
    Ok(Credential { name: name.to_owned(), file: absolute(file)? })
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("a path that begins with `/`".to_owned()) }
}

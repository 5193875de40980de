//! `sync secrets`: writes and lists the secrets of a project. A value comes from a prompt, stdin or an editor, never
//! from an argument, which other users of the machine can see.

mod editor;
mod private_file;
mod rotate;

use std::io::{self, IsTerminal as _, Read};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use self::editor::Edited;
use super::properties::Properties;
use super::safe::{self, SafeSetup};
use super::{hidden_prompt, near};
use crate::cloud::kms::Kms;
use crate::diagnostic::suggest;
use crate::exit::Exit;
use crate::program;
use crate::report::console::{Console, Style};
use crate::report::table::{Align, Cell, Table};
use crate::secret::Secret;
use crate::secret::ciphertext::Ciphertext;
use crate::secret::file::{Change, SecretsFile, Stored};
use crate::secret::name;
use crate::secret::scrub::Scrubber;
use crate::session::Level;

/// The largest value that is taken: more is a wrong file.
const LARGEST: u64 = 1 << 20;

/// Shorter values cannot be told from other words of a text, so they are hidden only where they stand alone.
const EASY_TO_HIDE: usize = 4;

/// `sync secrets`
#[derive(Debug, Args)]
pub struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Encrypt a value under a KMS key and write it to the project's secrets file
    ///
    /// The value is asked for on a terminal, else read from stdin; one newline at its end is left out.
    Set(SetArgs),
    /// Change a value in the editor of VISUAL or EDITOR
    ///
    /// The value lies in a file in memory meanwhile, which only you can read and which is gone afterwards. A value that
    /// was not changed is not written.
    Edit(SetArgs),
    /// Take secrets out of the project's secrets file
    Delete(DeleteArgs),
    /// Decrypt values and encrypt them anew, perhaps under another KMS key; all or none
    Rotate(RotateArgs),
    /// Names of all secrets, where each comes from and how it lies there; never a value
    List,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The name, as in `${secret:NAME}`
    name: String,
    /// The KMS key: id, ARN or alias [default: the property `sync.secrets.kms_key`]
    #[arg(long, value_name = "KMS_KEY_ID")]
    key: Option<String>,
}

#[derive(Debug, Args)]
struct DeleteArgs {
    /// Their names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
struct RotateArgs {
    /// Their names [default: all that are encrypted in the file]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The KMS key: id, ARN or alias [default: the property `sync.secrets.kms_key`]
    #[arg(long, value_name = "KMS_KEY_ID")]
    key: Option<String>,
}

/// Runs the command.
pub fn exec(args: &SecretsArgs, setup: &SafeSetup<'_>, console: &Console) -> anyhow::Result<Exit> {
    match &args.command {
        SecretsCommand::Set(args) => set(args, setup, console),
        SecretsCommand::Edit(args) => edit(args, setup, console),
        SecretsCommand::Delete(args) => delete(args, setup, console),
        SecretsCommand::Rotate(args) => rotate::exec(args, setup, console),
        SecretsCommand::List => list(setup, console),
    }
}

fn set(args: &SetArgs, setup: &SafeSetup<'_>, console: &Console) -> anyhow::Result<Exit> {
    if let Err(error) = name::check(&args.name) {
        console.failure(&error.to_string(), &[], None);
        return Ok(Exit::Usage);
    }
    let Some(key) = key_of(args.key.as_deref(), setup, console) else { return Ok(Exit::Usage) };
    let (path, place) = safe::secrets_file(setup.project, setup.properties);
    let mut file = SecretsFile::read(&path)?;
    if let Some(stored) = file.get(&args.name) {
        sealed(&args.name, stored, &place)?;
    }
    let value = read_value(&args.name, console)?;
    if value.expose().chars().count() < EASY_TO_HIDE {
        console.log(Level::Warn, "so short a value is hidden only where it stands alone in a text");
    }
    let sealed = seal(&args.name, &value, &key, &kms(setup))?;
    file.set(&args.name, &sealed)?;
    console.say(&format!("secret `{}` is set in {place} ({})", args.name, sealed.form()));
    warn_of_stronger(&args.name, setup, console);
    Ok(Exit::Success)
}

/// The file is read before the editor opens: what somebody else does to this secret meanwhile is not overwritten.
fn edit(args: &SetArgs, setup: &SafeSetup<'_>, console: &Console) -> anyhow::Result<Exit> {
    let Some(key) = key_of(args.key.as_deref(), setup, console) else { return Ok(Exit::Usage) };
    let Some(wanted) = editor::wanted(super::variable) else {
        console.failure("no editor is known", &[], Some("set `VISUAL` or `EDITOR`"));
        return Ok(Exit::Usage);
    };
    let name = &args.name;
    let (path, place) = safe::secrets_file(setup.project, setup.properties);
    let mut file = SecretsFile::read(&path)?;
    let Some(old) = file.get(name) else {
        bail!("{}; `sync secrets set {name}` makes it", missing(name, &file, &place));
    };
    let service = kms(setup);
    let old = sealed(name, old, &place)?
        .open(name, &service)
        .with_context(|| format!("secret `{name}` of {place} cannot be read"))?;
    // Editors end a text with a newline.
    let shown = Zeroizing::new(format!("{}\n", old.expose()));
    let text = match editor::edit(&wanted, name, &shown)? {
        Edited::Text(text) => text,
        Edited::Stopped(signal) => {
            console.error("stopped; nothing was written");
            return Ok(Exit::Signal(signal));
        }
    };
    let new = text.strip_suffix('\n').unwrap_or(&text);
    if new.is_empty() {
        bail!("the value is empty; nothing was written");
    }
    if new == old.expose() {
        console.say(&format!("secret `{name}` was not changed; nothing was written"));
        return Ok(Exit::Success);
    }
    let sealed = seal(name, &Secret::new(new), &key, &service)?;
    file.set(name, &sealed)?;
    console.say(&format!("secret `{name}` is changed in {place} ({})", sealed.form()));
    warn_of_stronger(name, setup, console);
    Ok(Exit::Success)
}

/// That the file lacks a secret, and which one may be meant.
fn missing(name: &str, file: &SecretsFile, place: &str) -> String {
    let near = suggest(name, file.entries().iter().map(|(name, _)| name.as_str()));
    let near = near.map(|near| format!(" ({})", near::question(near))).unwrap_or_default();
    format!("{place} has no secret `{name}`{near}")
}

fn delete(args: &DeleteArgs, setup: &SafeSetup<'_>, console: &Console) -> anyhow::Result<Exit> {
    let (path, place) = safe::secrets_file(setup.project, setup.properties);
    let mut file = SecretsFile::read(&path)?;
    let mut changes: Vec<Change> = Vec::new();
    for name in &args.names {
        if file.get(name).is_none() {
            bail!("{}; nothing was written", missing(name, &file, &place));
        }
        if changes.iter().all(|change| change.name != *name) {
            changes.push(Change { name: name.clone(), to: None });
        }
    }
    file.change(&changes)?;
    for Change { name, .. } in &changes {
        console.say(&format!("secret `{name}` is no longer in {place}"));
    }
    Ok(Exit::Success)
}

/// The value, where it is the file that has it.
fn sealed<'s>(name: &str, stored: &'s Stored, place: &str) -> anyhow::Result<&'s Ciphertext> {
    match stored {
        Stored::Sealed(sealed) => Ok(sealed),
        Stored::Mapped(mapping) => bail!(
            "{place} maps `{name}` to {} (`{mapping}`); change it there, or delete the entry first",
            mapping.kept.keeper.title()
        ),
    }
}

fn kms(setup: &SafeSetup<'_>) -> Kms {
    Kms::new(std::sync::Arc::clone(&setup.aws))
}

fn seal(name: &str, value: &Secret, key: &str, service: &Kms) -> anyhow::Result<Ciphertext> {
    Ciphertext::seal(name, value, key, service)
        .with_context(|| format!("secret `{name}` could not be encrypted under key `{key}`"))
}

/// The key that is asked for, else that of the properties; none after saying so.
fn key_of(asked: Option<&str>, setup: &SafeSetup<'_>, console: &Console) -> Option<String> {
    let key = asked.map(str::to_owned).or_else(|| kms_key(setup.properties));
    if key.is_none() {
        console.failure(
            "no KMS key is given",
            &[],
            Some(
                "use `--key`, or set `sync.secrets.kms_key` in the properties; without AWS a secret is a variable \
                 `SYNC_SECRET_<NAME>`, or `secrets.<name>` in the properties",
            ),
        );
    }
    key
}

fn kms_key(properties: &Properties) -> Option<String> {
    properties.get("sync.secrets.kms_key").map(|key| key.trim().to_owned())
}

/// The environment and the properties come before the file: a value there makes the one just set useless.
fn warn_of_stronger(name: &str, setup: &SafeSetup<'_>, console: &Console) {
    let variable = name::variable(name);
    let stronger = if setup.variables.iter().any(|(known, _)| known == variable.as_str()) {
        format!("the variable `{variable}`")
    } else if setup.properties.secrets().contains_key(name) {
        format!("the property `secrets.{name}`")
    } else {
        return;
    };
    console.log(Level::Warn, &format!("{stronger} gives this secret too, and comes first"));
}

fn read_value(name: &str, console: &Console) -> anyhow::Result<Secret> {
    let value = if io::stdin().is_terminal() {
        typed_twice(name, |question| hidden_prompt::ask(console, question))?
    } else {
        piped(io::stdin())?
    };
    if value.is_empty() {
        bail!("the value is empty; nothing was written");
    }
    Ok(Secret::new(value.as_str()))
}

/// Nobody sees what they type, so it is asked for twice.
fn typed_twice(
    name: &str,
    mut ask: impl FnMut(&str) -> anyhow::Result<Zeroizing<String>>,
) -> anyhow::Result<Zeroizing<String>> {
    let value = ask(&format!("value of `{name}` (not shown): "))?;
    let again = ask("once more: ")?;
    if *value != *again {
        bail!("the two values differ; nothing was written");
    }
    Ok(value)
}

/// All of stdin, without one newline at its end.
fn piped(input: impl Read) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    input.take(LARGEST + 1).read_to_end(&mut bytes).context("stdin cannot be read")?;
    if bytes.len() as u64 > LARGEST {
        bail!("the value is larger than 1 MiB; nothing was written");
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        bail!("the value is not UTF-8 text; nothing was written");
    };
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}

fn list(setup: &SafeSetup<'_>, console: &Console) -> anyhow::Result<Exit> {
    let resolver = safe::open(setup, Scrubber::new());
    let listed = resolver.list()?;
    if listed.is_empty() {
        console.say(&program::in_its_name("no secrets are set; `sync secrets set NAME` sets one"));
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&[("NAME", Align::Left), ("SOURCE", Align::Left), ("FORM", Align::Left)]);
    let mut seen: Vec<String> = Vec::new();
    for (place, one) in listed {
        // For the environment the variable stands in the list.
        let variable = if one.name.starts_with(name::VARIABLE_PREFIX) {
            one.name.clone()
        } else {
            name::variable(&one.name)
        };
        let is_used = !seen.contains(&one.name) && !seen.contains(&variable);
        let form = if is_used {
            Cell::from(one.form.as_ref())
        } else {
            Cell::styled(format!("{} (not used: set above)", one.form), Style::Dim)
        };
        table.row([Cell::from(one.name.as_str()), Cell::from(place), form]);
        seen.push(one.name);
    }
    console.result(&table.render(console.out_colors()));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_left_out() {
        for (given, taken) in
            [("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x"), ("\n", ""), ("a\nb", "a\nb")]
        {
            assert_eq!(piped(given.as_bytes()).expect("text").as_str(), taken);
        }
    }

    #[test]
    fn a_value_is_typed_twice() {
        let typed = |answers: [&str; 2]| {
            let mut asked = Vec::new();
            let value = typed_twice("db.password", |question| {
                asked.push(question.to_owned());
                Ok(Zeroizing::new(answers[asked.len() - 1].to_owned()))
            });
            assert_eq!(asked, ["value of `db.password` (not shown): ", "once more: "]);
            value.map(|value| value.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(typed(["same", "same"]), Ok("same".to_owned()));
        assert_eq!(typed(["one", "other"]), Err("the two values differ; nothing was written".to_owned()));
    }

    #[test]
    fn a_stdin_that_breaks_is_told_with_its_reason() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let error = piped(Broken).expect_err("nothing can be read");
        assert_eq!(format!("{error:#}"), "stdin cannot be read: broken pipe");
    }

    #[test]
    fn bytes_that_are_no_text_and_whole_files_are_refused() {
        let message = |input: &[u8]| piped(input).expect_err("refused").to_string();
        assert_eq!(message(b"\xff"), "the value is not UTF-8 text; nothing was written");
        assert_eq!(
            message(&vec![b'x'; (1 << 20) + 1]),
            "the value is larger than 1 MiB; nothing was written"
        );
    }
}

//! What `docker:` in scope means for a command, and how a command runs in a container.
//!
//! A container sees neither our memory nor our files in it. Script, parameters and results go through the standard
//! streams of `docker run`, and lie in the container's `/dev/shm`: secrets are in no argument list, on no disk and in
//! no layer. The command's own output is the error stream.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::process::{self, Child};
use super::{DockerMode, OperatorError, OperatorRequest};
use crate::dig::params;
use crate::run::orphans::Mark;

/// `docker run` itself failed.
const DOCKER_FAILED: i32 = 125;
/// One build at a time: tasks that start together mostly want the same image.
static BUILDING: Mutex<()> = Mutex::new(());

/// Where a command runs.
#[derive(Debug)]
pub(super) enum Place {
    /// As a process of this machine.
    Here,
    /// In a container.
    Container(Container),
}

/// The options of `docker:`.
#[derive(Debug)]
pub(super) struct Container {
    /// The program.
    docker: String,
    image: String,
    build: Vec<String>,
    build_options: Vec<String>,
    run_options: Vec<String>,
    pull_always: bool,
    selinux: bool,
    /// A name that nothing else has: of the container, and of the folder with its files.
    name: String,
}

/// What runs in the container.
pub(super) struct Bundle<'a> {
    /// Name and text of each file; [`Container::path`] says where it is.
    pub(super) files: Vec<(&'static str, &'a str)>,
    /// The file that the command may write.
    pub(super) result: &'static str,
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    /// Variables for the container.
    pub(super) variables: BTreeMap<String, String>,
}

/// Decides by the parameter `docker` and the mode of the run.
pub(super) fn place(request: &OperatorRequest<'_>) -> Result<Place, OperatorError> {
    let Some(options) = request.param("docker") else { return Ok(Place::Here) };
    if request.services.docker == DockerMode::Never {
        return Ok(Place::Here);
    }
    let container = Container::parse(options)?;
    if request.services.docker == DockerMode::Auto && !container.is_installed(request) {
        let message = format!("`docker:` is in scope, but `{}` is not installed", container.docker);
        return Err(OperatorError::config(message).hint("`--docker never` runs the command on this machine"));
    }
    Ok(Place::Container(container))
}

impl Container {
    fn parse(options: &Value) -> Result<Self, OperatorError> {
        let Value::Object(map) = params::parsed(options) else {
            return Err(OperatorError::config("`docker` must be a map with `image`"));
        };
        let wrong = |error: params::ParamError| OperatorError::config(error.to_string());
        let given = |key: &str| map.get(key).filter(|value| !value.is_null());
        let text = |key: &str| given(key).map(|value| params::to_text(key, value).map_err(wrong)).transpose();
        let flag =
            |key: &str| given(key).map_or(Ok(false), |value| params::to_bool(key, value).map_err(wrong));
        let list = |key: &str| match given(key).map(params::parsed) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|item| params::to_text(key, item).map_err(wrong)).collect()
            }
            Some(_) => Err(OperatorError::config(format!("`{key}` of `docker` must be a list"))),
        };
        Ok(Self {
            docker: text("docker")?.unwrap_or_else(|| "docker".to_owned()),
            image: text("image")?.ok_or_else(|| OperatorError::config("`docker` needs an `image`"))?,
            build: list("build")?,
            build_options: list("build_options")?,
            run_options: list("run_options")?,
            pull_always: flag("pull_always")?,
            selinux: flag("selinux")?,
            name: format!("sync-{}", random_word()?),
        })
    }

    /// Where a file of a bundle is in the container: in memory.
    pub(super) fn path(&self, name: &str) -> String {
        format!("/dev/shm/{}/{name}", self.name)
    }

    fn is_installed(&self, request: &OperatorRequest<'_>) -> bool {
        if self.docker.contains('/') {
            return Path::new(&self.docker).is_file();
        }
        let path = request.services.environment.get("PATH").map_or("", String::as_str);
        path.split(':').any(|folder| Path::new(folder).join(&self.docker).is_file())
    }

    /// Runs the command; gives its exit code and what it wrote into the result file.
    pub(super) fn run(
        &self,
        bundle: Bundle<'_>,
        request: &OperatorRequest<'_>,
    ) -> Result<(i32, Vec<u8>), OperatorError> {
        let image = self.prepared_image(request)?;
        let script = self.script(&bundle);
        let mut environment = request.services.environment.clone();
        let mut argv: Vec<String> = ["run"].map(str::to_owned).to_vec();
        argv.extend(self.run_options.iter().cloned());
        let project = request.services.project.display();
        let access = if self.selinux { "rw,Z" } else { "rw" };
        argv.extend(["--rm", "-i", "--name", &self.name, "-v"].map(str::to_owned));
        argv.push(format!("{project}:{project}:{access}"));
        argv.extend(["-w".to_owned(), request.directory.display().to_string()]);
        for (variable, value) in bundle.variables {
            // By name alone: the value would be in the argument list. These two are the container's own.
            if variable != "PATH" && variable != "HOME" {
                argv.extend(["-e".to_owned(), variable.clone()]);
                environment.insert(variable, value);
            }
        }
        argv.extend([image, "/bin/sh".to_owned()]);
        let child = self.child(argv, environment, request);
        let _mark = Mark::container(&self.docker, &self.name);
        let result = process::run_apart(&child, script, &request.reporter, &request.cancel);
        if request.cancel.is_canceled() {
            // The client is dead by now; the container may not be.
            let _ = self.quiet(&["kill", &self.name], request);
        }
        match result? {
            (DOCKER_FAILED, _) => {
                Err(OperatorError::failed(format!("`{}` could not start the container", self.docker))
                    .hint("the task's log has its reason; `--docker never` runs the command on this machine"))
            }
            ended => Ok(ended),
        }
    }

    /// The image's name, after it was built or pulled where that is asked for.
    fn prepared_image(&self, request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
        let environment = request.services.environment.clone();
        if self.build.is_empty() {
            if self.pull_always {
                let argv = vec!["pull".to_owned(), self.image.clone()];
                self.must_succeed(&self.child(argv, environment, request), None, request)?;
            }
            return Ok(self.image.clone());
        }
        let tag = self.tag();
        let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        if self.quiet(&["image", "inspect", &tag], request).is_ok_and(|succeeded| succeeded) {
            return Ok(tag);
        }
        let lines: String = self.build.iter().map(|line| format!("RUN {line}\n")).collect();
        let mut argv = vec!["build".to_owned(), "-t".to_owned(), tag.clone()];
        argv.extend(self.build_options.iter().cloned());
        argv.extend(["-f".to_owned(), "-".to_owned(), request.services.project.display().to_string()]);
        let dockerfile = format!("FROM {}\n{lines}", self.image);
        self.must_succeed(&self.child(argv, environment, request), Some(dockerfile), request)?;
        Ok(tag)
    }

    fn tag(&self) -> String {
        let mut hash = Sha256::new();
        for part in std::iter::once(&self.image).chain(&self.build).chain(&self.build_options) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        digest.iter().take(8).fold("sync-".to_owned(), |mut tag, byte| {
            // Writing into a String does not fail.
            let _ = write!(tag, "{byte:02x}");
            tag
        })
    }

    /// A shell script that lays out the files, runs the command, prints the result file and clears up.
    fn script(&self, bundle: &Bundle<'_>) -> String {
        let (folder, result) = (self.path(""), self.path(bundle.result));
        let mut script = format!("umask 077\nTMPDIR=/dev/shm\nmkdir -p {folder}\n: > {result}\n");
        for (name, text) in &bundle.files {
            let (file, end) = (self.path(name), format!("END-{}", self.name));
            let newline = if text.ends_with('\n') { "" } else { "\n" };
            // Writing into a String does not fail.
            let _ = write!(script, "cat > {file} <<'{end}'\n{text}{newline}{end}\n");
        }
        let words: Vec<_> = bundle.argv.iter().map(|word| crate::shell::word(word)).collect();
        let _ = write!(
            script,
            "unset TMPDIR\n{} < /dev/null >&2\ncode=$?\ncat {result}\nrm -rf {folder}\nexit $code\n",
            words.join(" "),
        );
        script
    }

    fn child(
        &self,
        arguments: Vec<String>,
        environment: BTreeMap<String, String>,
        request: &OperatorRequest<'_>,
    ) -> Child {
        let argv = std::iter::once(self.docker.clone()).chain(arguments).collect();
        Child { argv, environment, directory: request.directory.clone() }
    }

    fn must_succeed(
        &self,
        child: &Child,
        input: Option<String>,
        request: &OperatorRequest<'_>,
    ) -> Result<(), OperatorError> {
        let code = process::run(child, input, &request.reporter, &request.cancel)?;
        if code == 0 {
            return Ok(());
        }
        let action = child.argv.get(1).map_or("", String::as_str);
        Err(OperatorError::failed(format!("`{} {action}` failed with code {code}", self.docker))
            .hint("`--docker never` runs the command on this machine"))
    }

    /// Whether a command of docker that nobody wants to see succeeds.
    fn quiet(&self, arguments: &[&str], request: &OperatorRequest<'_>) -> std::io::Result<bool> {
        let mut command = Command::new(&self.docker);
        command.args(arguments).env_clear().envs(&request.services.environment);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().map(|status| status.success())
    }
}

fn random_word() -> Result<String, OperatorError> {
    crate::random::key().map_err(|error| OperatorError::failed("no random name could be made").cause(&error))
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;
    use crate::run::operator::testing::Bench;

    /// A `docker` that writes down what it was told and runs the command on this machine. It knows no image at first.
    const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "docker $*" >> "$here/told"
case $1 in
image) test -e "$here/built"; exit ;;
build) cat > "$here/built"; echo building; exit ;;
run) shift ;;
*) exit 0 ;;
esac
while :; do
  case $1 in
  --rm | -i) shift ;;
  -v | -e | --name) shift 2 ;;
  -w) cd "$2"; shift 2 ;;
  -*) shift ;;
  *) break ;;
  esac
done
shift
exec "$@"
"#;

    /// A bench with that docker, the file where it writes what it was told among its files.
    pub(in crate::run::operator) fn bench() -> Bench {
        let mut bench = Bench::new().file("bin/docker", DOCKER);
        let docker = bench.project().join("bin/docker");
        std::fs::set_permissions(docker, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        bench.docker = DockerMode::Auto;
        bench
            .environment
            .insert("PATH".to_owned(), format!("{}/bin:/usr/bin:/bin", bench.project().display()));
        bench
    }

    pub(in crate::run::operator) fn told(bench: &Bench) -> String {
        std::fs::read_to_string(bench.project().join("bin/told")).unwrap_or_default()
    }

    #[test]
    fn options_are_checked() {
        let parsed = |options: Value| Container::parse(&options).map(|_| ()).map_err(|error| error.message);
        assert_eq!(
            parsed(json!({"image": "ruby:3", "build": ["gem install x"], "pull_always": "true"})),
            Ok(())
        );
        assert_eq!(parsed(json!({})), Err("`docker` needs an `image`".to_owned()));
        assert_eq!(parsed(json!("ruby")), Err("`docker` must be a map with `image`".to_owned()));
        assert_eq!(
            parsed(json!({"image": "a", "build": "gem"})),
            Err("`build` of `docker` must be a list".to_owned())
        );
    }
}

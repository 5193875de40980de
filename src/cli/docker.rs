//! Before a run: whether a task wants docker where there is none. Finding that out when the task starts, hours in,
//! would help nobody.

use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Problem, Span};
use crate::dig;
use crate::dig::workflow::{OperatorCall, Task, TaskBody};
use crate::reader::Reader;
use crate::run::operator::shell;
use crate::session::Params;

/// Calls nested deeper than this are a loop; the run says so in its own words.
const DEEPEST: usize = 50;

/// The first task of a workflow, or of a workflow that it calls by a literal name, that runs in docker.
pub fn first_wanting(root: &Task, path: &Path, reader: &dyn Reader) -> Option<Problem> {
    let span = Search { reader, depth: 0 }.task(root, path, Scope::Bare)?;
    Some(
        Problem::error("docker-missing", "the task asks for docker, which is not installed", &span)
            .hint("`--docker never` runs its command on this machine"),
    )
}

/// Whether a `docker` parameter is in scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Bare,
    Docker,
}

impl Scope {
    fn with(self, params: &Params) -> Self {
        match params.get("docker") {
            Some(docker) if !docker.is_null() => Self::Docker,
            _ => self,
        }
    }
}

struct Search<'a> {
    reader: &'a dyn Reader,
    depth: usize,
}

impl Search<'_> {
    fn task(&self, task: &Task, path: &Path, scope: Scope) -> Option<Span> {
        let scope = scope.with(&task.export);
        let handlers = [&task.error, &task.check].into_iter().flatten();
        let own = match &task.body {
            TaskBody::Group { children, .. } => {
                children.iter().find_map(|child| self.task(child, path, scope))
            }
            TaskBody::Operator(call) => self.call(call, path, scope.with(&call.local)),
        };
        own.or_else(|| handlers.into_iter().find_map(|handler| self.task(handler, path, scope)))
    }

    fn call(&self, call: &OperatorCall, path: &Path, scope: Scope) -> Option<Span> {
        let command = call.command.as_str().unwrap_or_default();
        let wants = match call.operator.as_str() {
            "sh" => !shell::is_embulk_only(command),
            "rb" | "py" => true,
            _ => false,
        };
        if wants && scope == Scope::Docker {
            return Some(call.span.clone());
        }
        if call.operator == "call" {
            return self.called(command, path, scope);
        }
        let generated = [&call.do_task, &call.else_task].into_iter().flatten();
        generated.into_iter().find_map(|task| self.task(task, path, scope))
    }

    fn called(&self, name: &str, path: &Path, scope: Scope) -> Option<Span> {
        if name.contains("${") || self.depth == DEEPEST {
            return None;
        }
        let file = if name.ends_with(".dig") { name.to_owned() } else { format!("{name}.dig") };
        let target = beside(path, &file);
        let workflow = dig::compile_called(&target, self.reader).workflow?;
        Search { reader: self.reader, depth: self.depth + 1 }.task(&workflow.root, &target, scope)
    }
}

/// A path relative to the folder of another.
fn beside(path: &Path, name: &str) -> PathBuf {
    let mut target = PathBuf::new();
    for part in path.parent().unwrap_or(Path::new("")).join(name).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::CurDir => {}
            other => target.push(other),
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::MemoryReader;

    #[test]
    fn it_is_told_with_what_helps() {
        let reader = MemoryReader::default().with("main.dig", "+a:\n  sh>: x\n  docker: {image: i}\n");
        let path = Path::new("main.dig");
        let root = dig::load(path, &reader).workflow.expect("it is valid").root;
        let problem = first_wanting(&root, path, &reader).expect("it wants docker");
        assert_eq!(problem.message, "the task asks for docker, which is not installed");
        assert_eq!(problem.hint.as_deref(), Some("`--docker never` runs its command on this machine"));
    }

    fn wanting(files: &[(&str, &str)]) -> Option<String> {
        let reader =
            files.iter().fold(MemoryReader::default(), |reader, (path, text)| reader.with(path, text));
        let path = Path::new("main.dig");
        let root = dig::load(path, &reader).workflow.expect("it is valid").root;
        first_wanting(&root, path, &reader).map(|problem| problem.span.expect("it has a place").to_string())
    }

    #[test]
    fn the_task_is_found_through_exports_loops_and_calls() {
        let docker = "_export:\n  docker: {image: x}\n";
        let main = format!("{docker}+a:\n  sh>: embulk gem install x && embulk run y.yml.liquid\n");
        assert_eq!(wanting(&[("main.dig", &main)]), None);
        let main = format!("{docker}+a:\n  echo>: x\n+b:\n  rb>: A.b\n");
        assert_eq!(wanting(&[("main.dig", &main)]).as_deref(), Some("main.dig:6:3"));
        let main = format!("{docker}+a:\n  loop>: 2\n  _do:\n    call>: sub/child\n");
        let child = "+c:\n  sh>: make\n";
        assert_eq!(
            wanting(&[("main.dig", &main), ("sub/child.dig", child)]).as_deref(),
            Some("sub/child.dig:2:3")
        );
        assert_eq!(wanting(&[("main.dig", "+a:\n  call>: main\n")]), None);
    }
}

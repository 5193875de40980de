//! Problems whole, as people see them: with what stands under the caret, further places and the one thing to do.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::diagnostic::Problem;
use crate::dig;
use crate::reader::{MemoryReader, Reader};

/// A problem in one line: place, severity, message, `(label)`, `[further place: why]`, `hint: ...`.
fn whole(problem: &Problem) -> String {
    let place =
        problem.span.as_ref().map_or(String::new(), |span| format!("{}:{} ", span.line(), span.column()));
    let mut text = format!("{place}{}: {}", problem.severity.word(), problem.message);
    if !problem.label.is_empty() {
        text += &format!(" ({})", problem.label);
    }
    for (span, label) in &problem.also {
        text += &format!(" [{}:{} {label}]", span.line(), span.column());
    }
    if let Some(hint) = &problem.hint {
        text += &format!(" hint: {hint}");
    }
    text
}

fn said(reader: &dyn Reader, path: &str) -> Vec<String> {
    dig::load(Path::new(path), reader).problems.iter().map(whole).collect()
}

#[test]
fn a_problem_comes_with_what_helps() {
    for (text, expected) in [
        (
            "sh>: echo\n",
            "1:1 error: operator `sh>` at the top of a workflow file hint: put it into a task: `+main: {sh>: ...}`",
        ),
        (
            "+a:\n  sh>: x\n  +b:\n    sh>: y\n",
            "3:3 error: a task with an operator can't have subtasks [2:3 its operator] \
             hint: put the operator into a task of its own beside them",
        ),
        (
            "+a:\n  sh>: x\n  rb>: y\n",
            "3:3 error: task `+main+a` has more than one operator [2:3 its first operator] \
             hint: give each operator a task of its own",
        ),
        (
            "+a: {_timeout: 5m, sh>: x}\n",
            "1:6 note: `_timeout` is not known to Digdag: it ignores it on a task and refuses it on a group",
        ),
        (
            "+a: {_continue_on_failure: true, sh>: x}\n",
            "1:6 note: `_continue_on_failure` is not known to Digdag: it ignores it on a task and refuses it on a group",
        ),
        (
            "+a: {_disable: '${off}', sh>: x}\n",
            "1:16 error: Expected 'true' or 'false' for key '_disable' but got \"${off}\" (string) \
             hint: `_disable` is read before `${...}` is evaluated: write the value out",
        ),
        (
            "2024: {sh>: x}\n",
            "1:1 error: unknown key `2024` at the top of a workflow file \
             hint: YAML reads `+2024` as a number: a task of that name is written `\"+2024\"`",
        ),
        (
            "schedule: {daily>: '07:00:00', hourly>: '00:00'}\n+a: {sh>: x}\n",
            "1:32 error: a schedule has one kind [1:12 its first kind]",
        ),
        (
            "schedule: {cron>: '0 7 * * *', delay: -5}\n+a: {sh>: x}\n",
            "1:39 error: `delay` must be from 0 to 2678400 seconds",
        ),
        (
            "schedule: {dialy>: '07:00:00'}\n+a: {sh>: x}\n",
            "1:12 error: unknown kind of schedule `dialy>` (did you mean `daily>`?)",
        ),
        (
            "schedule: {daily>: '07:00:00', stat: 2020-01-01}\n+a: {sh>: x}\n",
            "1:32 error: unknown key `stat` in `schedule` (did you mean `start`?)",
        ),
        (
            "schedule: {cron>: '61 * * * *'}\n+a: {sh>: x}\n",
            "1:19 error: `cron>` can't be read: component error: number out of bounds",
        ),
        ("+a: {sh>: x, _secrets: true}\n", "1:14 warning: `_secrets` has no effect"),
        (
            "+a: {http>: '${u}', metod: GET}\n",
            "1:21 warning: `http>` does not read `metod` (did you mean `method`?)",
        ),
        (
            "+a: {pg>: {data: x}, databse: d}\n",
            "1:22 warning: `pg>` does not read `databse` (did you mean `database`?)",
        ),
        (
            "+a: {pg>: {data: x}, password: '${p}'}\n",
            "1:22 warning: `pg>` does not read `password` hint: set the secret `pg.password`",
        ),
        ("+a: {sh>: x, _env: 5}\n", "1:20 error: `_env` must be a mapping, but is a number"),
        (
            "+a: {for_range>: 5, _do: {sh>: x}}\n",
            "1:18 error: `for_range>` takes a mapping with `from`, `to` and `step` or `slices`, not a number",
        ),
        (
            "+a: {http>: '${u}', content: [1], content_format: form}\n",
            "1:51 error: `content_format: form` can't be sent as a list [1:30 the content]",
        ),
        ("a: 1\n---\nb: 2\n", "2:1 error: a file must hold one document (a second one starts here)"),
        (
            "+a: {sh>: x, v: <<}\n",
            "1:17 error: `<<` is a key that merges a mapping hint: quote it if it is text",
        ),
        (
            "!include : ../a.dig\n",
            "1:12 error: included file `../a.dig` must lie in the folder of the file that includes it, or below",
        ),
    ] {
        let reader = MemoryReader::default().with("main.dig", text);
        assert_eq!(said(&reader, "main.dig"), [expected], "{text}");
    }
    let reader = MemoryReader::default().with("a+b.dig", "+a: {sh>: x}\n");
    assert_eq!(
        said(&reader, "a+b.dig"),
        ["1:1 error: workflow name `a+b` must not contain character '+' hint: rename the file"]
    );
}

/// A disk that gives nothing.
struct Broken(ErrorKind);

impl Reader for Broken {
    fn read(&self, _: &Path) -> io::Result<String> {
        Err(self.0.into())
    }

    fn exists(&self, _: &Path) -> bool {
        true
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for (kind, expected) in [
        (ErrorKind::NotFound, "error: file `main.dig` does not exist"),
        (ErrorKind::InvalidData, "error: file `main.dig` is not UTF-8 text"),
        (ErrorKind::PermissionDenied, "error: file `main.dig` can't be read: permission denied"),
    ] {
        assert_eq!(said(&Broken(kind), "main.dig"), [expected]);
    }
}

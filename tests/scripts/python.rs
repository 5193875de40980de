//! What a function of `py>` gets and leaves.

use std::process::Command;

use super::{Sandbox, failed, failures, printed};

const TASKS: &str = r#"
import functools
import os
import sys

import digdag
import digdag_env


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


def collected(function):
    @functools.wraps(function)
    def wrapper(**kwargs):
        return function(kwargs)
    return wrapper


@logged
def wrapped(a):
    print("wrapped", a)


@collected
def gathered(config):
    print("gathered", config["a"], config["task_name"])


def late(z=1, c=2):
    print("late", z, c)


def keywords(a, *rest, d=4, **kw):
    print("keywords", a, rest, d, sorted(key for key in kw if key in ("a", "c", "d", "n")))


def surroundings():
    print(sys.path[-1] == os.getcwd(), "run-" in sys.path[0], sys.argv[1:], os.environ.get("a"), os.environ["E"])


class Cls(object):
    def __init__(self, a, b=2):
        self.ab = a, b

    def run(self, c):
        print("run", self.ab, c)

    def other(self, n):
        print("other", self.ab, n)

    @staticmethod
    def still(c):
        print("still", c)

    @classmethod
    def made(cls, c):
        print("made", cls.__name__, c)


def env():
    digdag.env.store({"one": 1}, two=2)
    digdag.env.store(three=(1, {2: None}))
    digdag.env.export(e=1)
    digdag.env.set_state(s=1)
    print(digdag.env.params["a"], digdag_env.store_params, digdag.env.export_params, digdag.env.state_params)
    os.chdir("/")
"#;

#[test]
fn callables_of_every_kind_are_found_and_get_their_arguments_by_name() {
    let sandbox = Sandbox::new().file("pkg/sub/tasks.py", TASKS).file("pkg/__init__.py", "").file(
        "main.dig",
        r#"
_export:
  a: 1
  c: [x, {y: null}]
  py: {python: [python3, -B, -W, error], n: from the map of defaults}
+class: {py>: pkg.sub.tasks.Cls}
+run: {py>: pkg.sub.tasks.Cls.run}
+other: {py>: pkg.sub.tasks.Cls.other}
+still: {py>: pkg.sub.tasks.Cls.still}
+made: {py>: pkg.sub.tasks.Cls.made}
+wrapped: {py>: pkg.sub.tasks.wrapped, python: python3}
+gathered: {py>: pkg.sub.tasks.gathered}
+late: {py>: pkg.sub.tasks.late}
+keywords: {py>: pkg.sub.tasks.keywords}
+surroundings: {py>: pkg.sub.tasks.surroundings, _env: {E: own}}
+env: {py>: pkg.sub.tasks.env}
+stored: {sh>: "echo ${one} ${two} '${three}' ${typeof e}"}
"#,
    );
    assert_eq!(
        printed(&sandbox),
        r#"run (1, 2) ['x', {'y': None}]
run (1, 2) ['x', {'y': None}]
other (1, 2) from the map of defaults
still ['x', {'y': None}]
made Cls ['x', {'y': None}]
wrapped 1
gathered 1 +main+gathered
late 1 ['x', {'y': None}]
keywords 1 () 4 ['c', 'n']
True False [] None own
1 {'one': 1, 'two': 2, 'three': (1, {2: None})} {'e': 1} {'s': 1}
1 2 [1,{"2":null}] undefined
"#
    );
}

#[test]
fn subtasks_run_after_the_function_as_it_says() {
    let sandbox = Sandbox::new()
        .file(
            "tasks.py",
            r#"
import digdag


def plan():
    digdag.env.add_subtask(step, n=1)
    digdag.env.add_subtask(Steps.step, n=2)
    digdag.env.add_subtask({"_type": "sh", "_command": "echo sh $n $exported"}, n=3)
    digdag.env.add_subtask(**{"sh>": "echo named"})
    digdag.env.subtask_config["_parallel"] = {"limit": 1}
    digdag.env.export(exported=7)


def step(n, task_name):
    print("step", n, task_name)


class Steps(object):
    def step(self, n):
        print("Steps", n)
"#,
        )
        .file("main.dig", "+t:\n  py>: tasks.plan\n+u:\n  echo>: after\n");
    assert_eq!(printed(&sandbox), "step 1 +main+t^sub+subtask0\nSteps 2\nsh 3 7\nnamed\nafter\n");
}

#[test]
fn a_failure_says_what_python_said_and_where() {
    let sandbox = Sandbox::new()
        .file(
            "tasks.py",
            "def go():\n    try:\n        deeper()\n    except OSError as error:\n        raise ValueError('no luck') from error\n\n\n\
             def deeper():\n    raise OSError('inner')\n",
        )
        .file(
            "main.dig",
            "+t:\n  py>: tasks.go\n  _error:\n    echo>: \"${error.message}|${error.stacktrace}\"\n",
        );
    let said = failed(&sandbox);
    assert_eq!(failures(&said), ["  +main+t: Python command failed with code 1: no luck (ValueError)"]);
    let file = sandbox.path().join("tasks.py").display().to_string();
    let handler = format!(
        "Python command failed with code 1\nError messages from python: no luck (ValueError)\n\
         \tfrom {file}:5:in `go' (runtime)|{file}:5:in `go'\n"
    );
    assert!(said.stdout.ends_with(&handler), "{}", said.stdout);
    // Both errors with the script's frames, and none of the runner's.
    assert!(
        said.stdout.contains("OSError: inner\n\nThe above exception was the direct cause"),
        "{}",
        said.stdout
    );
    assert!(!said.stdout.contains("/.sync/tmp/"), "{}", said.stdout);
}

#[test]
fn every_way_to_fail_is_told() {
    let sandbox = Sandbox::new()
        .file("json.py", "def run(): pass\n")
        .file("tokenize.py", "def main(): pass\n")
        .file("broken.py", "def run(:\n")
        .file("needs.py", "import not_there\ndef go(): pass\n")
        .file("tasks.py", FAILING)
        .file(
            "main.dig",
            r#"
+all:
  _parallel: true
  +attribute: {py>: tasks.gone}
  +class: {py>: tasks.Gone.go}
  +date: {py>: tasks.date}
  +deep: {py>: tasks.deep}
  +exit: {py>: tasks.leave}
  +exit4: {py>: tasks.leave4}
  +exit5: {py>: tasks.leave_with_words}
  +initialize: {py>: tasks.Needy.go}
  +json: {py>: json.run}
  +keyword: {py>: tasks.keyword}
  +kill: {py>: tasks.die}
  +lonely: {py>: lonely}
  +method: {py>: tasks.Plain.gone}
  +module: {py>: gone.go}
  +nan: {py>: tasks.nan}
  +needs: {py>: needs.go}
  +none: {py>: null}
  +object: {py>: tasks.object_in_subtask}
  +python: {py>: tasks.go, python: /no/python}
  +silent: {py>: tasks.silent}
  +stopped: {py>: tasks.stopped}
  +subtask: {py>: tasks.subtask}
  +syntax: {py>: broken.run}
  +tokenize: {py>: tokenize.main}
"#,
        );
    let project = sandbox.path().display().to_string();
    let expected = EXPECTED.replace("PROJECT", &project);
    assert_eq!(failures(&failed(&sandbox)).join("\n"), expected.trim_matches('\n'));
}

const FAILING: &str = r#"
import datetime
import os
import sys

import digdag


class Needy(object):
    def __init__(self, k): pass
    def go(self): pass


class Plain(object): pass


def date(): digdag.env.store(x=datetime.date(2024, 1, 1))
def deep(): deep()
def leave(): sys.exit()
def leave4(): sys.exit(4)
def leave_with_words(): sys.exit("no data today")
def keyword(k): pass
def die(): os.kill(os.getpid(), 9)
def nan(): digdag.env.export(x=float("nan"))
def object_in_subtask(): digdag.env.add_subtask(leave, n=object())
def silent(): os._exit(0)
def stopped(): raise KeyboardInterrupt
def subtask(): digdag.env.add_subtask(lambda: 1)
"#;

const EXPECTED: &str = r#"
  +main+all+attribute: Python command failed with code 1: Module 'tasks' has no attribute 'gone' (AttributeError)
  +main+all+class: Python command failed with code 1: Module 'tasks' has no attribute 'Gone' (AttributeError)
  +main+all+date: Python command failed with code 1: Parameters must be serializable using JSON: Object of type date is not JSON serializable (TypeError)
  +main+all+deep: Python command failed with code 1: maximum recursion depth exceeded (RecursionError)
  +main+all+exit: Python command failed with code 1: `tasks.leave` left Python with exit code 0 instead of returning (SystemExit)
  +main+all+exit4: Python command failed with code 4: `tasks.leave4` left Python with exit code 4 instead of returning (SystemExit)
  +main+all+exit5: Python command failed with code 1: no data today (SystemExit)
  +main+all+initialize: Python command failed with code 1: Method 'Needy.__init__' requires parameter 'k' but not set (TypeError)
  +main+all+json: Python command failed with code 1: Module 'json' has no attribute 'run': duplicate module name with standard library (AttributeError)
  +main+all+keyword: Python command failed with code 1: Method 'keyword' requires parameter 'k' but not set (TypeError)
  +main+all+kill: Python command failed with code 137
    hint: the command was killed (signal 9): look whether the machine ran out of memory
  +main+all+lonely: Python command failed with code 1: 'lonely' must name a module and a function in it, e.g. 'tasks.lonely' (Exception)
  +main+all+method: Python command failed with code 1: 'Plain' object has no attribute 'gone' (AttributeError)
  +main+all+module: Python command failed with code 1: No module named 'gone' (ModuleNotFoundError)
  +main+all+nan: Python command failed with code 1: Parameters must be serializable using JSON: Out of range float values are not JSON compliant (TypeError)
  +main+all+needs: Python command failed with code 1: No module named 'not_there' (ModuleNotFoundError)
  +main+all+none: `py>` needs a method to call
  +main+all+object: Python command failed with code 1: Parameters must be serializable using JSON: Object of type object is not JSON serializable (TypeError)
  +main+all+python: `/no/python` could not be started in `PROJECT`
    cause: No such file or directory (os error 2)
  +main+all+silent: the Python script ended well but wrote no result
  +main+all+stopped: Python command failed with code 1: (KeyboardInterrupt)
  +main+all+subtask: Python command failed with code 1: add_subtask takes a function of a module or a method of its class (TypeError)
  +main+all+syntax: Python command failed with code 1: invalid syntax (broken.py, line 1) (SyntaxError)
  +main+all+tokenize: Python command failed with code 1: Module 'tokenize' is not the project's: duplicate module name with standard library (ImportError)
"#;

#[test]
fn python3_stands_in_where_there_is_no_python() {
    let mut sandbox = Sandbox::new()
        .file("tasks.py", "def go():\n    print('here')\n")
        .file("main.dig", "+t:\n  py>: tasks.go\n")
        .file("only3/.keep", "")
        .file("both/.keep", "");
    // A shim on the PATH may need more than itself.
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable, end='')"]).output();
    let found = String::from_utf8(output.unwrap().stdout).unwrap();
    let link = |name: &str| std::os::unix::fs::symlink(&found, sandbox.path().join(name)).unwrap();
    link("only3/python3");
    link("both/python3");
    let folder = |name: &str| format!("{}:/usr/bin-not:/bin-not", sandbox.path().join(name).display());
    let (only3, both) = (folder("only3"), folder("both"));
    sandbox.write("both/python", "#!/bin/sh\necho called python; exec \"${0}3\" \"$@\"\n");
    let python = sandbox.path().join("both/python");
    std::fs::set_permissions(python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    sandbox.set("PATH", only3);
    assert_eq!(printed(&sandbox), "here\n");
    sandbox.set("PATH", both);
    assert_eq!(printed(&sandbox), "called python\nhere\n");
}

//! The table "Coming from Digdag" of the README: every row has a test here, and every test a row.

use crate::names;
use crate::support::readme_rows::rows;
use crate::support::sandbox::{Said, Sandbox};

rows! {
    "| Digdag | `sync` | why |":
    "`sh>` `rb>` `py>`" => commands,
    "`call>` `for_each>` `for_range>` `loop>` `if>` `echo>` `fail>` `wait>`" => control,
    "`http>` `http_call>` `mail>` `slack>` `notify>`" => messages,
    "`pg>` `s3_wait>` `gcs_wait>` `param_get>` `param_set>` `embulk>`" => data,
    "`bq>` `bq_load>` `bq_extract>` `bq_ddl>`" => bigquery,
    "`_export` `_parallel` `_background` `_after` `_retry` `_error` `_check` `_do` `_else_do` `_disable` `_env` `_secrets` `_type`" => directives,
    "`timezone:` `schedule:` `sla:`" => times,
    "`!include :`, anchors, merge keys" => yaml,
    "`${...}` with `moment`" => moment,
    "`redshift>` `redshift_load>` `redshift_unload>`" => redshift,
    "`redshift>`: a status table says that a script is done even where a TRUNCATE or COMMIT in it committed a part" => half_a_script,
    "`redshift_load>` reads `column_list` and leaves it out of COPY" => column_list,
    "`redshift_unload>` removes what a query that is done has written when its task runs again" => unloaded_files,
    "a marker in a bucket takes a script" => markers,
    "`td>` and all `td_…>`" => treasure_data,
    "`emr>` `ecs_task.…>` `athena.…>`" => compute_services,
    "an operator that does not exist fails when its task starts" => unknown_operator,
    "`require>` with `project_id` or `project_name` of another project" => other_project,
    "`digdag run` goes on with the last session" => new_attempt,
    "without `--session`: the last time of the schedule, even if it is still to be run" => session_that_is_due,
    "the project is the current directory" => project,
    "a broken `.dig` anywhere in the folder stops a run" => broken_sibling,
    "exit code 1 after a group that succeeded at its second try" => second_try,
    "`_retry` of a group skips tasks that succeeded" => whole_group,
    "an exported `_retry` also repeats the group that exports it" => exported_retry,
    "`_error` can be skipped in a later run, and fails on a variable that is not defined" => handlers,
    "`error` has `message` and `stacktrace`" => error_variable,
    "no limit of time for a task" => timeout,
    "no task may fail" => continue_on_failure,
    "`require>` in a local run starts the other workflow" => required_session,
    "`param_set>` needs a parameter server" => kept_params,
    "`http>` tries again for ever" => http_patience,
    "`http_call>` leaves the file `http_call.dig`" => http_call_file,
    "`mail>` encrypts where the server offers it" => mail_encryption,
    "a workflow that calls itself goes on for minutes" => calls_itself,
    "1,000 tasks at most" => many_tasks,
    "the first characters of an item of `for_each>` stand in the names of its tasks" => secret_items,
    "`slack>` and `mail>` with `html: true` take `${error.message}` as it is" => escaped_errors,
    "`${...}` knows JavaScript of 2009" => javascript,
    "`${...}` reaches Java (`Java.type`, `load`, `print`)" => no_java,
    "a whole number beyond 64 bits loses digits" => long_numbers,
    "an exported `sh>` takes the place of other operators" => exported_operator,
    "a null parameter in scope fails every `sh>`" => null_parameter,
    "`sh>` reads from a pipe that never ends" => stdin,
    "a command that is cancelled runs on" => cancelled_command,
    "any number of tasks at once" => jobs,
    "`-p` that an `_export` overrides is silent" => overridden,
    "`--dry-run` logs" => dry_run,
    "`--no-save` writes no status" => no_save,
    "`docker:` runs commands in a container" => docker,
    "`plugin:` loads jars" => plugin,
    "`pg>` stores texts up to 256 characters" => stored_texts,
}

fn with(text: &str) -> Sandbox {
    Sandbox::new().file("main.dig", text)
}

#[track_caller]
fn printed(text: &str) -> String {
    with(text).run(["run", "main.dig"]).expect_code(0).stdout
}

#[track_caller]
fn fails(text: &str) -> Said {
    with(text).run(["run", "main.dig"]).expect_code(1)
}

#[track_caller]
fn accepted(text: &str) {
    with(text).run(["check", "main.dig"]).expect_code(0);
}

#[track_caller]
fn refused(text: &str, reason: &str) {
    for command in ["check", "run"] {
        let said = with(text).run([command, "main.dig"]).expect_code(65);
        let all = said.stdout + &said.stderr;
        assert!(all.contains(reason), "{all}");
    }
}

fn commands() {
    let sandbox = with("+a:\n  sh>: echo a\n+b:\n  rb>: Tasks.b\n  require: tasks\n+c:\n  py>: tasks.c\n")
        .file("tasks.rb", "class Tasks\n  def b\n    puts 'b'\n  end\nend\n")
        .file("tasks.py", "def c():\n    print('c')\n");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "a\nb\nc\n");
}

fn control() {
    let sandbox = with(
        "+c:\n  call>: other\n+e:\n  for_each>: {x: [a, b]}\n  _do: {echo>: '${x}'}\n\
         +r:\n  for_range>: {from: 0, to: 4, step: 2}\n  _do: {echo>: '${range.from}-${range.to}'}\n\
         +l:\n  loop>: 2\n  _do: {echo>: '${i}'}\n+i:\n  if>: ${1 > 2}\n  _do: {echo>: yes}\n  _else_do: {echo>: no}\n\
         +w:\n  wait>: 0s\n+f:\n  fail>: the end\n",
    )
    .file("other.dig", "+x:\n  echo>: other\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(said.stdout, "other\na\nb\n0-2\n2-4\n0\n1\nno\n");
    assert!(said.stderr.contains("+main+f: the end"), "{}", said.stderr);
}

fn messages() {
    accepted(
        "+h:\n  http>: https://example.com/\n+c:\n  http_call>: https://example.com/tasks.json\n\
         +m:\n  mail>: {data: hello}\n  subject: s\n  to: [me@example.com]\n+s:\n  slack>: {data: 'text: hello'}\n\
         +n:\n  notify>: hello\n",
    );
    // Nobody is to be told: nothing happens.
    printed("+n:\n  notify>: hello\n");
}

fn data() {
    accepted(
        "+p:\n  pg>: {data: select 1}\n+s:\n  s3_wait>: bucket/key\n+g:\n  gcs_wait>: bucket/object\n\
         +k:\n  param_set>:\n  key: value\n+l:\n  param_get>:\n  key: variable\n\
         +e:\n  _type: embulk\n  config: {in: {type: sqlite}, out: {type: file}}\n",
    );
}

fn markers() {
    accepted(
        "+s:\n  s3_put>: bucket/_SUCCESS\n  content: {day: '${session_date}'}\n+g:\n  gcs_put>: bucket/list\n  \
         content_file: list.csv\n",
    );
}

fn directives() {
    let mut sandbox = with(
        "_export: {x: 1}\n+p:\n  _parallel: true\n  +a: {echo>: '${x}'}\n  +b: {_after: [+a], echo>: b}\n\
         +s:\n  +c: {_background: true, sh>: 'true'}\n  +d: {_disable: true, fail>: no}\n\
         +t:\n  _type: sh\n  _command: 'test -e once || { touch once; exit 1; }'\n  _retry: 1\n  _check: {echo>: checked}\n\
         +e:\n  sh>: 'echo $SECRET | wc -c'\n  _env: {SECRET: '${secret:db.pw}'}\n  _secrets: {db: other}\n\
         +f:\n  fail>: f\n  _error: {echo>: '${error.message}'}\n",
    );
    sandbox.set("SYNC_SECRET_OTHER_PW", "12345");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(said.stdout, "1\nb\nchecked\n6\nf\n");
}

fn times() {
    let said = with(
        "timezone: Asia/Tokyo\nschedule:\n  daily>: 07:00:00\nsla:\n  duration: 10:00\n\
         +a:\n  echo>: ${session_time} ${last_session_date}\n",
    )
    .run(["run", "main.dig", "--session", "2026-01-02"])
    .expect_code(0);
    assert_eq!(said.stdout, "2026-01-02T00:00:00+09:00 2026-01-01\n");
}

fn yaml() {
    let sandbox =
        with("_export:\n  base: &base {a: 1, b: 2}\n  more: {<<: *base, b: 3}\n+t:\n  !include : task.yml\n")
            .file("task.yml", "echo>: ${more.a} ${more.b}\n");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "1 3\n");
}

fn moment() {
    let text = "+a:\n  echo>: ${moment(\"2024-01-31\").add(1, 'month').format('YYYY/MM/DD')}\n";
    assert_eq!(printed(text), "2024/02/29\n");
}

fn no_java() {
    let text = "+a:\n  echo>: ${[typeof Java, typeof load, typeof print].join()}\n";
    assert_eq!(printed(text), "undefined,undefined,undefined\n");
}

fn long_numbers() {
    let text = "_export:\n  n: 12345678901234567890123\n+a:\n  echo>: ${n}\n";
    assert_eq!(printed(text), "12345678901234567890123\n");
}

fn exported_operator() {
    assert_eq!(printed("_export:\n  sh>: echo exported\n+a:\n  echo>: own\n"), "own\n");
}

/// What they do is tested on a server (`bq`); here, that nothing is said of them.
fn bigquery() {
    let text = "+a:\n  bq>: {data: SELECT 1}\n+b:\n  bq_load>: gs://b/o\n  destination_table: d.t\n\
                +c:\n  bq_extract>: d.t\n  destination: gs://b/o\n+d:\n  bq_ddl>:\n  create_tables: [d.u]\n";
    let said = with(text).run(["check", "main.dig", "--deny", "warnings"]).expect_code(0);
    assert_eq!(said.stderr, "checked 1 file: no problems\n");
}

/// The same.
fn redshift() {
    let text = "+a:\n  redshift>: {data: select 1}\n+b:\n  redshift_load>:\n  table: t\n  from: s3://b/k\n  csv: ''\n\
                +c:\n  redshift_unload>:\n  query: select 1\n  to: s3://b/k\n  parallel: OFF\n";
    let said = with(text).run(["check", "main.dig", "--deny", "warnings"]).expect_code(0);
    assert_eq!(said.stderr, "checked 1 file: no problems\n");
    crate::redshift::load::records_that_do_not_fit_are_told_by_file_line_and_column();
}

fn half_a_script() {
    crate::redshift::once::a_script_that_ended_its_transaction_in_the_midst_is_run_again();
}

fn column_list() {
    crate::redshift::load::a_file_is_loaded_with_the_options_of_the_task();
}

fn unloaded_files() {
    crate::redshift::unload::what_a_try_that_failed_has_left_is_removed();
}

fn treasure_data() {
    for name in ["td", "td_run", "td_for_each"] {
        refused(&format!("+a:\n  {name}>: x\n"), "it belongs to Treasure Data");
    }
}

fn compute_services() {
    for name in ["emr", "ecs_task.run", "athena.query"] {
        refused(&format!("+a:\n  {name}>: x\n"), "it belongs to a compute service of AWS");
    }
}

fn unknown_operator() {
    refused("+a:\n  sh>: touch began\n+b:\n  frob>: x\n", "unknown operator `frob>`");
    refused("+a:\n  call>: nowhere\n", "called file `nowhere.dig` does not exist");
    refused("+a:\n  sh>: x\n+a:\n  sh>: y\n", "duplicate key `+a`");
    refused("+a:\n  sh>: echo ${1 +}\n", "`${...}` holds no valid JavaScript");
}

fn other_project() {
    let sandbox =
        with("+a:\n  require>: child\n  project_name: another\n").file("child.dig", "+x:\n  echo>: x\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(said.stderr.contains("only workflows of the same project can be required"), "{}", said.stderr);
}

fn new_attempt() {
    let sandbox = with("+a:\n  sh>: echo a\n+b:\n  sh>: test -e ok\n");
    sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(1).stdout, "a\n");
    sandbox.write("ok", "");
    assert_eq!(sandbox.run(["run", "main.dig", "--session", "last"]).expect_code(0).stdout, "");
}

fn session_that_is_due() {
    // Of a schedule whose run time never comes today, the session of today is not due.
    let text = "schedule:\n  daily>: 23:59:59\n+a:\n  echo>: ${moment().diff(moment(session_time), 'hours') >= 23}\n";
    assert_eq!(printed(text), "true\n");
}

fn project() {
    let sandbox = Sandbox::new().file("flows/main.dig", "+a:\n  sh>: pwd\n").file(".sync/.gitignore", "*\n");
    let said = sandbox.run(["run", "flows/main.dig"]).expect_code(0);
    assert_eq!(said.stdout, format!("{}\n", sandbox.path().join("flows").display()));
    assert!(sandbox.path().join(".sync/state.db").exists());
}

fn broken_sibling() {
    let sandbox = with("+a:\n  echo>: a\n").file("broken.dig", "+a: [\n");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    sandbox.run(["check"]).expect_code(65);
}

fn second_try() {
    printed("+g:\n  _retry: 1\n  +a:\n    sh>: test -e once || { touch once; exit 1; }\n");
}

fn whole_group() {
    let text =
        "+g:\n  _retry: 1\n  +a:\n    sh>: echo a\n  +b:\n    sh>: test -e once || { touch once; exit 1; }\n";
    assert_eq!(printed(text), "a\na\n");
}

fn exported_retry() {
    let sandbox = with("_export: {_retry: 1}\n+a:\n  sh>: echo a >> out; exit 1\n");
    sandbox.run(["run", "main.dig"]).expect_code(1);
    let runs = sandbox.read("out").len() / 2;
    assert!(runs >= 2, "{runs}");
}

fn handlers() {
    let sandbox = with("_export: {broken: '${nowhere}'}\n_error:\n  sh>: echo handled\n+a:\n  sh>: exit 1\n");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(1).stdout, "handled\n");
    assert_eq!(sandbox.run(["retry", "--session", "last"]).expect_code(1).stdout, "handled\n");
}

fn error_variable() {
    let said = fails(
        "_error:\n  +keys: {echo>: '${Object.keys(error).join()} ${JSON.stringify(error).length < 200}'}\n  \
         +env: {sh>: 'echo $error | grep -c tasks || true'}\n  \
         +more: {echo>: '${error.task} ${error.tasks[0].exit_code} ${error.tasks[0].log.join()}'}\n\
         +a:\n  sh>: echo last words; exit 3\n",
    );
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines, ["last words", "message,stacktrace true", "0", "+main+a 3 last words"]);
}

fn timeout() {
    let text = "+a:\n  sh>: sleep 60\n  _timeout: 1s\n";
    let said = fails(text);
    assert!(said.stderr.contains("+main+a: took longer than its `_timeout` of 1s"), "{}", said.stderr);
    let said = with(text).run(["check", "main.dig"]).expect_code(0);
    let all = said.stdout + &said.stderr;
    assert!(all.contains("`_timeout` is not known to Digdag"), "{all}");
}

fn continue_on_failure() {
    let said = with("+a:\n  sh>: exit 3\n  _continue_on_failure: true\n+b:\n  echo>: b\n")
        .run(["run", "main.dig"])
        .expect_code(0);
    assert_eq!(said.stdout, "b\n");
    assert_eq!(
        said.stderr,
        "error: task `+main+a` failed: Command failed with code 3\n\
         warning: 1 task failed, and the run went on (`_continue_on_failure`)\n  +main+a: Command failed with code 3\n"
    );
}

fn required_session() {
    let sandbox = with("+r:\n  require>: child\n").file("child.dig", "+x:\n  echo>: ran\n");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "ran\n");
    assert_eq!(sandbox.run(["run", "main.dig"]).expect_code(0).stdout, "");
    assert_eq!(sandbox.run(["run", "main.dig", "--rerun"]).expect_code(0).stdout, "ran\n");
}

fn kept_params() {
    let sandbox = with("+s:\n  param_set>:\n  colour: red\n")
        .file("later.dig", "+g:\n  param_get>:\n  colour: c\n+e:\n  echo>: ${c}\n");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(sandbox.run(["run", "later.dig"]).expect_code(0).stdout, "red\n");
}

fn http_patience() {
    // The limit of 24 hours is pinned beside the operator; a limit of the task's own counts before it.
    let said = fails("+h:\n  http>: http://127.0.0.1:1/\n  _timeout: 1s\n");
    assert!(said.stderr.contains("took longer than its `_timeout`"), "{}", said.stderr);
}

fn http_call_file() {
    let sandbox = with("+h:\n  http_call>: http://127.0.0.1:1/\n  retry: false\n");
    sandbox.run(["run", "main.dig"]);
    assert!(!sandbox.path().join("http_call.dig").exists());
}

fn mail_encryption() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader, Write};
        let (stream, _) = listener.accept().unwrap();
        let mut writer = stream.try_clone().unwrap();
        writer.write_all(b"220 plain\r\n").unwrap();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let answer: &[u8] = if line.starts_with("EHLO") { b"250 plain\r\n" } else { b"221 bye\r\n" };
            if writer.write_all(answer).is_err() {
                return;
            }
        }
    });
    let said = with(&format!(
        "+m:\n  mail>: {{data: hello}}\n  subject: s\n  to: [me@example.com]\n  from: me@example.com\n  \
         host: 127.0.0.1\n  port: {port}\n"
    ))
    .run(["run", "main.dig"]);
    assert_ne!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("STARTTLS"), "{}", said.stderr);
    server.join().unwrap();
}

fn calls_itself() {
    let said = fails("+a:\n  call>: main.dig\n");
    assert!(said.stderr.contains("tasks are nested more than 50 levels deep"), "{}", said.stderr);
}

fn many_tasks() {
    assert_eq!(printed("+a:\n  loop>: 1500\n  _do:\n    echo>: ${i}\n").lines().count(), 1500);
}

fn escaped_errors() {
    names::what_went_wrong_rings_nobody_in_slack();
    names::what_went_wrong_is_no_html_and_no_header_in_a_mail();
}

fn secret_items() {
    let said =
        with("+a:\n  for_each>: {x: ['${my_password}', plain]}\n  _parallel: true\n  _do: {fail>: no}\n")
            .run(["run", "main.dig", "-p", "my_password=hunter2x"]);
    let said = said.expect_code(1).stderr;
    assert!(said.contains("+for-0=x=0=secret"), "{said}");
    assert!(said.contains("+for-0=x=1=plain") && !said.contains("hunter2"), "{said}");
}

fn javascript() {
    assert_eq!(printed("+a:\n  echo>: ${[1, 2].map(x => `n` + x).includes('n2')}\n"), "true\n");
}

fn null_parameter() {
    assert_eq!(printed("_export: {x: null}\n+a:\n  sh>: echo \"[$x]\"\n"), "[]\n");
}

fn stdin() {
    assert_eq!(printed("+a:\n  sh>: cat; echo over\n"), "over\n");
}

fn cancelled_command() {
    let sandbox = with(
        "+a:\n  sh>: 'trap \"echo stopped; exit 1\" TERM; while :; do sleep 0.1; done'\n  _timeout: 1s\n",
    );
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(said.stdout.ends_with("stopped\n"), "{}", said.stdout);
}

fn jobs() {
    let text = "+p:\n  _parallel: true\n  +a: {sh>: 'mkdir lock; rmdir lock'}\n  +b: {sh>: 'mkdir lock; rmdir lock'}\n";
    with(text).run(["run", "main.dig", "-j", "1"]).expect_code(0);
}

fn overridden() {
    let said =
        with("_export: {x: 1}\n+a:\n  echo>: ${x}\n").run(["run", "main.dig", "-p", "x=2"]).expect_code(0);
    assert_eq!(said.stdout, "1\n");
    assert!(said.stderr.contains("parameter `x` of the command line has no effect"), "{}", said.stderr);
}

fn dry_run() {
    let said = with("+a:\n  sh>: echo ${1 + 1}\n").run(["run", "main.dig", "--dry-run"]).expect_code(0);
    assert_eq!(said.stdout, "+main+a: sh>: echo 2\n");
}

fn no_save() {
    let sandbox = with("+a:\n  echo>: a\n");
    sandbox.run(["run", "main.dig", "--no-save"]).expect_code(0);
    assert_eq!(sandbox.run(["status"]).stderr, "no such session\n");
}

fn docker() {
    let mut sandbox = with("+a:\n  sh>: echo here\n  docker: {image: ruby}\n");
    sandbox.set("PATH", "/usr/bin:/bin");
    assert_eq!(sandbox.run(["run", "main.dig", "--docker", "never"]).expect_code(0).stdout, "here\n");
    let without = Sandbox::new().file("main.dig", "+a:\n  sh>: echo here\n  docker: {image: ruby}\n");
    let mut without = without.file("bin/sh", "");
    without.set("PATH", without.path().join("bin").to_string_lossy());
    let said = without.run(["run", "main.dig"]).expect_code(65);
    assert!(said.stderr.contains("the task asks for docker, which is not installed"), "{}", said.stderr);
}

fn plugin() {
    let said = with("_export:\n  plugin:\n    dependencies: ['example:thing:1']\n+a:\n  echo>: a\n")
        .run(["check", "main.dig"])
        .expect_code(0);
    let all = said.stdout + &said.stderr;
    assert!(all.contains("`plugin` is ignored: `example:thing:1` can't be loaded"), "{all}");
}

fn stored_texts() {
    let text = |length: usize| {
        format!(
            "+q:\n  sqlite>:\n    data: select printf('%.*c', {length}, 'x') as t\n  database: x.db\n  store_last_results: first\n\
             +e:\n  echo>: ${{sqlite.last_results.t.length}}\n"
        )
    };
    assert_eq!(printed(&text(65_536)), "65536\n");
    fails(&text(65_537));
}

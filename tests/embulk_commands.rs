//! Embulk's command line: the table of it in "Coming from Embulk" of the README, row by row, and what commands print.

use crate::support::readme_rows::rows;
use crate::support::sandbox::Sandbox;

rows! {
    "| Embulk's commands | `sync` | why |":
    "`run` `preview` `guess` `example`" => example,
    "`cleanup` removes what a failed run left" => cleanup,
    "`gem` `bundle` `mkbundle` `install` `selfupdate`" => nothing_to_do,
    "`exec` `irb` `migrate` `new` are no longer available" => no_longer_available,
    "`--help` and `--version` end with 255" => asked_for,
    "`-b` `-C` `-I` `-L` `-R`" => without_effect,
    "`-X min_output_tasks=N` says how many files there are where `exec:` does not" => settings,
    "`run -r PATH` keeps the state of a run that failed" => resume,
    "`run -o PATH`, `guess -o PATH` write passwords" => output,
    "`guess` tells charsets by how often letters follow each other" => charsets,
    "`guess` counts the bytes of line ends, in UTF-16 too" => wide_line_ends,
    "`guess` fails where a row has fewer fields than the first, or a name is what stands for null" => ragged,
}

const CONFIG: &str = "in:\n  type: file\n  path_prefix: data/\n  parser: {type: csv, columns: [{name: a, type: long}]}\nout: {type: file, path_prefix: out, file_ext: csv, formatter: {type: csv}}\n";

fn sandbox() -> Sandbox {
    Sandbox::new().file("data/a.csv", "1\n2\n").file("a.yml", CONFIG)
}

/// The exit code, stdout and stderr of `embulk` with some arguments.
fn said(sandbox: &Sandbox, line: &str) -> (Option<i32>, String, String) {
    let said = sandbox.run(["embulk"].into_iter().chain(line.split_whitespace()));
    (said.code, said.stdout, said.stderr)
}

/// What is guessed of a file with these bytes.
fn guessed(bytes: &[u8]) -> String {
    let sandbox = Sandbox::new().file("seed.yml", "in: {type: file, path_prefix: data/}\n");
    std::fs::create_dir(sandbox.path().join("data")).unwrap();
    std::fs::write(sandbox.path().join("data/a.csv"), bytes).unwrap();
    sandbox.run(["embulk", "guess", "-l", "error", "seed.yml"]).expect_code(0).stderr
}

fn example() {
    let sandbox = sandbox();
    let (code, out, err) = said(&sandbox, "example try");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "Creating try directory...\n  Creating try/\n  Creating try/csv/\n  Creating try/csv/sample_01.csv.gz\n  Creating try/seed.yml\n\n\
         Run following subcommands to try embulk:\n\n   1. embulk guess try/seed.yml -o config.yml\n   2. embulk preview config.yml\n   3. embulk run config.yml\n"
    );
    for line in [
        "guess -l error try/seed.yml -o config.yml",
        "preview -l error config.yml",
        "run -l error config.yml",
    ] {
        assert_eq!(said(&sandbox, line).0, Some(0), "{line}");
    }
    assert_eq!(sandbox.read("try/out_000.00.csv").lines().count(), 5);
}

fn cleanup() {
    for line in ["cleanup a.yml", "cleanup no.yml -r state.yml"] {
        let text = "embulk cleanup: nothing to do, it has no state to clean up: a transfer that fails leaves none behind\n";
        assert_eq!(said(&sandbox(), line), (Some(0), text.to_owned(), String::new()), "{line}");
    }
}

fn nothing_to_do() {
    for (line, text) in [
        (
            "gem install embulk-input-mysql",
            "embulk gem: nothing to do, the plugins that are known are part of this program\n",
        ),
        ("bundle", "embulk bundle: nothing to do, the plugins that are known are part of this program\n"),
        (
            "mkbundle dir",
            "embulk mkbundle: nothing to do, the plugins that are known are part of this program\n",
        ),
        (
            "install org.embulk:embulk-input-s3:1",
            "embulk install: nothing to do, it has the plugins that are known in it\n",
        ),
        ("selfupdate 0.9.23", "embulk selfupdate: nothing to do, it is updated as it was installed\n"),
    ] {
        assert_eq!(said(&sandbox(), line), (Some(0), text.to_owned(), String::new()), "{line}");
    }
}

fn no_longer_available() {
    for word in ["exec", "irb", "migrate", "new"] {
        let (code, out, err) = said(&sandbox(), &format!("{word} x"));
        assert_eq!((code, err), (Some(255), format!("embulk: '{word}' is no longer available.\n")));
        assert!(out.starts_with("Usage: embulk "), "{out}");
    }
}

const USAGE: &str = "\
Usage: embulk [options] COMMAND [options]

Commands:
  run FILE               copies what the configuration says (.yml or .yml.liquid)
  preview FILE           shows the first rows of its input, after its filters
  guess FILE             adds what a sample of its input's files shows
  cleanup FILE           does nothing: no state is left behind
  example [DIR]          makes files to try guess, preview and run with
  license                prints whose work this is
  install                does nothing: the plugins that are known are part of this program
  selfupdate             does nothing: this program is updated as it was installed
  gem                    does nothing: the plugins that are known are part of this program
  bundle                 does nothing: the plugins that are known are part of this program
  mkbundle               does nothing: the plugins that are known are part of this program

Options:
  -h, --help               this text
  -version, --version      the version
  -l, --log-level LEVEL    error, warn, info (default), debug or trace
  --log-path PATH          a file for the log, which is added to
  -X KEY=VALUE             min_output_tasks=N; others have no effect
  -R OPTION                has no effect
  -b, --bundle DIR         has no effect
  -C, --classpath PATH     has no effect
  -I, --load-path PATH     has no effect
  -L, --load PATH          has no effect
";

fn asked_for() {
    for line in ["-h", "--help", "-help"] {
        assert_eq!(said(&sandbox(), line), (Some(0), USAGE.to_owned(), String::new()), "{line}");
    }
    let (code, out, _) = said(&sandbox(), "guess --help");
    let start =
        "Usage: embulk guess [options] FILE\n\n  adds what a sample of its input's files shows\n\nOptions:\n";
    assert!(code == Some(0) && out.starts_with(start), "{out}");
    assert!(out.contains("  -g, --guess NAMES        further guess plugins, with commas between\n"), "{out}");
    let (code, out, _) = said(&sandbox(), "--version");
    assert!(code == Some(0) && out.starts_with("Embulk, as sync "), "{out}");
    // Without a word it is wrong usage, as in Embulk.
    let missing = "embulk: a command is missing, e.g. `embulk run FILE`\n";
    assert_eq!(said(&sandbox(), ""), (Some(255), USAGE.to_owned(), missing.to_owned()));
    let unknown = "embulk: 'frob' is not an embulk command.\n";
    assert_eq!(said(&sandbox(), "frob"), (Some(255), USAGE.to_owned(), unknown.to_owned()));
}

fn without_effect() {
    let (code, _, err) = said(&sandbox(), "-b dir run a.yml -l error -C x.jar -I lib -L lib2 -R --dev");
    assert_eq!(
        (code, err.as_str()),
        (
            Some(0),
            "embulk: `-b dir` has no effect here: plugins are part of this program\n\
             embulk: `-C x.jar` has no effect here: plugins are part of this program\n\
             embulk: `-I lib` has no effect here: plugins are part of this program\n\
             embulk: `-L lib2` has no effect here: plugins are part of this program\n\
             embulk: `-R --dev` has no effect here: there is no JRuby\n"
        )
    );
}

/// The outcomes of Embulk 0.11.4, but for the notes, and for 0, which counts as 1 there.
fn settings() {
    let sandbox = sandbox().file("b.yml", &format!("{CONFIG}exec: {{min_output_tasks: 2}}\n"));
    let files = || {
        let all = std::fs::read_dir(sandbox.path()).unwrap();
        let all = all
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "csv"));
        all.map(|path| std::fs::remove_file(path).unwrap()).count()
    };
    for (line, count) in [
        ("run a.yml", 1),
        ("run a.yml -X min_output_tasks=3", 3),
        ("-Xmin_output_tasks=3 run a.yml", 3),
        ("run a.yml -X min_output_tasks=5 -X min_output_tasks=4", 4),
        ("run b.yml -X min_output_tasks=4", 2),
    ] {
        let (code, _, err) = said(&sandbox, &format!("-l error {line}"));
        assert_eq!((code, err.as_str(), files()), (Some(0), "", count), "{line}");
    }
    for word in ["0", "-1", "x", "1.5", ""] {
        let (code, _, err) = said(&sandbox, &format!("run a.yml -X min_output_tasks={word}"));
        let reason = format!("embulk: '{word}' is not a number of output tasks (1 or more).\n");
        assert_eq!((code, err), (Some(255), reason));
    }
    let line = "run a.yml -l error -X max_threads=2 -X page_size=16 -X foo=1";
    let notes = "embulk: `-X max_threads=2` has no effect here: a transfer reads in one thread and writes in another\n\
         embulk: `-X page_size=16` has no effect here: pages have a size of their own, and change no row\n\
         embulk: `-X foo=1` has no effect here: there is no JVM to set up\n";
    assert_eq!(said(&sandbox, line), (Some(0), String::new(), notes.to_owned()));
    let (code, _, err) = said(&sandbox, "preview a.yml -l error -X min_output_tasks=2");
    let note = "embulk: `-X min_output_tasks=2` has no effect here: only `run` writes files\n";
    assert_eq!((code, err.as_str()), (Some(0), note));

    let one_name = CONFIG.replace("file_ext", "sequence_format: ., file_ext");
    let sandbox = sandbox.file("c.yml", &one_name);
    let (code, _, err) = said(&sandbox, "run c.yml -l error -X min_output_tasks=2");
    assert_eq!(code, Some(1));
    assert!(
        err.ends_with(
            "  cause: c.yml:5:6: `min_output_tasks` makes 2 files, and `sequence_format` gives all of them one name\n  \
             hint: write both numbers in it: `.%03d.%02d`\n"
        ),
        "{err}"
    );
    // In a run the files are as many, and a retry finds them again by the same names.
    let sandbox = sandbox.file("flow.dig", "+copy:\n  sh>: embulk run a.yml -X min_output_tasks=3\n");
    sandbox.run(["run", "flow.dig"]).expect_code(0);
    let three = ["out000.00.csv", "out001.00.csv", "out002.00.csv"];
    assert!(three.iter().all(|name| sandbox.path().join(name).exists()));
    let said = sandbox.run(["check", "flow.dig", "--connect"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), "checked 2 files: no problems\n"));
}

fn resume() {
    let sandbox = sandbox();
    let (code, _, err) = said(&sandbox, "run a.yml -r state.yml -l error");
    let note = "embulk: `-r state.yml` has no effect here: a transfer that failed leaves nothing to go on from, and starts anew\n";
    assert_eq!((code, err.as_str()), (Some(0), note));
    assert!(!sandbox.path().join("state.yml").exists());
}

fn output() {
    let mut sandbox = sandbox()
        .file("b.yml.liquid", &CONFIG.replace("  parser", "  note: '{{ env.API_TOKEN }}'\n  parser"));
    sandbox.set("API_TOKEN", "hunter2");
    let (code, out, err) = said(&sandbox, "run b.yml.liquid -o next.yml -l warn");
    assert!(out.contains("[WARN] (main): Run with -o option is deprecated."), "{out}");
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        sandbox.read("next.yml"),
        "in:\n  type: file\n  path_prefix: data/\n  note: '{{ env.API_TOKEN }}'\n  parser:\n    type: csv\n    columns:\n    \
         - {name: a, type: long}\n  last_path: data/a.csv\nout:\n  type: file\n  path_prefix: out\n  file_ext: csv\n  formatter: {type: csv}\n"
    );
    let left: Vec<_> =
        std::fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".next")), "{left:?}");
    let refused = said(&sandbox, "run a.yml -o no/next.yml -l error");
    assert_eq!(refused, (Some(1), String::new(), "Error: Not writable: no/next.yml\n".to_owned()));
}

fn charsets() {
    let japanese = encoding_rs::SHIFT_JIS.encode("番号,名前\n1,山田\n").0;
    for (bytes, charset) in [
        (&b"kod,nazwa\n1,czesc\n2,zakaz\n3,prawo i wolnosc\n"[..], "UTF-8"),
        (&japanese, "MS932"),
        (b"nom,pr\xe9nom\n1,Andr\xe9\n2,Ren\xe9e\n", "ISO-8859-1"),
    ] {
        let yaml = guessed(bytes);
        assert!(yaml.contains(&format!("    charset: {charset}\n")), "{charset}: {yaml}");
    }
}

fn wide_line_ends() {
    let text = "\u{feff}id,name\r\n1,日本\r\n2,x\r\n";
    let yaml = guessed(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    assert!(yaml.contains("    charset: UTF-16LE\n    newline: CRLF\n"), "{yaml}");
    assert!(yaml.contains("    - {name: id, type: long}\n    - {name: name, type: string}\n"), "{yaml}");
}

fn ragged() {
    let yaml = guessed(b"ab,cd,ef\ngh,ij\nkl,mn,op\nqr,st,uv\n");
    assert!(yaml.contains("    - {name: c0, type: string}\n"), "{yaml}");
    let yaml = guessed(b"id,NULL\n1,NULL\n2,2.5\n3,NULL\n");
    assert!(yaml.contains("    - {name: id, type: long}\n    - {name: 'NULL', type: double}\n"), "{yaml}");
}

#[test]
fn a_log_can_go_to_a_file() {
    let sandbox = sandbox();
    for _ in 0..2 {
        assert_eq!(said(&sandbox, "run a.yml --log-path log.txt"), (Some(0), String::new(), String::new()));
    }
    let log = sandbox.read("log.txt");
    assert_eq!(log.matches("[INFO] (main): Committed.\n").count(), 2, "{log}");
    let refused = said(&sandbox, "run a.yml --log-path no/log.txt");
    assert_eq!(refused, (Some(1), String::new(), "Error: Not writable: no/log.txt\n".to_owned()));
}

//! The forms that programs read: as their schemas say, as reviewdog understands them, and the same in every version.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers;

/// A project with an error, warnings and a note, in a workflow, in SQL, in the secrets and in the policy, and a file that
/// is not there. The project lies below the current directory, as in a repository with more in it.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.copy_from_repository("tests/lint/forms/project", "etl");
    sandbox.write("etl/.sync/.gitignore", "*\n");
    sandbox
}

fn printed(form: &str) -> String {
    let said = project().run(["check", "etl", "nope.dig", "--format", form]).expect_code(65);
    assert_eq!(said.stderr, "checked 3 files: 4 errors, 5 warnings\n");
    said.stdout
}

fn expected(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/forms").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn texts_stay_as_they_are() {
    for (form, file) in [("human", "human.txt"), ("github", "github.txt"), ("checkstyle", "checkstyle.xml")] {
        let now = printed(form);
        assert!(now == expected(file), "{form} is no longer as {file}:\n{now}");
    }
}

#[test]
fn objects_stay_as_they_are() {
    for (form, file) in [("json", "json.json"), ("rdjson", "rdjson.json"), ("sarif", "sarif.json")] {
        let mut now = json_of(&printed(form));
        if form == "sarif" {
            let driver = &mut now["runs"][0]["tool"]["driver"];
            assert_eq!(driver["version"], env!("CARGO_PKG_VERSION"));
            driver["version"] = json!("VERSION");
            for rule in driver["rules"].as_array_mut().expect("a list") {
                // The page, which is free to change.
                let help = rule.as_object_mut().and_then(|rule| rule.remove("help")).expect("a page");
                assert_eq!(help["text"], help["markdown"]);
            }
        }
        let shown = serde_json::to_string_pretty(&now).expect("JSON");
        assert!(now == json_of(&expected(file)), "{form} is no longer as {file}:\n{shown}");
    }
}

/// Runs a command with a text on stdin.
fn fed(mut command: Command, text: &str) -> Said {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = text.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
    let said = Said::of(child.wait_with_output().expect("it ends"));
    writer.join().expect("written");
    said
}

/// What the checker says of a text; none where its Python is missing.
fn checked(arguments: &[&str], text: &str) -> Option<Said> {
    let python = servers::variable("SYNC_TEST_JSONSCHEMA", "Python with jsonschema")?;
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/check_forms.py")).args(arguments);
    Some(fed(command, text))
}

#[test]
fn sarif_is_as_its_schema_says() {
    let Some(wheel) = servers::variable("SYNC_TEST_SARIF_WHEEL", "schema of SARIF") else { return };
    let text = printed("sarif");
    let Some(said) = checked(&["sarif", &wheel], &text) else { return };
    said.expect_code(0);
    // The schema is one that finds mistakes.
    let broken = text.replace("\"level\":\"error\"", "\"level\":\"fatal\"");
    assert_ne!(broken, text);
    assert_eq!(checked(&["sarif", &wheel], &broken).map(|said| said.code), Some(Some(1)));
}

#[test]
fn rdjson_is_as_its_schema_says() {
    let Some(reviewdog) = servers::variable("SYNC_TEST_REVIEWDOG", "reviewdog") else { return };
    let schema = format!("{reviewdog}/jsonschema");
    let text = printed("rdjson");
    let Some(said) = checked(&["rdjson", &schema], &text) else { return };
    said.expect_code(0);
    let broken = text.replace("\"severity\":\"ERROR\"", "\"severity\":\"FATAL\"");
    assert_ne!(broken, text);
    assert_eq!(checked(&["rdjson", &schema], &broken).map(|said| said.code), Some(Some(1)));
}

/// `file line column severity code message` of the problems in our own form, with the words of another one.
fn problems(severities: [&str; 3]) -> Vec<[String; 6]> {
    let found = json_of(&printed("rdjson"));
    let word = |severity: &str| match severity {
        "ERROR" => severities[0],
        "WARNING" => severities[1],
        _ => severities[2],
    };
    let diagnostics = found["diagnostics"].as_array().expect("a list").iter();
    diagnostics
        .map(|one| {
            let (location, text) =
                (&one["location"], |value: &Value| value.as_str().unwrap_or("").to_owned());
            let start = &location["range"]["start"];
            let number = |value: &Value| value.as_u64().unwrap_or(1).to_string();
            [
                text(&location["path"]),
                number(&start["line"]),
                number(&start["column"]),
                word(one["severity"].as_str().unwrap_or("")).to_owned(),
                text(&one["code"]["value"]),
                text(&one["message"]),
            ]
        })
        .collect()
}

#[test]
fn checkstyle_is_xml_that_says_the_same() {
    let Some(said) = checked(&["checkstyle"], &printed("checkstyle")) else { return };
    let read = json_of(&said.expect_code(0).stdout);
    let read = read.as_array().expect("a list").iter().map(|error| {
        let text = |key: &str| error[key].as_str().unwrap_or("").to_owned();
        let code = text("source").replacen("sync.", "", 1);
        [text("file"), text("line"), text("column"), text("severity"), code, text("message")]
    });
    let mut read: Vec<_> = read.collect();
    let mut ours = problems(["error", "warning", "info"]);
    // Columns are characters there, and files come together.
    for one in read.iter_mut().chain(&mut ours) {
        one[2] = String::new();
    }
    read.sort();
    ours.sort();
    assert_eq!(read, ours);
}

#[test]
fn reviewdog_reads_all_that_is_said() {
    let Some(reviewdog) = servers::variable("SYNC_TEST_REVIEWDOG", "reviewdog") else { return };
    for form in ["rdjson", "checkstyle", "sarif"] {
        let mut command = Command::new(format!("{reviewdog}/reviewdog"));
        command
            .args([&format!("-f={form}"), "-reporter=rdjson", "-filter-mode=nofilter", "-diff=true"])
            .args(["-fail-level=none"]);
        let said = fed(command, &printed(form)).expect_code(0);
        let read = json_of(&said.stdout);
        let read = read["diagnostics"].as_array().expect("a list").iter().map(|one| {
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            let line = one["location"]["range"]["start"]["line"].as_u64().unwrap_or(1).to_string();
            // The parser of Checkstyle takes the source of an error for its code.
            let code = text(&one["code"]["value"]).replacen("sync.", "", 1);
            [text(&one["location"]["path"]), line, text(&one["severity"]), code]
        });
        let mut read: Vec<_> = read.collect();
        // The folder itself, for what has no place, is an empty path there.
        let ours =
            problems(["ERROR", "WARNING", "INFO"]).into_iter().map(|[path, line, _, severity, code, _]| {
                [path.trim_start_matches('.').to_owned(), line, severity, code]
            });
        let mut ours: Vec<_> = ours.collect();
        read.sort();
        ours.sort();
        assert_eq!(read, ours, "{form}");
    }
}

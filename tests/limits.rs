//! Files that are made to fill the memory: each is refused, or handled, in little of it. The most that the process took is
//! measured by the system.

use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers;

/// Megabytes of the program itself, with what it has mapped, in a debug build.
const ITSELF: u64 = 90;

const FLOW: &str = "+t:\n  echo>: x\n";

/// Starts a command and writes the kilobytes that it took at most into a file.
const MEASURE: &str = "import resource, subprocess, sys\n\
                       code = subprocess.run(sys.argv[2:]).returncode\n\
                       most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n\
                       open(sys.argv[1], 'w').write(str(most))\n\
                       sys.exit(code)\n";

/// Runs the program and gives the megabytes that it took at most; none where no Python is.
fn measured(sandbox: &Sandbox, arguments: &[&str]) -> Option<(Said, u64)> {
    let mut command = servers::python()?;
    let plain = sandbox.command(arguments);
    command.args(["-c", MEASURE, "most"]).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(sandbox.path()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = Said::of(command.output().expect("Python starts"));
    let most: u64 = sandbox.read("most").parse().expect("a number");
    Some((said, most / 1024))
}

#[track_caller]
fn refused(sandbox: &Sandbox, arguments: &[&str], code: i32, message: &str, extra: u64) {
    let Some((said, most)) = measured(sandbox, arguments) else { return };
    let said = said.expect_code(code);
    let text = said.stdout + &said.stderr;
    assert!(text.contains(message), "{arguments:?}: {text}");
    assert!(most < ITSELF + extra, "{arguments:?} took {most} MB");
}

/// Nine levels of ten aliases each: a billion values.
fn bomb() -> String {
    let names = "abcdefghij";
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (below, name) in names.chars().zip(names.chars().skip(1)) {
        let aliases = vec![format!("*{below}"); 10].join(", ");
        text += &format!("{name}: &{name} [{aliases}]\n");
    }
    text
}

const ALIASES: &str = "aliases make more than 100000 values";

#[test]
fn aliases_that_multiply_are_refused_in_every_file() {
    let bomb = bomb();
    let sandbox = Sandbox::new()
        .file("ok.dig", FLOW)
        .file("bomb.dig", &(bomb.clone() + FLOW))
        .file("bomb.yml", &bomb)
        .file("bomb.yml.liquid", &bomb);
    refused(&sandbox, &["check", "bomb.dig"], 65, ALIASES, 20);
    refused(&sandbox, &["run", "ok.dig", "-P", "bomb.yml"], 65, ALIASES, 20);
    for name in ["bomb.yml", "bomb.yml.liquid"] {
        refused(&sandbox, &["embulk", "run", name], 1, ALIASES, 20);
    }
    sandbox.write("policy.yml", &bomb);
    refused(&sandbox, &["check", "ok.dig"], 65, ALIASES, 20);
    std::fs::remove_file(sandbox.path().join("policy.yml")).expect("it was there");
    sandbox.write("secrets.yml", &bomb);
    refused(&sandbox, &["secrets", "list"], 1, "`secrets.yml`: line 5: ", 20);
}

/// What is read of such a file is no more than what is refused.
#[test]
fn files_of_a_hundred_megabytes_are_refused_in_every_place() {
    let large = "x".repeat(100 << 20);
    let quoted = format!("a: \"{large}\"\n");
    let sandbox = Sandbox::new().file("ok.dig", FLOW);
    let too_large = "it is larger than 32 MiB";
    for (name, arguments, code) in [
        ("large.dig", &["check", "large.dig"][..], 65),
        ("large.yml", &["embulk", "run", "large.yml"], 1),
        ("large.yml.liquid", &["embulk", "run", "large.yml.liquid"], 1),
        ("params.yml", &["run", "ok.dig", "-P", "params.yml"], 2),
        ("large.properties", &["run", "ok.dig", "-c", "large.properties"], 2),
        ("policy.yml", &["check", "ok.dig"], 65),
        ("secrets.yml", &["secrets", "list"], 1),
        ("large.sql", &["check", "sql.dig"], 65),
        ("large.txt", &["check", "slack.dig"], 65),
    ] {
        sandbox.write(name, &quoted);
        sandbox.write("sql.dig", "+t:\n  sqlite>: large.sql\n  database: x.db\n");
        sandbox.write("slack.dig", "+t:\n  slack>: large.txt\n  webhook_url: ${secret:x}\n");
        refused(&sandbox, arguments, code, too_large, 80);
        std::fs::remove_file(sandbox.path().join(name)).expect("it was there");
    }
}

/// Ten thousand levels of anything.
#[test]
fn what_is_nested_deep_is_refused() {
    let nested = |open: &str, inside: &str, close: &str| open.repeat(10_000) + inside + &close.repeat(10_000);
    let flow = nested("[", "", "]");
    let block: String = (0..5_000).map(|at| format!("{}+t:\n", "  ".repeat(at))).collect();
    let expression = |code: String| format!("+t:\n  echo>: \"${{{code}}}\"\n");
    let sandbox = Sandbox::new()
        .file("ok.dig", FLOW)
        .file("flow.yml", &format!("in: {flow}\n"))
        .file("block.dig", &block)
        .file("tags.yml.liquid", &nested("{% if true %}", "in: {}\n", "{% endif %}"))
        .file("brackets.yml.liquid", &format!("{{{{ {} }}}}\n", nested("(", "1", ")")))
        .file("brackets.dig", &expression(nested("(", "1", ")")))
        .file("lists.dig", &expression(nested("[", "1", "]")))
        .file("json.dig", &expression(format!("JSON.parse('{flow}')")));
    let levels = "nested more than 100 levels deep";
    refused(&sandbox, &["run", "ok.dig", "-P", "flow.yml"], 65, levels, 20);
    refused(&sandbox, &["embulk", "run", "flow.yml"], 1, levels, 20);
    refused(&sandbox, &["check", "block.dig"], 65, levels, 40);
    for name in ["tags.yml.liquid", "brackets.yml.liquid"] {
        refused(&sandbox, &["embulk", "run", name], 1, "Nesting too deep", 20);
    }
    for name in ["brackets.dig", "lists.dig"] {
        refused(&sandbox, &["check", name], 65, "Maximum call stack size exceeded", 20);
    }
    refused(&sandbox, &["run", "json.dig"], 1, "Failed to evaluate a variable", 20);
}

#[test]
fn a_million_tasks_are_refused_wherever_they_come_from() {
    let written: String = (0..1_000_000).map(|at| format!("+t{at}:\n  echo>: x\n")).collect();
    let many = "Array.from({length: 1000}, function (_, at) { return at })";
    let body = "  _do:\n    echo>: x\n";
    let steps: String = (0..200).map(|at| format!("    +s{at}:\n      echo>: x\n")).collect();
    let sandbox = Sandbox::new()
        .file("loop.dig", &format!("+t:\n  loop>: 1000000\n{body}"))
        .file("range.dig", &format!("+t:\n  for_range>: {{from: 0, to: 1000000, step: 1}}\n{body}"))
        .file("each.dig", &format!("+t:\n  for_each>: {{a: \"${{{many}}}\", b: \"${{{many}}}\"}}\n{body}"))
        .file("wide.dig", &format!("+t:\n  loop>: 5000\n  _do:\n{steps}"));
    for (file, operator) in [("loop", "loop"), ("range", "for_range"), ("each", "for_each"), ("wide", "loop")]
    {
        let message = format!("  +{file}+t: Too many {operator} subtasks. Limit: 100000\n    hint: ");
        refused(&sandbox, &["run", &format!("{file}.dig")], 1, &message, 260);
    }
    sandbox.write("written.dig", &written);
    refused(&sandbox, &["check", "written.dig"], 65, "more than 500000 values", 350);
}

/// Ten gigabytes in ten megabytes.
fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; 16 << 20]).expect("memory takes all");
    encoder.finish().expect("memory takes all").repeat(640)
}

fn config(parser: &str, columns: &str, decoders: &str) -> String {
    format!(
        "in: {{type: file, path_prefix: data, {decoders}parser: {{type: {parser}, columns: [{columns}]}}}}\n\
         out: {{type: file, path_prefix: out, file_ext: csv, formatter: {{type: csv}}}}\n"
    )
}

fn with_data(config: &str, data: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new().file("a.yml", config);
    std::fs::write(sandbox.path().join("data"), data).expect("a file");
    sandbox
}

#[test]
fn a_gzip_bomb_takes_the_memory_of_one_line_at_most() {
    let bomb = gzip_bomb();
    for (parser, reason) in
        [("csv", "is longer than 256 MiB"), ("json", "begins a document of more than 256 MiB")]
    {
        let sandbox =
            with_data(&config(parser, "{name: id, type: string}", "decoders: [{type: gzip}], "), &bomb);
        refused(&sandbox, &["embulk", "run", "a.yml"], 1, reason, 600);
    }
}

#[test]
fn fifty_thousand_columns_are_copied() {
    const COUNT: usize = 50_000;
    let columns: Vec<String> = (0..COUNT).map(|at| format!("{{name: c{at}, type: long}}")).collect();
    let row = (0..COUNT).map(|at| at.to_string()).collect::<Vec<_>>().join(",") + "\n";
    let sandbox = with_data(&config("csv", &columns.join(", "), ""), row.repeat(20).as_bytes());
    let Some((said, most)) = measured(&sandbox, &["embulk", "run", "a.yml"]) else { return };
    said.expect_code(0);
    assert!(most < ITSELF + 500, "{most} MB");
    assert_eq!(sandbox.read("out000.00.csv").lines().count(), 21);
}

#[test]
fn a_json_cell_of_ten_thousand_levels_is_copied() {
    let deep = "{\"a\":[".repeat(5_000) + &"]}".repeat(5_000);
    let text = format!("{{\"j\": {deep}}}\n").repeat(50);
    let sandbox = with_data(&config("jsonl", "{name: j, type: json}", ""), text.as_bytes());
    let Some((said, most)) = measured(&sandbox, &["embulk", "run", "a.yml"]) else { return };
    said.expect_code(0);
    assert!(most < ITSELF + 60, "{most} MB");
    assert!(Path::new(&sandbox.path()).join("out000.00.csv").exists());
}

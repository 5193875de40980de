//! Where parameters come from and which source is stronger, as a user sees it: properties in their places, `-P`, `-p`.

use crate::support::sandbox::{Said, Sandbox};

/// A workflow that shows the parameter `x`, and whether `y` is there.
const SHOW: &str = "+a:\n  echo>: \"${JSON.stringify(this.x)} ${typeof this.y}\"\n";

fn sandbox() -> Sandbox {
    Sandbox::new().file("main.dig", SHOW)
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Said {
    sandbox.run(["run", "main.dig"].iter().chain(arguments))
}

#[track_caller]
fn shown(sandbox: &Sandbox, arguments: &[&str]) -> String {
    run(sandbox, arguments).expect_code(0).stdout.trim_end().to_owned()
}

/// What a wrong source says, and its exit code.
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, String) {
    let said = run(sandbox, arguments);
    (said.code, said.stderr)
}

#[test]
fn the_config_home_follows_three_variables() {
    let mut sandbox = sandbox()
        .file(".config/digdag/config", "params.x = home\n")
        .file("xdg/digdag/config", "params.x = xdg\n")
        .file("own/config", "params.x = own\n");
    let folder = sandbox.path();
    // HOME is the sandbox.
    assert_eq!(shown(&sandbox, &[]), "\"home\" undefined");
    sandbox.set("XDG_CONFIG_HOME", folder.join("xdg").to_string_lossy());
    assert_eq!(shown(&sandbox, &[]), "\"xdg\" undefined");
    sandbox.set("DIGDAG_CONFIG_HOME", folder.join("own").to_string_lossy());
    assert_eq!(shown(&sandbox, &[]), "\"own\" undefined");
    // A home without the file is none of the others.
    sandbox.set("DIGDAG_CONFIG_HOME", folder.join("empty").to_string_lossy());
    assert_eq!(shown(&sandbox, &[]), " undefined");
    // A variable that is set to nothing is not set.
    sandbox.set("DIGDAG_CONFIG_HOME", "");
    sandbox.set("XDG_CONFIG_HOME", "");
    assert_eq!(shown(&sandbox, &[]), "\"home\" undefined");
}

#[test]
fn each_source_beats_the_one_before_it() {
    let mut sandbox = sandbox()
        .file(".config/digdag/config", "params.x = home\nparams.y = home\n")
        .file("given", "params.x = given\n")
        .file("params.yml", "x: file\n");
    assert_eq!(shown(&sandbox, &[]), "\"home\" string");
    sandbox.set("DIGDAG_CONFIG", "params.x = text\n");
    assert_eq!(shown(&sandbox, &[]), "\"text\" string");
    // The file of `-c` stands in for the one at home.
    assert_eq!(shown(&sandbox, &["-c", "given"]), "\"given\" undefined");
    assert_eq!(shown(&sandbox, &["-c", "given", "-P", "params.yml"]), "\"file\" undefined");
    assert_eq!(shown(&sandbox, &["-c", "given", "-P", "params.yml", "-p", "x=typed"]), "\"typed\" undefined");
    sandbox.write("main.dig", &format!("_export: {{x: exported}}\n{SHOW}"));
    assert_eq!(shown(&sandbox, &["-p", "x=typed"]), "\"exported\" string");
}

#[test]
fn names_nest_and_sources_merge() {
    let sandbox = sandbox()
        .file("given", "params.x.a = 1\nparams.x.b.c = 2\n")
        .file("params.yml", "x:\n  b: {d: 3}\n  l: [1, two]\ny: null\n");
    assert_eq!(
        shown(&sandbox, &["-c", "given", "-P", "params.yml", "-p", "x.b.e=4,x.f=u,v", "-p", "x.g=h=i"]),
        r#"{"a":"1","b":{"c":"2","d":3,"e":"4"},"l":[1,"two"],"f":"u,v","g":"h=i"} object"#
    );
    let clash = |text: &str| (Some(2), format!("error: parameter {text} is not an object\n"));
    assert_eq!(refused(&sandbox, &["-P", "params.yml", "-p", "x.l.z=1"]), clash("`x.l.z` is set but `x.l`"));
    assert_eq!(refused(&sandbox, &["-p", "x=1", "-p", "x.y=2"]), clash("`x.y` is set but `x`"));
    assert_eq!(refused(&sandbox, &["-p", "x.y=2", "-p", "x=1"]), clash("`x.y` is set but `x`"));
    assert_eq!(
        refused(&sandbox, &["-p", "x.y=2", "-p", "x"]),
        (Some(2), "error: a parameter is written `key=value`, but got `x`\n".to_owned())
    );
    assert_eq!(
        refused(&sandbox, &["-p", "x..y=2"]),
        (Some(2), "error: the name `x..y` of a parameter has an empty part\n".to_owned())
    );
}

#[test]
fn a_file_of_parameters_may_include_others() {
    let sandbox = sandbox()
        .file("conf/params.yml", "!include : parts/more.yml\nx: {b: 2}\n")
        .file("conf/parts/more.yml", "y: 1\nx: {a: 1}\n")
        .file("conf/lost.yml", "x: 1\n!include : parts/lost.yml\n")
        .file("conf/out.yml", "!include : ../secret.yml\n");
    assert_eq!(shown(&sandbox, &["-P", "conf/params.yml"]), "{\"b\":2} number");
    assert_eq!(
        refused(&sandbox, &["-P", "conf/lost.yml"]),
        (
            Some(65),
            "error: parameters file `conf/lost.yml` is invalid: lost.yml:2:12: included file `parts/lost.yml` does \
             not exist\n"
                .to_owned()
        )
    );
    let (code, stderr) = refused(&sandbox, &["-P", "conf/out.yml"]);
    assert_eq!(code, Some(65));
    assert!(stderr.starts_with("error: parameters file `conf/out.yml` is invalid: out.yml:1:"), "{stderr}");
}

#[test]
fn a_source_that_is_wrong_is_named() {
    let mut sandbox = sandbox()
        .file("list.yml", "[1]\n")
        .file("twice.yml", "x: 1\nx: 2\n")
        .file("escape", "a = 1\nb = \\u12\n")
        .file("setting", "sync.dokcer = never\n")
        .file("clash", "params.x = 1\nparams.x.y = 2\n");
    for (arguments, code, expected) in [
        (
            ["-P", "none.yml"],
            2,
            "error: parameters file `none.yml` cannot be read: No such file or directory (os error 2)\n",
        ),
        (
            ["-P", "list.yml"],
            65,
            "error: parameters file `list.yml` is invalid: list.yml:1:1: the file must hold a mapping, but holds a list\n",
        ),
        (
            ["-P", "twice.yml"],
            65,
            "error: parameters file `twice.yml` is invalid: twice.yml:2:1: duplicate key `x`\n",
        ),
        (
            ["-c", "none"],
            2,
            "error: properties file `none` cannot be read\n  cause: No such file or directory (os error 2)\n",
        ),
        (
            ["-c", "escape"],
            65,
            "error: `escape` is not a properties text\n  cause: line 2: `\\u` needs four hex digits\n",
        ),
        (["-c", "setting"], 65, "error: unknown setting `sync.dokcer`, did you mean `sync.docker`?\n"),
        (["-c", "clash"], 65, "error: property `params.x.y` clashes with `params.x`\n"),
    ] {
        assert_eq!(refused(&sandbox, &arguments), (Some(code), expected.to_owned()), "{arguments:?}");
    }
    sandbox.set("DIGDAG_CONFIG", "a = \\uXYZW");
    assert_eq!(
        refused(&sandbox, &[]),
        (
            Some(65),
            "error: the variable `DIGDAG_CONFIG` is not a properties text\n  cause: line 1: `\\u` needs four hex \
             digits\n"
                .to_owned()
        )
    );
}

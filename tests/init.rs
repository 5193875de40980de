//! `sync init`: a project that runs as it is, and nothing of anybody's is written over.

use crate::support::sandbox::Sandbox;

const COPIED: &str = "id,customer,amount,placed_at\n1,Ada,19.9,2026-01-05 10:00:00\n2,José,7.5,2026-01-06 23:59:59\n\
                      3,Mei,120.0,2026-01-07 08:15:30\n";

#[test]
fn the_project_is_clean_and_runs() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(["init", "my shop"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "wrote my shop/main.dig\nwrote my shop/orders.yml.liquid\nwrote my shop/data/orders.csv\n\
         wrote my shop/sync.properties.example\nwrote my shop/README.md\nwrote my shop/.gitignore\n\
         wrote my shop/.sync/.gitignore\n\nnext:\n  cd 'my shop'\n  sync check\n  sync run main.dig\n"
    );
    assert_eq!(said.stderr, "");
    let folder = sandbox.path().join("my shop");
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        let output = command.current_dir(&folder).output().expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(run(&["check", "--deny", "warnings"]), "checked 2 files: no problems\n");
    run(&["run", "main.dig"]);
    assert_eq!(sandbox.read("my shop/out/orders.csv"), COPIED);
    // A second run puts the new file in the place of the old one.
    run(&["run", "main.dig", "-c", "sync.properties.example"]);
    assert_eq!(sandbox.read("my shop/out/orders.csv"), COPIED);
}

#[test]
fn settings_of_the_example_are_known() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).expect_code(0);
    let example = sandbox.read("sync.properties.example");
    let settings = |line: &&str| line.starts_with('#') && line.contains(" = ");
    let written: String = example.lines().filter(settings).map(|line| format!("{}\n", &line[1..])).collect();
    assert_eq!(written.lines().count(), 4, "{example}");
    sandbox.write("sync.properties", &written.replace("/srv/export/", "out/"));
    sandbox.run(["run", "main.dig", "-c", "sync.properties"]).expect_code(0);
}

#[test]
fn what_is_there_stays() {
    let sandbox = Sandbox::new().file("README.md", "mine\n").file(".gitignore", "mine\n");
    let said = sandbox.run(["init"]).expect_code(0);
    assert_eq!(
        said.stdout,
        "wrote main.dig\nwrote orders.yml.liquid\nwrote data/orders.csv\nwrote sync.properties.example\n\
         kept  README.md, which was there\nkept  .gitignore, which was there\nwrote .sync/.gitignore\n\n\
         next:\n  sync check\n  sync run main.dig\n"
    );
    assert_eq!((sandbox.read("README.md"), sandbox.read(".gitignore")), ("mine\n".into(), "mine\n".into()));

    sandbox.write("main.dig", "mine\n");
    let said = sandbox.run(["init"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: `main.dig` is there already, so nothing was written\n\
         hint: `sync init DIR` makes the project in a folder of its own\n"
    );
    assert_eq!(sandbox.read("main.dig"), "mine\n");

    // A link that leads nowhere is somebody's as well.
    std::fs::create_dir(sandbox.path().join("linked")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.path().join("linked/orders.yml.liquid")).unwrap();
    sandbox.run(["init", "linked"]).expect_code(1);
    assert!(!sandbox.path().join("linked/main.dig").exists());
    let said = sandbox.run(["init", "/proc/none"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: `/proc/none/main.dig` can't be written\n  cause: No such file or directory (os error 2)\n"
    );
}

//! Every workflow and transfer file of the repository passes `sync check`.

use crate::support::sandbox::Sandbox;

#[test]
fn the_examples_are_clean() {
    let sandbox = Sandbox::new();
    sandbox.copy_from_repository("workflows", "workflows");
    sandbox.copy_from_repository("embulk", "embulk");
    sandbox.write(".sync/.gitignore", "*\n");
    for path in ["workflows", "embulk"] {
        let said = sandbox.run(["check", path, "--deny", "warnings"]).expect_code(0);
        assert!(said.stderr.ends_with("no problems\n"), "{path}: {}", said.stderr);
    }
}

#[test]
fn the_project_with_ruby_tasks_is_valid() {
    let sandbox = Sandbox::new();
    sandbox.copy_from_repository("tests/fixtures/estate_with_ruby", ".");
    sandbox.run(["check"]).expect_code(0);
}

//! The Debian package, of the program that the tests run: what lies where, what lintian says, and how it speaks.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::sandbox::{Said, Sandbox};
use crate::support::tools;

/// Builds it with what the tests have.
fn build(sandbox: &Sandbox) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages/debian/build");
    let mut command = Command::new(script);
    command.args(["--binary", env!("CARGO_BIN_EXE_sync"), "--output"]).arg(sandbox.path().join("out"));
    // A debug build is large, and nobody downloads this one.
    command.arg("--fast");
    let said = Said::of(command.output().expect("the script starts")).expect_code(0);
    assert_eq!(said.stderr, "");
    PathBuf::from(said.stdout.trim_end())
}

#[test]
fn the_debian_package_is_whole_and_clean() {
    if !["dpkg-deb", "dpkg-shlibdeps", "lintian"].iter().all(|tool| tools::is_there(tool)) {
        return;
    }
    let sandbox = Sandbox::new();
    let package = build(&sandbox);
    let dpkg = |arguments: &[&str]| {
        let output = Command::new("dpkg-deb").args(arguments).arg(&package).output().expect("dpkg-deb");
        Said::of(output).expect_code(0).stdout
    };
    let listed = dpkg(&["--contents"]);
    for path in [
        "./usr/lib/sync/bin/sync\n",
        "./usr/bin/sync-tables -> ../lib/sync/bin/sync\n",
        "./usr/share/man/man1/sync-tables.1.gz\n",
        "./usr/share/man/man1/sync-tables-run.1.gz\n",
        "./usr/share/bash-completion/completions/sync-tables\n",
        "./usr/share/zsh/vendor-completions/_sync-tables\n",
        "./usr/share/fish/vendor_completions.d/sync-tables.fish\n",
        "./usr/share/doc/sync-tables/copyright\n",
        "./usr/share/doc/sync-tables/changelog.gz\n",
    ] {
        assert!(listed.contains(path), "{path} is not in\n{listed}");
    }
    // Those are coreutils'; and nothing starts by itself.
    for path in ["./usr/bin/sync\n", "/sync.1.gz", "/systemd/", "/cron"] {
        assert!(!listed.contains(path), "{path} is in\n{listed}");
    }
    let depends = dpkg(&["--field"]);
    assert!(depends.contains("\nDepends: ") && depends.contains("libc6 (>= 2."), "{depends}");

    let unpacked = sandbox.path().join("unpacked");
    let status = Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&unpacked).status();
    assert!(status.expect("dpkg-deb").success());
    let bin = unpacked.join("usr/bin");
    let mut command = Command::new(bin.join("sync-tables"));
    command.arg("--help").env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let help = Said::of(command.output().expect("the link leads to the program")).expect_code(0).stdout;
    assert!(help.contains("\n  sync-tables run main.dig\n"), "{help}");

    let lintian =
        Command::new("lintian").args(["--fail-on", "error,warning", "--info"]).arg(&package).output();
    let said = Said::of(lintian.expect("lintian"));
    assert_eq!((said.stdout.as_str(), said.code), ("", Some(0)), "{}", said.stderr);
}

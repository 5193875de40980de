//! `redshift>`, `redshift_load>` and `redshift_unload>` against the stand-in for Redshift, run as a user would.

mod connection;
mod keys;
pub(crate) mod load;
mod messages;
pub(crate) mod once;
mod results;
pub(crate) mod unload;

use crate::support::redshift::RedshiftDatabase;
use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, fresh_name};

/// A project whose tasks of Redshift go to a database.
fn project(database: &RedshiftDatabase, tasks: &str) -> Sandbox {
    let RedshiftDatabase { host, port, user, name, .. } = database;
    Sandbox::new().file(
        "main.dig",
        &format!(
            "_export:\n  redshift:\n    host: {host}\n    port: {port}\n    user: {user}\n    database: {name}\n{tasks}"
        ),
    )
}

/// The same with keys of S3, used as they are.
fn with_keys(database: &RedshiftDatabase, aws: &Aws, tasks: &str) -> Sandbox {
    let mut sandbox = project(database, &format!("  temp_credentials: false\n{tasks}"));
    give_keys(&mut sandbox, aws);
    sandbox
}

fn give_keys(sandbox: &mut Sandbox, aws: &Aws) {
    sandbox.set("AWS_ENDPOINT_URL", aws.endpoint.as_str());
    sandbox.set("AWS_REGION", aws.region.as_str());
    sandbox.set("SYNC_SECRET_AWS_ACCESS_KEY_ID", aws.access_key_id.as_str());
    sandbox.set("SYNC_SECRET_AWS_SECRET_ACCESS_KEY", aws.secret_access_key.as_str());
}

/// Writes a file into the bucket, under a name of its own; gives the key.
fn put(aws: &Aws, text: &str) -> String {
    let key = format!("{}/file", fresh_name("redshift"));
    s3::put_bytes(aws, &aws.bucket, &key, text.into());
    key
}

/// What stands below the heading of the only failure, without the offer of a retry.
#[track_caller]
fn failure(said: &Said) -> Vec<String> {
    let end = said.stderr.split("1 task failed\n").nth(1).unwrap_or_else(|| panic!("{}", said.stderr));
    let lines = end.lines().filter(|line| !line.starts_with("hint: `sync retry"));
    lines.map(|line| line.trim().to_owned()).collect()
}

/// The task's log.
fn log(sandbox: &Sandbox, task: &str) -> String {
    sandbox.run(["log", "--session", "last", task]).expect_code(0).stdout
}

/// No secret is in anything that the program left or said.
#[track_caller]
fn no_keys(sandbox: &Sandbox, said: &Said, aws: &Aws) {
    let mut texts = vec![said.stdout.clone(), said.stderr.clone()];
    let mut folders = vec![sandbox.path()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            match std::fs::read(entry.path()) {
                Ok(content) => texts.push(String::from_utf8_lossy(&content).into_owned()),
                Err(_) => folders.push(entry.path()),
            }
        }
    }
    for text in texts {
        assert!(!text.contains(&aws.secret_access_key), "{text}");
        assert!(!text.contains(&aws.access_key_id), "{text}");
    }
}

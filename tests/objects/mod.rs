//! Outputs to buckets: what arrives, what is left when a run fails or is killed, and what is said.

mod files;
mod gcs;
mod s3;
mod s3_ends;
mod s3_parts;
mod s3_requests;

use crate::support::sandbox::{Said, Sandbox};

/// Makes `shop.db` with a table `orders` of so many rows, each some 400 bytes of JSON that hardly repeats.
fn orders(sandbox: &Sandbox, rows: u32) {
    let connection = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    let fill = format!(
        "drop table if exists orders;
         create table orders (id integer, note text);
         insert into orders with recursive n(id) as (select 1 union all select id + 1 from n where id < {rows})
             select id, printf('%0*d', 380, id * 7919 % 1000003) from n where {rows} > 0"
    );
    connection.execute_batch(&fill).expect("the SQL is right");
}

/// A transfer of `orders`.
fn transfer(sandbox: &Sandbox, name: &str, out: &str) {
    let text = format!("in: {{type: sqlite, database: shop.db, table: orders}}\nout:\n{out}");
    sandbox.write(name, &text);
}

/// Runs a transfer file in a task.
fn run(sandbox: &Sandbox, name: &str) -> Said {
    sandbox.write("main.dig", &format!("+copy:\n  sh>: embulk run {name}\n"));
    sandbox.run(["run", "main.dig"])
}

/// The file that the same rows and the same format give on the disk.
fn on_disk(sandbox: &Sandbox, format: &str) -> Vec<u8> {
    transfer(
        sandbox,
        "disk.yml",
        &format!("  type: file\n  path_prefix: disk\n  file_ext: out\n  sequence_format: .\n{format}"),
    );
    run(sandbox, "disk.yml").expect_code(0);
    std::fs::read(sandbox.path().join("disk.out")).expect("it is written")
}

/// What is told of a failure after the code of the command.
fn failure(said: &Said) -> String {
    let begin = "  +main+copy: Command failed with code 1\n";
    let told = said.stderr.split_once(begin).unwrap_or_else(|| panic!("{}", said.stderr)).1;
    told.split("hint: `sync retry").next().unwrap_or_default().to_owned()
}

/// The log of the task.
fn log(sandbox: &Sandbox) -> String {
    sandbox.run(["log", "--session", "last"]).expect_code(0).stdout
}

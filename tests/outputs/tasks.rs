//! `exec: {min_output_tasks: N}`: as many files as tasks, with the rows of pages dealt to them in turn.

use super::{names, shop, to_file};
use crate::support::sandbox::Sandbox;

fn many(rows: u32) -> String {
    format!(
        "drop table if exists t; create table t (id integer, note text); insert into t with recursive n(id) as \
         (select 1 union all select id + 1 from n where id < {rows}) select id, printf('%0400d', id) from n \
         where {rows} > 0;"
    )
}

fn ids(text: &str) -> Vec<u64> {
    let id = |line: &str| line.split(',').next().and_then(|id| id.parse().ok());
    text.lines().skip(1).map(|line| id(line).expect("a number")).collect()
}

fn fill(sandbox: &Sandbox, rows: u32) {
    let connection = rusqlite::Connection::open(sandbox.path().join("shop.db")).expect("a database");
    connection.execute_batch(&many(rows)).expect("the SQL is right");
}

#[test]
fn four_tasks_make_four_files_whatever_the_rows() {
    let sandbox = shop(&many(20_000));
    let four = "  file_ext: csv\n  formatter: {type: csv}\nexec: {min_output_tasks: 4}\n";
    to_file(&sandbox, "o", four).expect_code(0);
    let all = ["o000.00.csv", "o001.00.csv", "o002.00.csv", "o003.00.csv"];
    assert_eq!(names(&sandbox, "o0"), all);
    let parts: Vec<Vec<u64>> = all.iter().map(|name| ids(&sandbox.read(name))).collect();
    assert!(parts.iter().all(|part| !part.is_empty()));
    let mut together: Vec<u64> = parts.concat();
    together.sort_unstable();
    assert!(together.into_iter().eq(1..=20_000));

    // Rows of one page are in the first file, as in Embulk; the others are made all the same.
    for rows in [3, 0] {
        fill(&sandbox, rows);
        to_file(&sandbox, "o", four).expect_code(0);
        assert_eq!(names(&sandbox, "o0"), all);
        assert_eq!(ids(&sandbox.read(all[0])), (1..=u64::from(rows)).collect::<Vec<_>>());
        assert!(all[1..].iter().all(|name| sandbox.read(name) == "id,note\r\n"));
    }
}

#[test]
fn files_of_more_tasks_are_stale_for_fewer() {
    let sandbox = shop(&many(3));
    let with = |more: &str, tasks: u32| {
        let out = format!(
            "  file_ext: csv\n  formatter: {{type: csv}}\n{more}exec: {{min_output_tasks: {tasks}}}\n"
        );
        to_file(&sandbox, "o", &out)
    };
    with("", 3).expect_code(0);
    let said = with("", 2).expect_code(1);
    assert!(
        said.stderr.contains("that this run does not write: `") && said.stderr.contains("o002.00.csv`\n")
    );
    with("  stale_objects: delete\n", 2).expect_code(0);
    assert_eq!(names(&sandbox, "o0"), ["o000.00.csv", "o001.00.csv"]);
    let said = with("  sequence_format: .\n", 2).expect_code(1);
    assert!(
        said.stderr
            .contains("`min_output_tasks` makes 2 files, and `sequence_format` gives all of them one name"),
        "{}",
        said.stderr
    );
}

#[test]
fn tasks_and_sizes_go_together() {
    let sandbox = shop(&many(20_000));
    let out = "  file_ext: csv\n  formatter: {type: csv}\n  max_file_bytes: 1\nexec: {min_output_tasks: 2}\n";
    to_file(&sandbox, "o", out).expect_code(0);
    let all = names(&sandbox, "o0");
    let of = |task: &str| all.iter().filter(|name| name.starts_with(task)).count();
    assert_eq!(of("o000.") + of("o001."), all.len());
    assert!(of("o000.").abs_diff(of("o001.")) <= 1 && all.len() >= 6, "{all:?}");
    let mut together: Vec<u64> = all.iter().flat_map(|name| ids(&sandbox.read(name))).collect();
    together.sort_unstable();
    assert!(together.into_iter().eq(1..=20_000));
    let said = to_file(&sandbox, "p", &format!("  sequence_format: '%d%d'\n{out}")).expect_code(1);
    let error = "`min_output_tasks` makes many files, and `sequence_format` gives some of them one name";
    assert!(said.stderr.contains(error), "{}", said.stderr);
}

#[test]
fn more_tasks_than_memory_are_refused_before_a_row_is_read() {
    let sandbox = shop(&many(3));
    let out = "  file_ext: parquet\n  formatter: {type: parquet}\nexec: {min_output_tasks: 100}\n";
    let said = to_file(&sandbox, "o", out).expect_code(1);
    assert_eq!(
        said.stderr,
        "Error: 100 output tasks need 2400 MiB of memory, and the run has 512 MiB\n  hint: lower \
         `min_output_tasks`, or raise `--memory`; `max_file_bytes` makes several files one by one\n"
    );
    assert_eq!(names(&sandbox, "o0"), Vec::<String>::new());
}

//! `mode: replace`: what hangs on the table is there afterwards, and a reader sees the old rows or the new ones.

use std::sync::atomic::{AtomicBool, Ordering};

use sync::embulk::output::{DistStyle, LoadMode, Replacing, TableLayout};

use super::{Bench, option};
use crate::support::servers::fresh_name;

const DRESSED: &str =
    "create table t (id int not null encode az64, name varchar(20) default 'none' encode lzo,
      primary key (id)) diststyle key distkey (id) sortkey (name);
    insert into t values (1, 'old');
    comment on table t is 'orders, as the shop''s \\\\ has them'; comment on column t.name is 'who';";

fn rights(bench: &Bench) -> Vec<String> {
    bench.rows(
        "select identity_type, privilege_type, case when admin_option then 1 end from svv_relation_privileges \
         where relation_name = 't' and identity_name not in ('sync') order by 1, 2",
    )
}

#[test]
fn a_swapped_table_keeps_what_hung_on_the_old_one() {
    let Some(bench) = Bench::new() else { return };
    let [reader, group, owner] = ["reader", "group", "owner"].map(fresh_name);
    bench.database.behind.run(&format!(
        "create role {reader} login; create role {group}; create role {owner} login;
         grant usage, create on schema public to {owner}"
    ));
    bench.database.run(DRESSED);
    bench.database.run(&format!(
        "grant select on t to {reader} with grant option; grant select, insert on t to group {group};
         grant select on t to public; alter table t owner to {owner}"
    ));
    // What every new table gives to everybody is not what this one gave.
    bench.database.run("alter default privileges in schema public grant delete on tables to public");
    let before = (rights(&bench), bench.rows("select 't'::regclass::oid"));
    bench.sql("select 2 as id, 'new' as name", &bench.output(LoadMode::Replace)).unwrap();
    assert_ne!(bench.rows("select 't'::regclass::oid"), before.1, "it is another table");
    assert_eq!(bench.rows("select * from t"), ["2|new"]);
    assert_eq!(rights(&bench), before.0);
    assert_eq!(before.0.len(), 4 + 7, "{:?}", before.0);
    assert_eq!(
        bench
            .rows("select pg_get_userbyid(relowner), obj_description(oid) from pg_class where relname = 't'"),
        [format!("{owner}|orders, as the shop's \\ has them")]
    );
    assert_eq!(bench.rows("select col_description('t'::regclass, 2)"), ["who"]);
    assert_eq!(
        bench.rows(
            "select \"column\", type, encoding, distkey, sortkey, \"notnull\" from pg_table_def where tablename = 't'"
        ),
        ["id|integer|az64|t|0|t", "name|character varying(20)|lzo|f|1|f"]
    );
    assert_eq!(
        bench.rows("select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 't'::regclass and contype = 'p'"),
        ["t_pkey|PRIMARY KEY (id)"]
    );
    bench.database.run("insert into t (id) values (3)");
    assert_eq!(bench.rows("select name from t where id = 3"), ["none"]);
    bench.assert_tidy();
}

#[test]
fn columns_come_go_and_change_and_the_layout_is_that_of_the_config() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int distkey, gone int sortkey, kept varchar(5) encode zstd, n int); insert into t values (1, 1, 'a', 1)");
    let mut output = bench.output(LoadMode::Replace);
    let mut kept = option("varchar(5)");
    kept.encode = Some("lzo".to_owned());
    output.load.column_options = vec![
        ("n".to_owned(), option("DECIMAL(10, 2)")),
        ("kept".to_owned(), kept),
        ("more".to_owned(), option("varchar(3)")),
    ];
    output.layout =
        TableLayout { dist_style: Some(DistStyle::Even), dist_key: None, sort_key: vec!["id".to_owned()] };
    bench.sql("select 2 as id, 'b' as kept, 2.5 as n, 'xyz' as more", &output).unwrap();
    assert_eq!(
        bench.rows(
            "select \"column\", type, encoding, distkey, sortkey from pg_table_def where tablename = 't'"
        ),
        [
            "id|integer|none|f|1",
            "kept|character varying(5)|lzo|f|0",
            "n|numeric(10,2)|az64|f|0",
            "more|character varying(3)|lzo|f|0"
        ]
    );
    assert_eq!(bench.rows("select id, kept, n, more from t"), ["2|b|2.50|xyz"]);
    bench.assert_tidy();
}

#[test]
fn a_table_that_others_depend_on_is_emptied_and_filled() {
    let user = fresh_name("user");
    for (ties, said) in [
        ("create view v as select id from t", "view `v` depends on it"),
        ("grant select (id) on t to USER", "it has rights on single columns"),
        ("alter table t owner to USER; set role USER", ""),
    ] {
        let Some(bench) = Bench::new() else { return };
        let user = format!("{user}_{}", ties.len());
        bench.database.behind.run(&format!("create role {user} login; grant all on schema public to {user}"));
        bench.database.run("create table t (id int, name varchar(9)); insert into t values (1, 'old')");
        bench.database.run(&ties.split("; set role").next().unwrap().replace("USER", &user));
        let oid = bench.rows("select 't'::regclass::oid");
        bench.sql("select 2 as id, 'new' as name", &bench.output(LoadMode::Replace)).unwrap();
        assert_eq!(bench.rows("select * from t"), ["2|new"], "{ties}");
        // Whoever may do everything may swap the tables of others.
        assert_eq!(bench.rows("select 't'::regclass::oid") == oid, !said.is_empty(), "{ties}");
        let text = format!("table `t` is emptied and filled in one transaction, not swapped: {said}");
        assert_eq!(bench.said().contains(&text), !said.is_empty(), "{}", bench.said());
        bench.assert_tidy();
    }
}

/// Who is no superuser may not see what others may do with the table.
#[test]
fn an_owner_who_may_not_see_every_right_says_how_room_is_made() {
    for (replacing, grant, swaps) in [
        (Replacing::Auto, "", false),
        (Replacing::Delete, "", false),
        (Replacing::Swap, "grant select on t to public; grant insert on t to group GROUP", true),
    ] {
        let Some(bench) = Bench::new() else { return };
        let [user, group] = ["user", "group"].map(fresh_name);
        bench.database.behind.run(&format!(
            "create role {user} login; create role {group}; grant all on schema public to {user}"
        ));
        bench.database.run(&format!(
            "create table t (id int); insert into t values (1); {}; alter table t owner to {user}",
            grant.replace("GROUP", &group)
        ));
        let before = (bench.rows("select 't'::regclass::oid"), rights(&bench));
        let mut output = bench.output(LoadMode::Replace);
        output.user = sync::embulk::text::Text::plain(&user);
        output.replacing = replacing;
        bench.sql("select 2 as id", &output).unwrap();
        assert_eq!(bench.rows("select * from t"), ["2"]);
        assert_eq!(bench.rows("select 't'::regclass::oid") != before.0, swaps, "{replacing:?}");
        assert_eq!(rights(&bench), before.1, "{replacing:?}");
        let said = match replacing {
            Replacing::Auto => "not swapped: the user may not see every right on it",
            Replacing::Delete => "not swapped: `replace_by: delete` is written",
            Replacing::Swap => "",
        };
        assert!(bench.said().contains(said), "{}", bench.said());
    }
}

#[test]
fn who_does_not_own_the_table_replaces_its_rows() {
    let Some(bench) = Bench::new() else { return };
    let user = fresh_name("user");
    bench.database.behind.run(&format!("create role {user} login; grant all on schema public to {user}"));
    bench.database.run("create table t (id int, gone int); insert into t values (1, 1)");
    bench.database.run(&format!("grant select, insert, delete on t to {user}"));
    let mut output = bench.output(LoadMode::Replace);
    output.user = sync::embulk::text::Text::plain(&user);
    let error = bench.sql("select 2 as id", &output).unwrap_err();
    assert_eq!(error.to_string(), "the columns of table `t` cannot change: it belongs to `sync`");
    bench.sql("select 2 as id, 3 as gone", &output).unwrap();
    assert_eq!(bench.rows("select * from t"), ["2|3"]);
    assert_eq!(bench.rows("select pg_get_userbyid(relowner) from pg_class where relname = 't'"), ["sync"]);
}

#[test]
fn columns_of_a_table_with_a_view_come_and_go_but_do_not_change() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int, gone int, n int); create view v as select id from t");
    let mut output = bench.output(LoadMode::Replace);
    bench.sql("select 2 as id, 3 as n, 'x' as more", &output).unwrap();
    assert_eq!(bench.rows("select * from t"), ["2|3|x"]);
    assert_eq!(bench.rows("select * from v"), ["2"]);
    output.load.column_options = vec![("n".to_owned(), option("bigint"))];
    let error = bench.sql("select 4 as id, 5 as n, 'y' as more", &output).unwrap_err();
    assert_eq!(error.to_string(), "column `n` of table `t` cannot change its type: view `v` depends on it");
    assert_eq!(
        error.remedy(),
        Some("leave out the `type` in `column_options`, or take away what hangs on the table")
    );
    assert_eq!(bench.rows("select * from t"), ["2|3|x"]);
    bench.assert_tidy();
}

#[test]
fn a_reader_sees_the_old_rows_or_the_new_ones() {
    for view in ["", "; create view v as select * from t"] {
        for mode in [LoadMode::Replace, LoadMode::TruncateInsert] {
            let Some(bench) = Bench::new() else { return };
            bench.database.run(&format!(
                "create table t (round int); insert into t select 0 from generate_series(1, 100){view}"
            ));
            let output = bench.output(mode.clone());
            let is_over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let mut client = bench.database.connect();
                    let mut seen = Vec::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let rows = client.rows("select min(round), max(round), count(*) from t");
                        assert_eq!(rows.len(), 1);
                        if seen.last() != Some(&rows[0]) {
                            seen.push(rows[0].clone());
                        }
                    }
                    seen
                });
                for round in 1..4 {
                    let rows = format!(
                        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) \
                         select {round} as round from n"
                    );
                    bench.sql(&rows, &output).unwrap();
                }
                is_over.store(true, Ordering::SeqCst);
                let seen = reader.join().unwrap();
                assert!(seen.len() > 1, "{seen:?}");
                for rows in seen {
                    let whole: Vec<String> = (0..4).map(|round| format!("{round}|{round}|100")).collect();
                    assert!(whole.contains(&rows), "{mode:?}{view}: {rows}");
                }
            });
            bench.assert_tidy();
        }
    }
}

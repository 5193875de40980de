//! What a table that is replaced keeps, and what becomes of one that cannot be swapped.

use mysql::prelude::Queryable;
use sync::embulk::output::LoadMode;
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::ErrorKind;

use super::{Bench, benches, option};

/// Everything that hangs on a table and that a new one in its place has as well.
const HANGING: [&str; 5] = [
    "create table t (id int not null auto_increment comment 'number', name varchar(40) collate utf8mb4_bin not null \
     default 'x', price decimal(10, 2) check (price < 1000), gone text, twice int as (price * 2), \
     hidden int invisible default 3, primary key (id), key by_name (name) comment 'index') \
     comment 'people' auto_increment 500 row_format dynamic \
     partition by range (id) (partition low values less than (10), partition high values less than maxvalue)",
    "insert into t (id, name, price) values (7, 'old', 1)",
    "create view v as select id, name from t",
    "create table other (id int)",
    "insert into other values (1)",
];

/// The table without what the swap does not keep: names that the server gives to checks.
fn created(bench: &Bench) -> String {
    let created = bench.rows("show create table t").join("");
    let parts: Vec<&str> = created.split("CONSTRAINT ").collect();
    let named = |part: &&str| part.split_once(" CHECK").map_or(*part, |(_, rest)| rest).to_owned();
    parts.iter().map(named).collect::<Vec<_>>().join("CHECK")
}

#[test]
fn replace_keeps_what_hangs_on_the_table() {
    for bench in benches() {
        bench.database.run(HANGING);
        let reader = bench.database.fresh_user("secret");
        bench.database.run([
            format!("grant select on `{}`.t to `{reader}`", bench.database.name),
            format!("grant update (name) on `{}`.t to `{reader}`", bench.database.name),
        ]);
        let kept = created(&bench);
        assert!(kept.contains("AUTO_INCREMENT=500") && kept.contains("PARTITION"), "{kept}");
        let grants = bench.rows(&format!("show grants for `{reader}`"));
        let output = bench.output(LoadMode::Replace);
        bench.sql("select 1 as id, 'a' as name, 2.5 as price, 'y' as gone", &output).unwrap();
        assert_eq!(bench.rows("select *, hidden from t"), ["1|a|2.50|y|5|3"]);
        assert_eq!(bench.rows("select * from v"), ["1|a"]);
        assert_eq!(created(&bench), kept);
        assert_eq!(bench.rows(&format!("show grants for `{reader}`")), grants);
        let said = bench.said();
        assert!(!said.contains("would lose"), "{said}");
        bench.assert_tidy();
        bench.database.run([format!("drop user `{reader}`")]);
    }
}

#[test]
fn columns_are_added_dropped_and_changed_as_the_rows_and_the_config_say() {
    for bench in benches() {
        bench.database.run([
            "create table t (id int primary key, name varchar(40) not null comment 'n', gone text, hidden int invisible, \
             twice bigint as (id * 2), key (name))",
        ]);
        let mut output = bench.output(LoadMode::Replace);
        output.load.column_options = vec![
            ("id".to_owned(), option("BIGINT UNSIGNED")),
            ("name".to_owned(), option("varchar(40)")),
            ("new".to_owned(), option("DATE NOT NULL")),
        ];
        bench.sql("select 5000000000 as id, 'b' as name, '2024-02-29' as new, 1 as plain", &output).unwrap();
        assert_eq!(
            bench.columns(),
            [
                "id|bigint unsigned",
                "name|varchar(40)",
                "hidden|int",
                "twice|bigint",
                "new|date",
                "plain|bigint"
            ]
            .map(ToOwned::to_owned)
        );
        let created = bench.rows("show create table t").join("");
        for part in [
            "`name` varchar(40) NOT NULL COMMENT 'n'",
            "`new` date NOT NULL",
            "PRIMARY KEY (`id`)",
            "KEY `name` (`name`)",
        ] {
            assert!(created.contains(part), "{part} {created}");
        }
        bench.assert_tidy();
    }
}

#[test]
fn a_table_with_triggers_or_foreign_keys_keeps_them() {
    for (name, sql) in [
        (
            "triggers",
            vec!["create trigger tr before insert on t for each row set new.name = concat(new.name, '!')"],
        ),
        (
            "foreign keys",
            vec![
                "create table p (id int primary key)",
                "insert into p values (1), (2)",
                "alter table t add foreign key (id) references p (id)",
            ],
        ),
        ("foreign keys of other tables", vec!["create table c (t int, foreign key (t) references t (id))"]),
    ] {
        for bench in benches() {
            bench
                .database
                .run(["create table t (id int primary key, name text)", "insert into t values (2, 'old')"]);
            bench.database.run(&sql);
            let kept = bench.rows("show create table t");
            let output = bench.output(LoadMode::Replace);
            let shown = if name == "triggers" { "a!" } else { "a" };
            // Who reads meanwhile sees the old rows.
            let mut reader = bench.database.connect();
            reader.query_drop("start transaction with consistent snapshot").unwrap();
            bench.sql("select 1 as id, 'a' as name", &output).unwrap();
            let seen: Vec<i64> = reader.query("select id from t").unwrap();
            assert_eq!(seen, [2]);
            drop(reader);
            assert_eq!(bench.rows("select * from t"), [format!("1|{shown}")]);
            assert_eq!(bench.rows("show create table t"), kept);
            let said = bench.said();
            let expected = format!(
                "table `t` has {name}, which a new table in its place would lose: \
                 its rows are deleted and the new ones inserted, in one transaction"
            );
            assert!(said.contains(&expected), "{said}");
            let error = bench.sql("select 1 as id, 'a' as name, 1 as new", &output).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config);
            assert_eq!(
                error.to_string(),
                format!("table `t` has {name}, which a new table in its place would lose")
            );
            assert_eq!(
                error.remedy(),
                Some("let an ALTER TABLE give it the columns of the rows, and InnoDB, first")
            );
            bench.assert_tidy();
        }
    }
}

/// A foreign key in a database that the user may not look into.
#[test]
fn a_swap_that_would_cut_off_a_hidden_foreign_key_is_undone() {
    for bench in benches() {
        let other = bench.database.server.fresh_database();
        bench.database.run(["create table t (id int primary key)", "insert into t values (7)"]);
        other.run([format!(
            "create table c (t int, foreign key (t) references `{}`.t (id))",
            bench.database.name
        )]);
        other.run(["insert into c values (7)"]);
        let user = bench.database.fresh_user("secret");
        bench.database.run([format!("grant all on `{}`.* to `{user}`", bench.database.name)]);
        let mut output = bench.output(LoadMode::Replace);
        output.user = Text::plain(&user);
        output.password = Secret::new("secret");
        let error = bench.sql("select 1 as id", &output).unwrap_err();
        assert_eq!(bench.rows("select * from t"), ["7"], "{error}");
        let keys = other.rows("show create table c");
        let keys = keys[0][1].clone().unwrap();
        assert!(keys.contains(&format!("REFERENCES `{}`.`t` (`id`)", bench.database.name)), "{keys}");
        bench.assert_tidy();
        other.run(["drop table c"]);
        bench.database.run([format!("drop user `{user}`")]);
    }
}

#[test]
fn who_may_not_see_triggers_loses_none() {
    for bench in benches() {
        bench.database.run([
            "create table t (id int primary key, name text)",
            "create trigger tr before insert on t for each row set new.name = 'triggered'",
        ]);
        let user = bench.database.fresh_user("secret");
        let name = &bench.database.name;
        bench.database.run([format!(
            "grant select, insert, update, delete, create, drop, alter, create temporary tables on `{name}`.* to `{user}`"
        )]);
        let mut output = bench.output(LoadMode::Replace);
        output.user = Text::plain(&user);
        output.password = Secret::new("secret");
        bench.sql("select 1 as id, 'a' as name", &output).unwrap();
        assert_eq!(bench.rows("select * from t"), ["1|triggered"]);
        let said = bench.said();
        // MariaDB shows them all the same.
        let told = [
            "table `t` has perhaps triggers, which the user may not see (TRIGGER), ",
            "table `t` has triggers, ",
        ];
        assert!(told.iter().any(|told| said.contains(told)), "{said}");
        bench
            .database
            .run(["drop trigger tr".to_owned(), format!("grant trigger on `{name}`.t to `{user}`")]);
        bench.sql("select 1 as id, 'b' as name", &output).unwrap();
        assert_eq!(bench.rows("select * from t"), ["1|b"]);
        bench.assert_tidy();
        bench.database.run([format!("drop user `{user}`")]);
    }
}

#[test]
fn other_engines_are_swapped_and_else_refused() {
    for bench in benches() {
        bench.database.run(["create table t (id int) engine=myisam", "insert into t values (7)"]);
        for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert] {
            let error = bench.sql("select 1 as id", &bench.output(mode)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config);
            assert_eq!(error.to_string(), "table `t` is of engine MyISAM, which knows no transactions");
            assert_eq!(
                error.remedy(),
                Some("convert it with `ALTER TABLE … ENGINE=InnoDB`, or use `mode: replace`")
            );
        }
        bench.sql("select 1 as id", &bench.output(LoadMode::Replace)).unwrap();
        assert_eq!(bench.rows("select * from t"), ["1"]);
        assert!(bench.rows("show create table t").join("").contains("ENGINE=MyISAM"));
        bench.assert_tidy();
    }
}

#[test]
fn a_view_takes_rows_and_cannot_be_replaced() {
    for bench in benches() {
        bench.database.run(["create table below (id int)", "create view t as select id from below"]);
        for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert] {
            bench.sql("select 1 as id", &bench.output(mode)).unwrap();
        }
        assert_eq!(bench.rows("select * from below"), ["1"]);
        let error = bench.sql("select 1 as id", &bench.output(LoadMode::Replace)).unwrap_err();
        assert_eq!(error.to_string(), "`t` is a view, which cannot be replaced");
        bench.assert_tidy();
    }
}

/// Readers see the old table or the new one, never none and never a mixture.
#[test]
fn readers_see_the_old_table_or_the_new_one() {
    for bench in benches() {
        bench.database.run(["create table t (id int)", "insert into t values (1), (1), (1)"]);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut conn = bench.database.connect();
                let mut seen = 0;
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    let rows: Vec<(i64, i64)> =
                        conn.query("select count(*), count(distinct id) from t").unwrap();
                    assert_eq!(rows, [(3, 1)]);
                    seen += 1;
                }
                seen
            });
            for (round, mode) in
                [LoadMode::Replace, LoadMode::TruncateInsert].iter().cycle().take(10).enumerate()
            {
                let rows = format!("select {round} as id union all select {round} union all select {round}");
                bench.sql(&rows, &bench.output(mode.clone())).unwrap();
            }
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            assert!(reader.join().unwrap() > 0);
        });
        bench.assert_tidy();
    }
}

//! Statements around the read, the clauses of it, and what is wrong with them.

use sync::embulk::config::TypeMapping::Embulk;
use sync::embulk::input::Selection;
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;

use super::super::lab::{Lab, mysql, query, table};
use super::{refused, written};
use crate::support::servers;

#[test]
fn each_of_several_statements_counts() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let mut input = mysql(&database, table("made"));
        input.statements.before_setup =
            Some(Text::plain("create table made (id int); insert into made values (6); select 1;"));
        input.statements.before_select = Some(Text::plain("set @a = 7; insert into made values (@a)"));
        input.statements.after_select =
            Some(Text::plain("update made set id = id + 10; delete from made where id = 16"));
        assert_eq!(written(&input, Embulk), "{\"id\":6}\n{\"id\":7}\n");
        assert_eq!(database.rows("select id from made"), [[Some("17".to_owned())]]);

        // The first that fails is the last, wherever it stands.
        input.statements.before_setup = Some(Text::plain("set @a = 1; drop table nope; drop table made"));
        let error = refused(&Lab::new(), &input);
        assert_eq!(
            error.to_string(),
            format!("`before_setup` failed: Unknown table '{}.nope' (MySQL error 1051)", database.name)
        );
        assert_eq!(error.kind, ErrorKind::NotFound);
        input.statements.before_setup = None;
        input.statements.before_select = Some(Text::plain("insert into made values (1); select nothing"));
        let error = refused(&Lab::new(), &input);
        assert!(
            error.to_string().starts_with("`before_select` failed: Unknown column 'nothing' in "),
            "{error}"
        );
        input.statements.before_select = None;
        input.statements.after_select = Some(Text::plain("insert into made values (2); select 'secret' + "));
        let error = refused(&Lab::new(), &input);
        assert!(
            error.to_string().starts_with("`after_select` failed: You have an error in your SQL syntax"),
            "{error}"
        );
        assert!(!error.to_string().contains("secret"));
        // What stood before the failure was in a transaction that was not committed.
        assert_eq!(database.rows("select id from made"), [[Some("17".to_owned())]]);
    }
}

#[test]
fn a_table_is_read_by_its_clauses_and_a_query_as_it_is_written() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database
            .run(["create table t (a int, b text)", "insert into t values (1, 'x1'), (4, 'x4'), (5, 'x5')"]);
        let selection = Selection::Table {
            table: Text::plain("t"),
            select: Text::plain("a, a as a2, b `B b`"),
            where_clause: Some(Text::plain("a > 3 or a < 0")),
            order_by: Some(Text::plain("a desc")),
        };
        assert_eq!(
            written(&mysql(&database, selection), Embulk),
            "{\"a\":5,\"a2\":5,\"B b\":\"x5\"}\n{\"a\":4,\"a2\":4,\"B b\":\"x4\"}\n"
        );
        for sql in [
            "with x as (select 1 as a) select a from x ; \n",
            "select 1 as a -- and nothing more",
            "select 1 as a # and nothing more",
            "(select 1 as a) union (select 1)",
        ] {
            assert_eq!(written(&mysql(&database, query(sql)), Embulk), "{\"a\":1}\n", "{sql}");
        }
    }
}

#[test]
fn a_statement_that_cannot_be_read_says_why() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run(["create table t (a int)", "create procedure p() select 1 as a"]);
        let lab = Lab::new();
        for (sql, kind, said) in [
            ("select ?", ErrorKind::Query, "the query has a `?` that nothing is given for"),
            ("set @a = 1", ErrorKind::Query, "the query gives no columns"),
            ("insert into t values (1)", ErrorKind::Query, "the query gives no columns"),
            ("call p()", ErrorKind::Query, "the query gives no columns"),
            ("select 1 as a, 2 as a", ErrorKind::Config, "two columns have the name `a`"),
            (
                "select 'secret' from from t",
                ErrorKind::Query,
                "the query could not be read: You have an error in your SQL syntax",
            ),
            (
                "select nope from t",
                ErrorKind::Query,
                "the query could not be read: Unknown column 'nope' in ",
            ),
            (
                "select 1; select 2",
                ErrorKind::Query,
                "the query could not be read: You have an error in your SQL syntax",
            ),
        ] {
            let error = refused(&lab, &mysql(&database, query(sql)));
            assert!(error.to_string().starts_with(said), "{error}");
            assert_eq!(error.kind, kind, "{error}");
            assert!(!error.to_string().contains("secret"));
        }
        assert_eq!(database.rows("select * from t").len(), 0);
        // A value that turns up late.
        let late = "select 1 as a union all select (select 1 union select 2)";
        let error = refused(&lab, &mysql(&database, query(late)));
        assert_eq!(
            error.to_string(),
            "the query could not be read: Subquery returns more than 1 row (MySQL error 1242)"
        );
        let mut input = mysql(&database, table("t"));
        input.database = Text::plain("nowhere");
        let error = refused(&lab, &input);
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.to_string().ends_with(": Unknown database 'nowhere' (MySQL error 1049)"), "{error}");
    }
}

//! What the old table had besides rows and columns, given to the one that takes its place: rights, comments, owner, keys.

use super::catalog::{Found, Grant, Grantee, Place};
use super::prepare::Target;
use super::statement::{literal, quoted};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::plan::TargetColumn;

/// Rights that a table must be given to have those of another one, and rights that it must lose: default privileges
/// may have given them.
pub(super) fn rights(has: &[Grant], wanted: &[Grant], owner: &str, table: &str) -> Vec<String> {
    let is_other = |grant: &&Grant| grant.to != Grantee::User(owner.to_owned());
    let more = has.iter().filter(is_other).filter(|grant| !wanted.contains(grant));
    let mut statements: Vec<String> = more
        .map(|grant| format!("REVOKE {} ON TABLE {table} FROM {}", grant.privilege, to(&grant.to)))
        .collect();
    let missing = wanted.iter().filter(is_other).filter(|grant| !has.contains(grant));
    statements.extend(missing.map(|grant| {
        let option = if grant.passes_on { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON TABLE {table} TO {}{option}", grant.privilege, to(&grant.to))
    }));
    statements
}

fn to(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Public => "PUBLIC".to_owned(),
        Grantee::User(name) => quoted(name),
        Grantee::Group(name) => format!("GROUP {}", quoted(name)),
        Grantee::Role(name) => format!("ROLE {}", quoted(name)),
    }
}

/// Comments of the old table, for the new one; columns that it does not have have none.
fn comments(
    session: &Session,
    found: &Found,
    table: &str,
    columns: &[TargetColumn],
) -> Result<Vec<String>, Trouble> {
    let stays = |name: &Option<String>| {
        name.as_ref().is_none_or(|name| columns.iter().any(|column| column.name == *name))
    };
    let comments = found.comments(session)?.into_iter().filter(|(name, _)| stays(name));
    let sql = |(name, text): (Option<String>, String)| match name {
        None => format!("COMMENT ON TABLE {table} IS {}", literal(&text)),
        Some(name) => format!("COMMENT ON COLUMN {table}.{} IS {}", quoted(&name), literal(&text)),
    };
    Ok(comments.map(sql).collect())
}

/// Gives the new table what the old one has besides rows and columns; keys come with the swap.
pub(super) fn dress(session: &Session, target: &Target, found: &Found) -> Result<(), Trouble> {
    let stage = target.stage.quoted();
    // Only a superuser may give a table to somebody else, or to himself.
    if session.texts("SELECT current_user")?.first() != Some(&found.owner) {
        session.run(&format!("ALTER TABLE {stage} OWNER TO {}", quoted(&found.owner)))?;
    }
    let mut statements = comments(session, found, &stage, &target.plan.columns)?;
    statements.extend(same_rights(session, &target.place, &target.stage, &found.owner)?);
    statements.iter().try_for_each(|sql| session.run(sql))
}

/// The statements that make the rights on a table those on another one.
pub(super) fn same_rights(
    session: &Session,
    from: &Place,
    to: &Place,
    owner: &str,
) -> Result<Vec<String>, Trouble> {
    Ok(rights(&to.grants(session)?, &from.grants(session)?, owner, &to.quoted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(privilege: &str, to: Grantee, passes_on: bool) -> Grant {
        Grant { privilege: privilege.to_owned(), to, passes_on }
    }

    #[test]
    fn rights_are_those_of_the_old_table_and_no_others() {
        let user = |name: &str| Grantee::User(name.to_owned());
        let has = [
            grant("SELECT", Grantee::Group("bi".to_owned()), false),
            grant("INSERT", Grantee::Public, false),
            grant("SELECT", user("me"), false),
        ];
        let wanted = [
            grant("SELECT", Grantee::Group("bi".to_owned()), false),
            grant("UPDATE", user("o\"neil"), true),
            grant("SELECT", Grantee::Role("reader".to_owned()), false),
            grant("DELETE", user("me"), false),
        ];
        assert_eq!(
            rights(&has, &wanted, "me", "t"),
            [
                "REVOKE INSERT ON TABLE t FROM PUBLIC",
                "GRANT UPDATE ON TABLE t TO \"o\"\"neil\" WITH GRANT OPTION",
                "GRANT SELECT ON TABLE t TO ROLE \"reader\"",
            ]
        );
        assert_eq!(rights(&wanted, &wanted, "me", "t"), [""; 0]);
    }
}

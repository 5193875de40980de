//! What the server says of tables. Redshift has the catalog of PostgreSQL 8, and views of its own.

use super::statement::literal;
use crate::embulk::output::Replacing;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::plan::{Nature, TargetColumn};

/// A table by its schema and its name, as the catalog has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) table: String,
}

/// A table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its number in the catalog.
    pub(super) oid: String,
    /// Who owns it.
    pub(super) owner: String,
    /// Whether the user may do with it what its owner may.
    pub(super) is_own: bool,
    /// Whether the user is sure to see every right on it.
    pub(super) sees_all: bool,
    /// Who has rights on it, as the catalog writes them.
    rights: String,
    pub(super) columns: Vec<TargetColumn>,
    /// The names of the columns by their numbers in the catalog.
    pub(super) numbers: Vec<(String, String)>,
    /// Columns that the server numbers itself.
    pub(super) identities: Vec<String>,
}

impl Place {
    /// The table, quoted.
    pub(super) fn quoted(&self) -> String {
        super::statement::qualified(&self.schema, &self.table)
    }

    fn condition(&self, schema: &str, table: &str) -> String {
        format!("{schema} = {} AND {table} = {}", literal(&self.schema), literal(&self.table))
    }

    /// The table, where it is there. Errors: the server, and what is no table.
    pub(super) fn find(&self, session: &Session) -> Result<Result<Option<Found>, TransferError>, Trouble> {
        let rows = session.rows(&format!(
            "SELECT c.oid, c.relkind, pg_catalog.pg_get_userbyid(c.relowner), \
             CASE WHEN pg_catalog.pg_get_userbyid(c.relowner) = current_user OR u.usesuper THEN 1 END, \
             CASE WHEN u.usesuper THEN 1 END, pg_catalog.array_to_string(c.relacl, '|') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_user u ON u.usename = current_user \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {}",
            self.condition("n.nspname", "c.relname")
        ))?;
        let Some(row) = rows.into_iter().next() else { return Ok(Ok(None)) };
        let [oid, kind, owner, own, all, rights] = cells(row);
        if !matches!(kind.as_deref(), Some("r" | "p")) {
            let message = format!("`{}` is a view, which takes no rows", self.table);
            return Ok(Err(TransferError::new(ErrorKind::Config, message).hint("check `table`")));
        }
        let oid = oid.unwrap_or_default();
        let mut found = Found {
            owner: owner.unwrap_or_default(),
            is_own: own.is_some(),
            sees_all: all.is_some(),
            rights: rights.unwrap_or_default(),
            columns: Vec::new(),
            numbers: Vec::new(),
            identities: Vec::new(),
            oid,
        };
        found.read_columns(session)?;
        Ok(Ok(Some(found)))
    }

    /// What other users may do with the table: privilege, kind of user, name, whether they may pass it on.
    pub(super) fn grants(&self, session: &Session) -> Result<Vec<Grant>, Trouble> {
        let rows = session.rows(&format!(
            "SELECT privilege_type, identity_type, identity_name, CASE WHEN admin_option THEN 1 END \
             FROM svv_relation_privileges WHERE {}",
            self.condition("namespace_name", "relation_name")
        ))?;
        let grants = rows.into_iter().filter_map(|row| {
            let [privilege, kind, name, passes] = cells(row);
            let kind = kind?.to_lowercase();
            let to = match kind.as_str() {
                "public" => Grantee::Public,
                "group" => Grantee::Group(name?),
                "role" => Grantee::Role(name?),
                _ => Grantee::User(name?),
            };
            Some(Grant { privilege: privilege?.to_uppercase(), to, passes_on: passes.is_some() })
        });
        Ok(grants.collect())
    }

    /// Why this table cannot be swapped for another one: what hangs on it that another one would not have.
    pub(super) fn ties(
        &self,
        session: &Session,
        found: &Found,
        replacing: Replacing,
    ) -> Result<Vec<String>, Trouble> {
        let mut ties = Vec::new();
        if replacing == Replacing::Delete {
            ties.push("`replace_by: delete` is written".to_owned());
        }
        if found.is_own && !self.shows_rights(session, found, replacing)? {
            ties.push("the user may not see every right on it".to_owned());
        }
        if !found.is_own {
            ties.push(format!("it belongs to `{}`", found.owner));
        }
        for view in session.texts(&format!(
            "SELECT DISTINCT v.relname FROM pg_catalog.pg_depend d \
             JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid JOIN pg_catalog.pg_class v ON v.oid = r.ev_class \
             WHERE d.refobjid = {0} AND v.oid <> {0} ORDER BY 1",
            found.oid
        ))? {
            ties.push(format!("view `{view}` depends on it"));
        }
        for table in session.texts(&format!(
            "SELECT DISTINCT c.relname FROM pg_catalog.pg_constraint k \
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
             WHERE k.contype = 'f' AND k.confrelid = {0} AND k.conrelid <> {0} ORDER BY 1",
            found.oid
        ))? {
            ties.push(format!("table `{table}` refers to it"));
        }
        for column in &found.identities {
            ties.push(format!("the server numbers its column `{column}`"));
        }
        let watched = [
            ("svv_column_privileges", "namespace_name", "relation_name", "rights on single columns"),
            ("svv_rls_attached_policy", "relschema", "relname", "a policy for its rows"),
            ("svv_attached_masking_policy", "schema_name", "table_name", "a policy that masks values"),
        ];
        for (view, schema, table, what) in watched {
            let sql = format!("SELECT 1 FROM {view} WHERE {} LIMIT 1", self.condition(schema, table));
            match session.texts(&sql) {
                Ok(rows) if rows.is_empty() => {}
                Ok(_) => ties.push(format!("it has {what}")),
                // Who may not look, or where there are none yet.
                Err(Trouble::Server(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(ties)
    }
}

impl Place {
    /// Whether all that others may do with the table is known: a superuser sees it. Of others the config may say so,
    /// unless the catalog names somebody whose rights do not show.
    fn shows_rights(&self, session: &Session, found: &Found, replacing: Replacing) -> Result<bool, Trouble> {
        if found.sees_all || replacing != Replacing::Swap {
            return Ok(found.sees_all);
        }
        let grants = self.grants(session)?;
        let shows = |name: &str| {
            name == found.owner
                || grants.iter().any(|grant| match &grant.to {
                    Grantee::Public => name.is_empty(),
                    Grantee::User(known) | Grantee::Group(known) | Grantee::Role(known) => known == name,
                })
        };
        Ok(grantees(&found.rights).all(shows))
    }
}

/// The names in `owner=arwdRxt/owner|group "some people"=r/owner|=r/owner`; the empty one is everybody.
fn grantees(rights: &str) -> impl Iterator<Item = &str> {
    let entries = rights.split('|').filter_map(|entry| entry.rsplit_once('=').map(|(name, _)| name));
    entries.map(|name| name.trim_matches('"').trim_start_matches("group ").trim_matches('"'))
}

impl Found {
    fn read_columns(&mut self, session: &Session) -> Result<(), Trouble> {
        let rows = session.rows(&format!(
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnum, \
             pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attribute a \
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attrelid = {} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            self.oid
        ))?;
        for row in rows {
            let [Some(name), Some(sql_type), Some(number), default] = cells(row) else { continue };
            if default.is_some_and(|default| default.contains("identity\"") || default.contains("identity("))
            {
                self.identities.push(name.clone());
            }
            self.numbers.push((number, name.clone()));
            let base = sql_type.clone();
            self.columns.push(TargetColumn { name, sql_type, base, nature: Nature::Plain });
        }
        Ok(())
    }

    /// Keys of the table: names and definitions, those of columns that the new one has.
    pub(super) fn keys(
        &self,
        session: &Session,
        columns: &[TargetColumn],
    ) -> Result<Vec<(String, String)>, Trouble> {
        let rows = session.rows(&format!(
            "SELECT conname, pg_catalog.pg_get_constraintdef(oid), \
             pg_catalog.array_to_string(conkey, ',') FROM pg_catalog.pg_constraint \
             WHERE conrelid = {} AND contype IN ('p', 'u', 'f') ORDER BY contype DESC, conname",
            self.oid
        ))?;
        let stays = |number: &str| {
            let name = self.numbers.iter().find(|(known, _)| known == number).map(|(_, name)| name);
            name.is_some_and(|name| columns.iter().any(|column| column.name == *name))
        };
        let keys = rows.into_iter().filter_map(|row| {
            let [name, definition, numbers] = cells(row);
            numbers?.split(',').all(stays).then_some((name?, definition?))
        });
        Ok(keys.collect())
    }

    /// The primary key.
    pub(super) fn primary_key(&self, session: &Session) -> Result<Vec<String>, Trouble> {
        let numbers = session.texts(&format!(
            "SELECT pg_catalog.array_to_string(conkey, ',') FROM pg_catalog.pg_constraint \
             WHERE conrelid = {} AND contype = 'p'",
            self.oid
        ))?;
        let numbers = numbers.first().map_or("", String::as_str).split(',');
        let name = |number: &str| {
            self.numbers.iter().find(|(known, _)| known == number).map(|(_, name)| name.clone())
        };
        Ok(numbers.filter_map(name).collect())
    }

    /// What people wrote of the table and its columns: the column, none for the table itself, and the text.
    pub(super) fn comments(&self, session: &Session) -> Result<Vec<(Option<String>, String)>, Trouble> {
        let rows = session.rows(&format!(
            "SELECT d.objsubid, d.description FROM pg_catalog.pg_description d \
             JOIN pg_catalog.pg_class c ON c.oid = d.classoid AND c.relname = 'pg_class' \
             WHERE d.objoid = {} ORDER BY d.objsubid",
            self.oid
        ))?;
        let comments = rows.into_iter().filter_map(|row| {
            let [number, text] = cells(row);
            let (number, text) = (number?, text?);
            if number == "0" {
                return Some((None, text));
            }
            let (_, name) = self.numbers.iter().find(|(known, _)| *known == number)?;
            Some((Some(name.clone()), text))
        });
        Ok(comments.collect())
    }
}

/// A right that somebody has on a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) privilege: String,
    pub(super) to: Grantee,
    pub(super) passes_on: bool,
}

/// Who has a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grantee {
    Public,
    User(String),
    Group(String),
    Role(String),
}

/// The cells of a row, as many as are wanted.
fn cells<const N: usize>(row: Vec<Option<String>>) -> [Option<String>; N] {
    let mut row = row.into_iter();
    std::array::from_fn(|_| row.next().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_rights_stands_before_them() {
        let rights = "me=arwdRxt/me|group bi=r/me|\"group some people=r/me\"|=r/me|o'neil=r*/me";
        assert_eq!(grantees(rights).collect::<Vec<_>>(), ["me", "bi", "some people", "", "o'neil"]);
        assert_eq!(grantees("").count(), 0);
    }
}

//! What the server makes of the types of columns that are not there yet, and what a column keeps that gets another one.
//! A temporary table shows it.

use super::MysqlTarget;
use super::session::{Session, Trouble};
use super::statement::{self, qualified, quoted};
use super::table;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::sql::given::{self, Attributes};
use crate::transfer::output::sql::plan::{self, Change, Plan, TargetColumn};

/// A column of AUTO_INCREMENT that is no key: alone it is no table.
const NEEDS_A_KEY: [u16; 1] = [1075];

impl MysqlTarget {
    /// The columns with their types as the server writes them, and what those have besides whose type the config gives.
    pub(super) fn spelled(
        &self,
        session: &mut Session,
        columns: &[TargetColumn],
    ) -> Result<(Vec<TargetColumn>, Attributes), TransferError> {
        let probe = self.probe();
        let failed = |trouble: Trouble| trouble.during("the types of the columns could not be looked up");
        let constraint = self.config.load.create_table_constraint.as_ref();
        // A foreign key is nothing for a temporary table.
        if session.run(&statement::create_probe(&probe, columns, constraint)).is_err() {
            let made = session.run(&statement::create_probe(&probe, columns, None));
            made.map_err(|trouble| self.wrong_type(session, columns).unwrap_or_else(|| failed(trouble)))?;
        }
        let known = table::columns(session, &probe).map_err(failed)?.unwrap_or_default();
        let mut attributes = table::attributes(session, &probe).map_err(failed)?;
        attributes.retain(|(name, _)| given::is_given(&self.config.load, name));
        session.run(&drop_of(&probe)).map_err(failed)?;
        let spelled = |column: &TargetColumn| {
            let found = known.iter().find(|known| known.name == column.name);
            TargetColumn { sql_type: found.unwrap_or(column).sql_type.clone(), ..column.clone() }
        };
        Ok((columns.iter().map(spelled).collect(), attributes))
    }

    fn probe(&self) -> String {
        qualified(self.stage_database(), &format!("{}_probe", self.context.key.name(1)))
    }

    /// The error of the first column whose type the server refuses.
    fn wrong_type(&self, session: &mut Session, columns: &[TargetColumn]) -> Option<TransferError> {
        let probe = self.probe();
        columns.iter().filter(|column| given::is_given(&self.config.load, &column.name)).find_map(|column| {
            let alone = statement::create_probe(&probe, std::slice::from_ref(column), None);
            let made = session.run(&alone).and_then(|_| session.run(&drop_of(&probe)));
            let trouble = made.err().filter(|trouble| !trouble.has_code(&NEEDS_A_KEY))?;
            let error = trouble.during(String::new());
            (error.kind == ErrorKind::Query).then(|| given::refused(&column.name, error))
        })
    }

    /// How a table that is replaced gets the planned columns, in the words of the config. A column that gets another
    /// type keeps default, comment and whatever else it has, unless its `type` says something of them.
    pub(super) fn changes(
        &self,
        session: &mut Session,
        plan: &mut Plan,
        made: &[TargetColumn],
        existing: &[TargetColumn],
        (name, table): (&str, &str),
    ) -> Result<Vec<Change>, TransferError> {
        let as_made = |column: TargetColumn| {
            let found = made.iter().find(|made| made.name == column.name).cloned();
            found.unwrap_or(column)
        };
        let mut changes = plan::changes(&plan.columns, existing);
        for change in &mut changes {
            match change {
                Change::Drop(_) => {}
                Change::Add(column) => *column = as_made(column.clone()),
                Change::Retype(column) => {
                    let old = existing.iter().find(|old| old.name == column.name).cloned();
                    *column = as_made(column.clone());
                    let Some(old) = old.filter(|_| !given::says_more(&column.sql_type)) else { continue };
                    let failed =
                        |trouble: Trouble| trouble.during(format!("table `{table}` could not be looked up"));
                    let created = table::created(session, name).map_err(failed)?;
                    let Some(kept) = kept(&created, &old).filter(|kept| !kept.is_empty()) else { continue };
                    let whole =
                        TargetColumn { sql_type: format!("{} {kept}", column.sql_type), ..column.clone() };
                    if self.goes(session, &whole) {
                        *column = whole;
                    } else {
                        plan.notes.push(format!(
                            "column `{}` of table `{table}` loses `{kept}`, which does not go with its new type",
                            old.name
                        ));
                    }
                }
            }
        }
        Ok(changes)
    }

    /// Whether the server takes a column.
    fn goes(&self, session: &mut Session, column: &TargetColumn) -> bool {
        let probe = self.probe();
        let columns = statement::definition(column);
        let key = if column.sql_type.to_uppercase().contains("AUTO_INCREMENT") {
            format!(", KEY ({})", quoted(&column.name))
        } else {
            String::new()
        };
        let create = format!("CREATE TEMPORARY TABLE {probe} ({columns}{key})");
        session.run(&create).and_then(|_| session.run(&drop_of(&probe))).is_ok()
    }
}

fn drop_of(probe: &str) -> String {
    format!("DROP TEMPORARY TABLE {probe}")
}

/// What stands behind the type of a column in what `SHOW CREATE TABLE` says, without charset and collation.
fn kept(created: &str, column: &TargetColumn) -> Option<String> {
    let start = format!("{} ", quoted(&column.name));
    let line = created.lines().find_map(|line| line.trim_start().strip_prefix(start.as_str()))?;
    let sql_type = column.sql_type.split(" COLLATE ").next().unwrap_or_default();
    let mut rest = line.strip_suffix(',').unwrap_or(line).strip_prefix(sql_type)?.trim_start();
    for word in ["CHARACTER SET ", "COLLATE "] {
        if let Some(named) = rest.strip_prefix(word) {
            rest = named.split_once(' ').map_or("", |(_, rest)| rest);
        }
    }
    Some(rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::output::sql::plan::Nature;

    #[test]
    fn what_stands_behind_a_type_is_kept() {
        let created = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `na``me` varchar(40) CHARACTER SET \
                       utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'a, b' COMMENT 'as ''they'' say',\n  `n` enum('a b') \
                       DEFAULT NULL,\n  `plain` text\n) ENGINE=InnoDB";
        for (name, sql_type, expected) in [
            ("id", "int(11)", Some("NOT NULL AUTO_INCREMENT")),
            (
                "na`me",
                "varchar(40) COLLATE utf8mb4_bin",
                Some("NOT NULL DEFAULT 'a, b' COMMENT 'as ''they'' say'"),
            ),
            ("n", "enum('a b') COLLATE x", Some("DEFAULT NULL")),
            ("plain", "text COLLATE utf8mb4_bin", Some("")),
            ("gone", "text", None),
        ] {
            let column = TargetColumn {
                name: name.to_owned(),
                sql_type: sql_type.to_owned(),
                base: String::new(),
                nature: Nature::Plain,
            };
            assert_eq!(kept(created, &column).as_deref(), expected, "{name}");
        }
    }
}

//! Before the rows come: which columns go where, which room they wait in, and everything that can be refused.

use std::sync::Arc;

use super::column;
use super::load::{Carrier, Loader, NO_LOAD_DATA, Way};
use super::publish::{Room, Target};
use super::session::{Session, Trouble};
use super::statement::{self, Taken, literal, qualified};
use super::status::Status;
use super::swap::Names;
use super::table::{self, Facts, Kind};
use super::{LOCAL, MysqlTarget, Work};
use crate::embulk::input::Selection;
use crate::embulk::output::LoadMode;
use crate::embulk::text::Text;
use crate::transfer::effect::Effect;
use crate::transfer::encode::load_data::LoadEncoder;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::mysql;
use crate::transfer::output::sql::given::{self, Attributes};
use crate::transfer::output::sql::plan::{self};
use crate::transfer::schema::{Column, Schema};

impl MysqlTarget {
    pub(super) fn prepare(&self, schema: &Arc<Schema>) -> Result<Work, TransferError> {
        let mut session = self.connect()?;
        let database = self.config.database.expose().to_owned();
        let table = self.table_name(&mut session)?;
        self.remove_abandoned(&mut session, &qualified(&database, &table))?;
        let mut target = self.plan(&mut session, schema, database, table)?;
        target.room = self.room(&target)?;
        if !matches!(target.room, Room::Swap(_)) {
            Status::of(&target.database).ensure(&mut session)?;
        }
        self.check_merge(&mut session, &target)?;
        let table = self.make_room(&mut session, &target)?;
        if !matches!(target.room, Room::Stage(_)) {
            check_needy(&mut session, &table, &target)?;
        }
        let (columns, taken): (Vec<_>, Vec<_>) =
            column::sent(schema, &target.plan, &self.config.load).into_iter().unzip();
        let names = target.plan.columns.iter().map(|column| column.name.clone());
        let columns_into: Vec<(String, Taken)> = names.zip(taken).collect();
        let zone = zone(&mut session, &columns_into)?;
        let into = statement::Into { table, columns: columns_into, zone: zone.clone() };
        let encoder = LoadEncoder::new(schema, columns);
        let way = self.way(&mut session)?;
        let loader = Loader::new(encoder, into, way, target.not_loaded(), self.config.load.batch_bytes);
        Ok(Work { session, target, loader, zone })
    }

    /// The name that the table has: as it is written, else in upper or lower case.
    pub(super) fn table_name(&self, session: &mut Session) -> Result<String, TransferError> {
        let written = &self.config.load.table;
        let selection = Selection::Table {
            table: written.clone(),
            select: Text::plain("*"),
            where_clause: None,
            order_by: None,
        };
        let name = format!("table `{}`", written.shown());
        match mysql::found(&mut session.connection, &selection, &name)? {
            Selection::Table { table, .. } => Ok(table.expose().to_owned()),
            Selection::Query(_) => Ok(written.expose().to_owned()),
        }
    }

    pub(super) fn plan(
        &self,
        session: &mut Session,
        schema: &Schema,
        database: String,
        table: String,
    ) -> Result<Target, TransferError> {
        let name = qualified(&database, &table);
        let failed = |trouble: Trouble| trouble.during(format!("table `{table}` could not be looked up"));
        let existing = table::columns(session, &name).map_err(failed)?;
        let seen = match &existing {
            None => None,
            Some(columns) => {
                Some((columns.clone(), table::facts(session, &database, &table).map_err(failed)?))
            }
        };
        let charset = session.text("SELECT @@character_set_database").map_err(failed)?;
        let types = self.config.load.types;
        let usual = |from: &Column| match column::usual_type(from.kind, types) {
            // Texts hold every character, whatever the database is used to.
            text if text.ends_with("TEXT") && charset.as_deref() != Some("utf8mb4") => {
                format!("{text} CHARACTER SET utf8mb4")
            }
            other => other,
        };
        let mut plan = plan::plan(schema, &self.config.load, existing.as_deref(), &usual)?;
        let made = plan.columns.clone();
        let mut wanted = Attributes::new();
        if made.iter().any(|column| !existing.iter().flatten().any(|known| known == column)) {
            (plan.columns, wanted) = self.spelled(session, &made)?;
        }
        if self.config.load.mode == LoadMode::Replace
            && let Some(existing) = &existing
        {
            plan.changes = self.changes(session, &mut plan, &made, existing, (&name, &table))?;
            let has = table::attributes(session, &name).map_err(failed)?;
            // A new type comes with all that the config says.
            let is_retyped = |name: &String| plan.changes.iter().any(|change| change.column() == name);
            wanted.retain(|(name, _)| !is_retyped(name));
            plan.notes.extend(given::not_applied(&table, &wanted, &has));
        }
        Ok(Target {
            name,
            database,
            table,
            shown: self.shown.clone(),
            is_there: seen.is_some(),
            seen,
            plan,
            made,
            load: self.config.load.clone(),
            room: Room::Target,
        })
    }

    /// Where rows wait, by what the table is and would lose.
    pub(super) fn room(&self, target: &Target) -> Result<Room, TransferError> {
        let table = &target.table;
        let config =
            |message: String, hint: &str| Err(TransferError::new(ErrorKind::Config, message).hint(hint));
        let facts = target.seen.as_ref().map(|(_, facts)| facts);
        let stage = || Room::Stage(qualified(self.stage_database(), &self.context.key.name(1)));
        match (&self.config.load.mode, facts) {
            (LoadMode::Replace, Some(Facts { kind: Kind::View, .. })) => {
                config(format!("`{table}` is a view, which cannot be replaced"), "name the table below it")
            }
            (LoadMode::Replace, None | Some(Facts { bound: None, .. })) => self.swap(),
            (LoadMode::Replace, Some(Facts { kind: Kind::Transactional, bound: Some(bound) }))
                if target.plan.changes.is_empty() =>
            {
                self.log(&format!(
                    "table `{table}` has {bound}, which a new table in its place would lose: \
                     its rows are deleted and the new ones inserted, in one transaction"
                ));
                Ok(stage())
            }
            (LoadMode::Replace, Some(Facts { bound: Some(bound), .. })) => config(
                format!("table `{table}` has {bound}, which a new table in its place would lose"),
                "let an ALTER TABLE give it the columns of the rows, and InnoDB, first",
            ),
            (_, Some(Facts { kind: Kind::Other(engine), .. })) => config(
                format!("table `{table}` is of engine {engine}, which knows no transactions"),
                "convert it with `ALTER TABLE … ENGINE=InnoDB`, or use `mode: replace`",
            ),
            (LoadMode::InsertDirect, _) => Ok(Room::Target),
            _ => Ok(stage()),
        }
    }

    /// The tables of a swap, under names that no try before had.
    fn swap(&self) -> Result<Room, TransferError> {
        let recorded = self.context.ledger.recorded()?;
        let names = recorded.iter().filter_map(|recorded| match &recorded.effect {
            Effect::StageTable { table, .. } => Some(table),
            _ => None,
        });
        let mut number = 1;
        let mut name = self.context.key.name(number);
        let taken: Vec<&String> = names.collect();
        while taken.contains(&&name) {
            number += 1;
            name = self.context.key.name(number);
        }
        Ok(Room::Swap(Names::new(self.stage_database(), &name)))
    }

    pub(super) fn check_merge(&self, session: &mut Session, target: &Target) -> Result<(), TransferError> {
        if !matches!(self.config.load.mode, LoadMode::Merge { .. }) {
            return Ok(());
        }
        let table = &target.table;
        let can_merge = if target.is_there {
            table::can_merge(session, &target.name, &target.plan).map_err(|trouble| {
                trouble.during(format!("the keys of table `{table}` could not be looked up"))
            })?
        } else {
            let constraint = self.config.load.create_table_constraint.as_ref().map_or("", Text::expose);
            let types = target.made.iter().map(|column| column.sql_type.as_str());
            types
                .chain([constraint])
                .map(str::to_uppercase)
                .any(|sql| sql.contains("KEY") || sql.contains("UNIQUE"))
        };
        if can_merge {
            return Ok(());
        }
        let message = format!(
            "`mode: merge` needs a primary or unique key of table `{table}` whose columns the rows have"
        );
        Err(TransferError::new(ErrorKind::Config, message)
            .hint("give the table a key; a new one gets it by `create_table_constraint`"))
    }

    /// Makes the table that rows are loaded into, and gives its name, quoted.
    fn make_room(&self, session: &mut Session, target: &Target) -> Result<String, TransferError> {
        match &target.room {
            Room::Stage(stage) => {
                let sql = statement::create_stage(stage, &target.plan.columns);
                let made = session.execute(&sql, &self.context.cancel);
                made.map_err(|trouble| trouble.during("the staging table could not be made"))?;
                Ok(stage.clone())
            }
            Room::Target => {
                target.create(session, &self.context.cancel)?;
                target.begin(session).map_err(|trouble| trouble.during("`START TRANSACTION` failed"))?;
                let before = self.config.load.before_load.as_ref();
                target.hook(session, before, "before_load", &self.context.cancel)?;
                Ok(target.name.clone())
            }
            Room::Swap(names) => {
                self.context.ledger.intend(&names.effect(&self.address()))?;
                names.make(session, target, &self.context)?;
                Ok(names.stage())
            }
        }
    }

    /// Where the server is, for the ledger.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.config.host.shown(), self.config.port)
    }

    fn way(&self, session: &mut Session) -> Result<Way, TransferError> {
        let mut way = Way::of(session)
            .map_err(|trouble| trouble.during("the settings of the server could not be looked up"))?;
        let wanted = self.config.options.get(LOCAL).map(Text::expose);
        if wanted.is_some_and(|word| word.eq_ignore_ascii_case("false")) {
            way.carrier = Carrier::Insert;
        } else if way.carrier == Carrier::Insert {
            self.log(NO_LOAD_DATA);
        }
        Ok(way)
    }
}

/// LOAD DATA fills a column that the rows lack with 0 or an empty text, without a word. An INSERT is refused.
fn check_needy(session: &mut Session, loaded: &str, target: &Target) -> Result<(), TransferError> {
    let failed = |trouble: Trouble| trouble.during("the columns of the table could not be looked up");
    let needy = table::needy(session, loaded).map_err(failed)?;
    let Some(name) = needy.iter().find(|name| plan::find(&target.plan.columns, name).is_none()) else {
        return Ok(());
    };
    let message = format!(
        "column `{name}` of table `{}` is NOT NULL without a default, and the rows do not have it",
        target.table
    );
    Err(TransferError::new(ErrorKind::Data, message).hint("add it to the rows, or give it a default"))
}

/// Lets the session show the clock of UTC while instants are loaded; gives the zone that it has otherwise.
fn zone(session: &mut Session, columns: &[(String, Taken)]) -> Result<Option<String>, TransferError> {
    if columns.iter().all(|(_, taken)| *taken != Taken::Utc) {
        return Ok(None);
    }
    let failed = |trouble: Trouble| trouble.during("the time zone of the session");
    let zone = session.text("SELECT @@session.time_zone").map_err(failed)?;
    session.run(&format!("SET SESSION time_zone = {}", literal("+00:00"))).map_err(failed)?;
    Ok(zone)
}

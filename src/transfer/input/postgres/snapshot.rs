//! Snapshots that several connections read from: one of them exports its own, the others take it on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;

use super::properties::{Access, Properties};
use super::session::Session;
use crate::cloud::postgres::literal;
use crate::embulk::input::PostgresqlInput;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;

/// How one more connection is opened.
#[derive(Clone)]
pub(super) struct Opening {
    config: Arc<PostgresqlInput>,
    zone: TimeZone,
}

impl Opening {
    pub(super) fn of(config: &PostgresqlInput, context: &TransferContext) -> Self {
        Self { config: Arc::new(config.clone()), zone: context.process_zone.clone() }
    }

    fn session(&self) -> Result<Session, TransferError> {
        let access = Access::from(&*self.config);
        let properties = Properties::of(&access)?;
        Session::open(&access, &properties, &self.zone, &access.address())
    }

    /// A connection that reads from a snapshot.
    pub(super) fn on(&self, snapshot: &str) -> Result<Session, TransferError> {
        let session = self.session()?;
        take_on(&session, snapshot)?;
        Ok(session)
    }
}

/// Begins to read from a snapshot that another connection holds.
pub(super) fn take_on(session: &Session, snapshot: &str) -> Result<(), TransferError> {
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
        literal(snapshot)
    );
    session.run(&sql).map_err(|trouble| {
        trouble
            .during("the snapshot that several connections share could not be taken on")
            .hint("run the whole workflow again where its connection was lost: no later moment is the same")
    })
}

/// The name of the snapshot of a transaction, which others can take on as long as it lasts.
pub(super) fn export(session: &Session) -> Result<String, TransferError> {
    let failed = "the snapshot of the read could not be shared";
    let names =
        session.texts("SELECT pg_catalog.pg_export_snapshot()").map_err(|trouble| trouble.during(failed))?;
    Ok(names.into_iter().next().unwrap_or_default())
}

/// The snapshots of a run, by server, database, user and options.
#[derive(Clone, Default)]
pub struct HeldSnapshots(Arc<Mutex<HashMap<Vec<String>, Slot>>>);

/// Where a snapshot is, once somebody took it.
type Slot = Arc<Mutex<Option<Held>>>;

/// A snapshot lasts as long as its connection.
struct Held {
    _session: Session,
    name: String,
}

impl HeldSnapshots {
    /// The name of the snapshot that tables of this database share; the first to ask takes it.
    pub(super) fn name(
        &self,
        config: &PostgresqlInput,
        context: &TransferContext,
    ) -> Result<String, TransferError> {
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(identity(config)).or_default())
        };
        // Others wait here until the first has taken it.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &*slot {
            return Ok(held.name.clone());
        }
        let session = Opening::of(config, context).session()?;
        session
            .run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .map_err(|trouble| trouble.during("`BEGIN` failed"))?;
        let name = export(&session)?;
        *slot = Some(Held { _session: session, name: name.clone() });
        Ok(name)
    }
}

/// What connections of one snapshot have in common. It may hold secrets: not to be shown.
fn identity(config: &PostgresqlInput) -> Vec<String> {
    let own = [&config.host, &config.database, &config.user].map(|text| text.expose().to_owned());
    let options = config.options.iter().map(|(name, value)| format!("{name}={}", value.expose()));
    let rest = format!("{} {:?} {:?}", config.port, config.auth, config.ssl);
    own.into_iter().chain([config.password.expose().to_owned(), rest]).chain(options).collect()
}

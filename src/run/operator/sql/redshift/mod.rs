//! `redshift_load>` and `redshift_unload>`: COPY and UNLOAD with keys of their own, once; and what `redshift>` has that
//! `pg>` has not.
//!
//! The text of a statement holds keys, so it goes to the server and nowhere else: what is shown is an excerpt without
//! texts.

mod clauses;
mod credentials;
pub(super) mod load_errors;
mod manifest;
pub(super) mod status;

use std::sync::Arc;

use self::credentials::Mode;
use super::postgres;
use super::postgres::product::Product;
use super::postgres::session::{Session, Trouble};
use super::script::Script;
use super::strict::{self, Doubt, Ran, Series, Strict};
use crate::cloud::aws::Aws;
use crate::cloud::s3::credentials::S3Credentials;
use crate::cloud::s3::{S3, S3Settings};
use crate::cloud::sts::Keys;
use crate::run::operator::cancelable::unless_canceled;
use crate::run::operator::options::Options;
use crate::run::operator::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::session::Level;

/// What one of the operators does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `redshift_load>`: COPY.
    Load,
    /// `redshift_unload>`: UNLOAD.
    Unload,
}

/// One of the operators.
#[derive(Debug)]
pub struct Files {
    kind: Kind,
    aws: Arc<Aws>,
    series: Series,
}

/// A statement and what is around it.
struct Statement {
    /// Holds keys.
    text: String,
    /// For messages, e.g. ``COPY into table `t` ``.
    name: String,
    /// Where files of tries that failed may lie, to be removed before the statement.
    stale: Vec<String>,
}

impl Files {
    /// The operator of a kind.
    pub fn new(kind: Kind) -> Self {
        Self { kind, aws: Arc::new(Aws::new()), series: Series::default() }
    }

    /// The task's statement, with its keys.
    fn statement(
        &self,
        options: &Options<'_>,
        ids: &[String],
        base: &Keys,
        request: &OperatorRequest<'_>,
    ) -> Result<Statement, OperatorError> {
        match self.kind {
            Kind::Load => self.load(options, base, request),
            Kind::Unload => self.unload(options, ids, base, request),
        }
    }

    fn load(
        &self,
        options: &Options<'_>,
        base: &Keys,
        request: &OperatorRequest<'_>,
    ) -> Result<Statement, OperatorError> {
        let from = clauses::required(options, "from")?;
        let head = clauses::copy_head(options, &from)?;
        let rest = clauses::copy(options)?;
        let mut addresses = vec![(Mode::Read, from.clone())];
        for key in ["json", "avro"] {
            let paths = options.text(key)?.filter(|text| text.starts_with("s3://"));
            addresses.extend(paths.map(|paths| (Mode::Read, paths)));
        }
        let is_temporary = options.flag("temp_credentials", true)?;
        if is_temporary && options.flag("manifest", false)? {
            let urls = manifest::urls(&self.s3(base, options.text("region")?, request), &from)?;
            addresses.extend(urls.into_iter().map(|url| (Mode::Read, url)));
        }
        let table = clauses::required(options, "table")?;
        Ok(Statement {
            text: format!("{head}\n{}{rest}", self.keys(options, base, &addresses, request)?),
            name: format!("COPY into table `{table}`"),
            stale: Vec::new(),
        })
    }

    fn unload(
        &self,
        options: &Options<'_>,
        ids: &[String],
        base: &Keys,
        request: &OperatorRequest<'_>,
    ) -> Result<Statement, OperatorError> {
        let query = clauses::required(options, "query")?;
        let to = clauses::required(options, "to")?;
        // Digdag: a prefix of the query's own below the one that is asked for.
        let slash = if to.ends_with('/') { "" } else { "/" };
        let prefix = |id: &String| format!("{to}{slash}{id}_");
        let place = ids.last().map(prefix).unwrap_or_default();
        manifest::place(&place).ok_or_else(|| {
            OperatorError::config("`to` of `redshift_unload>` must be `s3://BUCKET/PREFIX`")
        })?;
        let rest = clauses::unload(options)?;
        let keys = self.keys(options, base, &[(Mode::Write, to.clone())], request)?;
        Ok(Statement {
            text: format!("{}\n{keys}{rest}", clauses::unload_head(&query, &place)),
            name: format!("UNLOAD to `{place}`"),
            stale: ids.iter().map(prefix).collect(),
        })
    }

    /// The clause of the keys.
    fn keys(
        &self,
        options: &Options<'_>,
        base: &Keys,
        addresses: &[(Mode, String)],
        request: &OperatorRequest<'_>,
    ) -> Result<String, OperatorError> {
        let wish = credentials::wish(options, request, addresses)?;
        let made = credentials::for_statement(&self.aws, base, wish.as_ref(), request);
        Ok(clauses::credentials(&unless_canceled(&request.cancel, made)??))
    }

    fn s3(&self, base: &Keys, region: Option<String>, request: &OperatorRequest<'_>) -> S3 {
        let credentials = S3Credentials::Keys { id: base.id.clone(), key: base.key.clone(), token: None };
        S3::new(
            Arc::clone(&self.aws),
            S3Settings { region, credentials, ..S3Settings::default() },
            request.retrying(),
        )
    }
}

impl Operator for Files {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let product = Product::Redshift;
        let own = if self.kind == Kind::Load { "redshift_load" } else { "redshift_unload" };
        let options = Options::new(request, "redshift").closer(own).group(product.secrets());
        let ids = self.series.ids(request);
        let base = credentials::base(request)?;
        let statement = self.statement(&options, &ids, &base, request)?;
        let s3 = Arc::new(self.s3(&base, None, request));
        let strict = strict::wanted(&options, true)?;
        let strict = strict.then(|| Strict::read(&options, ids)).transpose()?;
        let ran = postgres::within_session(&options, product, request, async |session| match &strict {
            Some(strict) => {
                // It holds the calls to S3, which are large futures.
                let script = Box::pin(statement.run(session, &s3, Doubt::None, request));
                postgres::once(session, strict, product, request, script).await
            }
            None => {
                let ran = statement.run(session, &s3, self.doubt(), request).await;
                ran.map(|()| Ran::Now)
            }
        })?;
        match (ran, &strict) {
            (Ran::Locked, Some(strict)) => {
                let reason = format!("another session is at the same query (`{}`)", strict.own_id());
                return Ok(strict::later(&reason, 1200, request));
            }
            (Ran::Earlier, _) => {
                request.reporter.log(Level::Info, &format!("{} was done by an earlier try", statement.name));
            }
            _ => {}
        }
        self.series.end(&request.task);
        Ok(OperatorOutput::default().into())
    }
}

impl Files {
    /// An UNLOAD may be done twice: the second removes what the first wrote.
    fn doubt(&self) -> Doubt {
        match self.kind {
            Kind::Load => Doubt::Some,
            Kind::Unload => Doubt::None,
        }
    }
}

impl Statement {
    async fn run(
        &self,
        session: &Session,
        s3: &Arc<S3>,
        doubt: Doubt,
        request: &OperatorRequest<'_>,
    ) -> Result<(), OperatorError> {
        for prefix in &self.stale {
            manifest::remove(s3, prefix).await?;
        }
        let script = Script::new(self.text.clone(), None, Product::Redshift.syntax());
        let shown = script.excerpt(0);
        request.reporter.log(Level::Info, &format!("runs `{shown}`"));
        let ran = session.script(&self.text, |_| Ok(())).await;
        ran.map_err(|(_, trouble)| {
            let is_servers = matches!(trouble, Trouble::Server(_));
            let mut error = trouble.during(format!("{} failed", self.name), doubt);
            if is_servers {
                error.causes.push(format!("the statement is `{shown}`"));
            }
            error
        })
    }
}

//! What a seed makes: a workflow, tables, and the way that each of them goes.

use crate::model::random::Random;

/// The database that a table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Mysql,
    Postgresql,
}

/// Which job a workload is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Tables to BigQuery.
    Main,
    /// Tables to Redshift: by `out: redshift`, or to S3 and then by SQL.
    Redshift,
    /// Tables to databases, objects and files.
    Others,
}

/// Where the rows of a table go, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    BigQuery {
        mode: &'static str,
        more: String,
    },
    Redshift {
        mode: &'static str,
    },
    /// To S3, then by COPY into a new table, which takes the place of the old one; `loaded`: by `redshift_load>`.
    Copied {
        by: Loader,
    },
    Postgresql {
        mode: &'static str,
    },
    Mysql {
        mode: &'static str,
    },
    S3,
    Gcs,
    File,
}

/// The operator that copies from S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loader {
    Sql,
    Load,
}

/// One table.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub rows: u32,
    pub engine: Engine,
    pub way: Way,
    /// The target is there already, with a row.
    pub is_there: bool,
    /// By `sh>: embulk run`, not by `embulk>`.
    pub in_shell: bool,
    /// A script notes it in the target, once.
    pub is_noted: bool,
    pub retries: bool,
}

/// How the workflow finds its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A task for each.
    Tasks,
    /// `for_each>` over a list.
    Each,
    /// `for_each>` over what `mysql>` gave.
    Listed,
}

/// A workflow and its tables.
#[derive(Debug, Clone)]
pub struct Workload {
    pub job: Job,
    pub tables: Vec<Table>,
    pub form: Form,
    /// The value of `_parallel`.
    pub parallel: Option<&'static str>,
    /// A task stores a parameter that a later one reads.
    pub stores: bool,
    /// A task stores a secret: it runs again with every retry.
    pub stores_secret: bool,
    /// `s3_put>` at the end.
    pub marks: bool,
    /// Large tables are read in ranges.
    pub in_ranges: bool,
    /// How often a job of BigQuery is asked for before it is done.
    pub polls: u32,
}

/// Every seed has its own.
pub fn workload(seed: u64) -> Workload {
    let random = &mut Random::new(seed);
    let job = [Job::Main, Job::Redshift, Job::Others][usize::try_from(seed % 3).unwrap()];
    let count = random.between(1, if job == Job::Redshift { 3 } else { 4 });
    let tables: Vec<Table> = (0..count).map(|at| table(random, job, at)).collect();
    let has_one_step = tables
        .iter()
        .all(|table| !matches!(table.way, Way::Copied { .. }) && !table.is_noted && !table.in_shell);
    Workload {
        job,
        form: if has_one_step { random.pick(&[Form::Tasks, Form::Each, Form::Listed]) } else { Form::Tasks },
        tables,
        parallel: random.pick(&[None, Some("true"), Some("true"), Some("{limit: 2}")]),
        stores: random.chance(40),
        stores_secret: random.chance(20),
        marks: random.chance(40),
        in_ranges: random.chance(30),
        polls: u32::try_from(random.below(3)).unwrap(),
    }
}

fn table(random: &mut Random, job: Job, at: usize) -> Table {
    let way = match job {
        Job::Main => big_query(random),
        Job::Redshift => match random.below(3) {
            0 => Way::Copied { by: random.pick(&[Loader::Sql, Loader::Load]) },
            _ => Way::Redshift {
                mode: random.pick(&["insert", "insert_direct", "truncate_insert", "replace", "merge"]),
            },
        },
        Job::Others => match random.below(7) {
            0 | 1 => Way::Postgresql {
                mode: random.pick(&["insert", "insert_direct", "truncate_insert", "replace", "merge"]),
            },
            2 | 3 => Way::Mysql {
                mode: random.pick(&["insert", "insert_direct", "truncate_insert", "replace", "merge"]),
            },
            4 => Way::S3,
            5 => Way::Gcs,
            _ => Way::File,
        },
    };
    // COPY needs a table to be like, and `merge` one with a key.
    let must_be_there = matches!(
        way,
        Way::Copied { .. }
            | Way::Redshift { mode: "merge" }
            | Way::Postgresql { mode: "merge" }
            | Way::Mysql { mode: "merge" }
    );
    Table {
        name: format!("t{at}"),
        rows: match random.below(6) {
            0 => 0,
            1 => 1,
            _ => u32::try_from(random.between(2, 300)).unwrap(),
        },
        engine: random.pick(&[Engine::Mysql, Engine::Mysql, Engine::Postgresql]),
        is_there: must_be_there || (way.is_table() && random.chance(50)),
        is_noted: way.is_sql() && random.chance(40),
        way,
        in_shell: random.chance(35),
        retries: random.chance(30),
    }
}

fn big_query(random: &mut Random) -> Way {
    let mode = random.pick(&["replace", "replace", "append", "append_direct", "delete_in_advance"]);
    let format = random.pick(&[
        "",
        "source_format: NEWLINE_DELIMITED_JSON",
        "source_format: CSV",
        "source_format: PARQUET",
    ]);
    let more = [
        if random.chance(60) { "gcs_bucket: staging" } else { "" },
        format,
        if random.chance(40) && !format.ends_with("PARQUET") && !format.is_empty() {
            "compression: GZIP"
        } else {
            ""
        },
        // Through a staging table.
        if random.chance(25) { "max_bad_records: 1" } else { "" },
    ];
    let more: String =
        more.iter().filter(|option| !option.is_empty()).map(|option| format!("  {option}\n")).collect();
    Way::BigQuery { mode, more }
}

impl Workload {
    /// Whether a table goes such a way.
    pub fn has(&self, is_such: impl Fn(&Way) -> bool) -> bool {
        self.tables.iter().any(|table| is_such(&table.way))
    }
}

impl Way {
    pub fn is_redshift(&self) -> bool {
        matches!(self, Self::Redshift { .. } | Self::Copied { .. })
    }

    pub fn is_postgresql(&self) -> bool {
        matches!(self, Self::Postgresql { .. })
    }

    pub fn is_mysql(&self) -> bool {
        matches!(self, Self::Mysql { .. })
    }

    /// The target is a table that a test can make beforehand.
    fn is_table(&self) -> bool {
        self.is_sql()
    }

    /// The target takes SQL.
    pub fn is_sql(&self) -> bool {
        self.is_redshift() || self.is_postgresql() || self.is_mysql()
    }

    /// Old rows stay.
    pub fn adds(&self) -> bool {
        match self {
            Self::BigQuery { mode, .. }
            | Self::Redshift { mode }
            | Self::Postgresql { mode }
            | Self::Mysql { mode } => {
                mode.starts_with("insert") || mode.starts_with("append") || *mode == "merge"
            }
            Self::Copied { .. } | Self::S3 | Self::Gcs | Self::File => false,
        }
    }

    /// BigQuery's stand-in counts rows of Parquet and keeps none.
    pub fn is_counted_only(&self) -> bool {
        matches!(self, Self::BigQuery { more, .. } if more.contains("PARQUET") || !more.contains("source_format"))
    }
}

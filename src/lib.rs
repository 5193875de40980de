//! The map of the house.
//!
//! ```text
//!  argv ──► cli ──────────────────────────────────────────────────────► exit code
//!  .dig text ─► dig ─Workflow─► plan ─Plan─► run ─RunEvent─► state ─► report
//!  .yml.liquid ─► embulk ─EmbulkConfig──────┤
//!                                           ▼ one transfer per table
//!                      transfer: input ─Page─► filters ─Page─► output
//! ```
//!
//! * The hall: [`diagnostic`], [`rules`], [`session`], [`shell`], [`random`], [`exit`], [`reader`], [`yaml`]: words that
//!   every room shares; [`program`]: the name that it was called by.
//! * [`dig`] and [`embulk`] turn text into checked values and touch nothing else.
//! * [`lint`] finds what is written correctly and probably not meant.
//! * [`plan`] decides, [`run`] acts, and only [`run`] waits for time.
//! * [`policy`] says which columns may leave their source, and as what; it sees names and no rows.
//! * [`transfer`] moves rows: input, filters, output, in columnar pages. Nothing above it ever sees a row.
//! * [`cloud`] is the wires: AWS and Google over HTTP, the protocol of MySQL. [`secret`] is the safe.
//! * [`timer`] turns a schedule into units, crontab lines and manifests.
//! * [`state`] is the archive: SQLite. [`report`] is what people see.
//! * [`cli`] opens the doors and knows every room; nobody knows it.
//!
//! # Files on the user's disk
//!
//! | file | who reads | who writes |
//! |---|---|---|
//! | `*.dig`, `*.yml.liquid`, templates | `dig`, `embulk` through a [`reader::Reader`] | people |
//! | `policy.yml` | `policy`, through `cli` | people |
//! | `secrets.yml` | `secret` | `sync secrets`, people |
//! | `.sync/state.db` | `state` | `state` |
//! | `.sync/state.db-attempt-<attempt>.lock`, with the progress of its transfers | `state` | `state` |
//! | `.sync/logs/<session>/<attempt>/<task>.log` | `sync log` | `report::tasklog` |
//! | `.sync/logs/<session>/<attempt>/report.json` | `sync report`, programs | `report::tasklog` |
//! | `.sync/logs/<session>/<attempt>/report.html` | people, in a browser | `report::tasklog` |
//! | `.sync/tmp/` | tasks | `run` |
//! | `~/.config/digdag/config`, `-c FILE` | `cli` | people |

pub mod cli;
pub mod cloud;
pub mod diagnostic;
pub mod dig;
pub mod embulk;
pub mod exit;
pub mod lint;
pub mod plan;
pub mod policy;
pub mod program;
pub mod random;
pub mod reader;
pub mod report;
pub mod rules;
pub mod run;
pub mod secret;
pub mod session;
pub mod shell;
pub mod state;
pub mod timer;
pub mod transfer;
pub mod yaml;

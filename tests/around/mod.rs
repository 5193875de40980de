//! What stands around a nightly run: its report for programs, the marker and the call that start the next system, and
//! the tables that nobody reads.

mod handover;
mod markers;
mod report_uploads;
mod reports;
mod unused;
mod unused_redshift;

//! The archive: SQLite. Every event is committed here before anyone is told.

//! What the columns of a table hold, exactly, and how Embulk would have seen them.
//!
//! The exact type keeps what Embulk's six types lose (digits, wall clocks, bytes), so that each output can give
//! either Embulk's result or the exact one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::embulk::config::EmbulkType;

/// The columns of a table or query, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// In the order of the rows.
    pub columns: Vec<Column>,
    /// The zones that wall clocks of this source are read in.
    pub zones: Zones,
}

/// Zones that turn the wall clocks of a source into instants, as Embulk does it.
#[derive(Debug, Clone, PartialEq)]
pub struct Zones {
    /// The server's zone: DATETIME is an instant in it.
    pub server: TimeZone,
    /// The zone of the process (Embulk: of the JVM): DATE and YEAR are instants in it.
    pub process: TimeZone,
    /// The zone that TIME is an instant in: the process's, but the server's where Embulk reads MySQL's text protocol.
    pub clock: TimeZone,
    /// What is kept of a TIME that becomes an instant.
    pub time: TimeDetail,
}

/// What Embulk's driver keeps of a TIME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeDetail {
    /// Whole seconds, without sign, hours modulo 24: MySQL's.
    Seconds,
    /// Milliseconds: PostgreSQL's.
    Milliseconds,
}

impl Zones {
    /// What tells them from other zones.
    pub fn mark(&self) -> String {
        let name = |zone: &TimeZone| zone.iana_name().map_or_else(|| format!("{zone:?}"), str::to_owned);
        let zones = [&self.server, &self.process, &self.clock].map(name);
        format!("{} {:?}", zones.join(" "), self.time)
    }

    /// Everything in UTC.
    pub fn utc() -> Self {
        Self {
            server: TimeZone::UTC,
            process: TimeZone::UTC,
            clock: TimeZone::UTC,
            time: TimeDetail::Seconds,
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name or label, as the source gives it.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
    /// Bytes that a value takes at most, as the source declares it: of a text in UTF-8, of whole numbers as the source
    /// stores them (an unsigned one as the signed one that holds it). None: nothing is known.
    pub octets: Option<u32>,
}

/// What a column holds. The word in brackets is the buffer of [`super::page::Buffer`] that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnType {
    /// A number that its owner calls boolean: TINYINT(1), BIT(1), BOOLEAN. The number is kept \[Long\].
    Boolean,
    /// True and false and nothing else, as 1 and 0: PostgreSQL's BOOLEAN \[Long\].
    Flag,
    /// A signed integer of 64 bits or less \[Long\].
    Long,
    /// BIGINT UNSIGNED \[UnsignedLong\].
    UnsignedLong,
    /// A float of 32 bits \[Double\], widened; its shortest text is that of the 32-bit number.
    Float,
    /// A float of 64 bits \[Double\].
    Double,
    /// Decimal digits as the source writes them \[Text\].
    Decimal {
        /// Digits in all; above 76 there is no limit, and none after the point.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Text in UTF-8 \[Text\].
    String,
    /// Bytes \[Text\].
    Bytes,
    /// JSON text \[Text\].
    Json,
    /// Days since 1970-01-01, proleptic Gregorian \[Long\].
    Date,
    /// A wall clock without zone: microseconds since 1970-01-01T00:00:00 of that clock \[Long\].
    DateTime,
    /// An instant: microseconds since 1970-01-01T00:00:00Z \[Long\].
    Timestamp,
    /// A time of day or a span of hours, with sign, in microseconds \[Long\].
    Time,
    /// A year; 0 is MySQL's `0000` \[Long\].
    Year,
    /// BIT(n) with n above 1: the bits as a number \[UnsignedLong\].
    Bit {
        /// Number of bits, 2 to 64.
        width: u8,
    },
}

impl ColumnType {
    /// How Embulk's JDBC inputs present such a column. Bytes are text there once they are allowed at all.
    pub fn embulk(self) -> EmbulkType {
        match self {
            Self::Boolean | Self::Flag | Self::Bit { .. } => EmbulkType::Boolean,
            Self::Long | Self::UnsignedLong => EmbulkType::Long,
            Self::Float | Self::Double | Self::Decimal { .. } => EmbulkType::Double,
            Self::String | Self::Bytes => EmbulkType::String,
            Self::Json => EmbulkType::Json,
            Self::Date | Self::DateTime | Self::Timestamp | Self::Time | Self::Year => EmbulkType::Timestamp,
        }
    }

    /// The zone that its wall clocks are in, as Embulk reads them; none for what has no wall clock.
    pub fn source_zone(self, zones: &Zones) -> Option<&TimeZone> {
        match self {
            Self::DateTime => Some(&zones.server),
            Self::Time => Some(&zones.clock),
            Self::Date | Self::Year => Some(&zones.process),
            _ => None,
        }
    }

    /// Which buffer carries the values.
    pub fn storage(self) -> Storage {
        match self {
            Self::Boolean
            | Self::Flag
            | Self::Long
            | Self::Date
            | Self::DateTime
            | Self::Timestamp
            | Self::Time
            | Self::Year => Storage::Long,
            Self::UnsignedLong | Self::Bit { .. } => Storage::UnsignedLong,
            Self::Float | Self::Double => Storage::Double,
            Self::Decimal { .. } | Self::String | Self::Bytes | Self::Json => Storage::Text,
        }
    }

    /// A word for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Boolean | Self::Flag => "boolean",
            Self::Long => "integer",
            Self::UnsignedLong => "unsigned integer",
            Self::Float => "float",
            Self::Double => "double",
            Self::Decimal { .. } => "decimal",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Json => "json",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Timestamp => "timestamp",
            Self::Time => "time",
            Self::Year => "year",
            Self::Bit { .. } => "bit",
        }
    }
}

/// The physical form of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    Long,
    UnsignedLong,
    Double,
    Text,
}

impl Schema {
    /// A schema behind a shared pointer, as pages hold it.
    pub fn new(columns: Vec<Column>, zones: Zones) -> Arc<Self> {
        Arc::new(Self { columns, zones })
    }

    /// A name that two columns share, if any: objects and named fields can hold it only once.
    pub fn shared_name(&self) -> Option<&str> {
        let mut seen = HashSet::new();
        let mut names = self.columns.iter().map(|column| column.name.as_str());
        names.find(|name| !seen.insert(*name))
    }

    /// Where the columns are by their exact names, for those who ask of many; of equal names the first.
    pub fn positions(&self) -> HashMap<&str, usize> {
        let mut positions = HashMap::with_capacity(self.columns.len());
        for (at, column) in self.columns.iter().enumerate() {
            positions.entry(column.name.as_str()).or_insert(at);
        }
        positions
    }

    /// Where a column of this exact name is. Takes as long as there are columns.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, octets: None }
    }

    /// The same, whose values take so many bytes at most.
    #[must_use]
    pub fn within(self, octets: Option<u32>) -> Self {
        Self { octets, ..self }
    }
}

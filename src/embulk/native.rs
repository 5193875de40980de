//! The plugins that are part of the program, by kind: what a `type:` may name.

/// Of `in:`.
pub const INPUTS: [&str; 5] = ["mysql", "postgresql", "sqlite", "file", "s3"];
/// Of `parser:`.
pub const PARSERS: [&str; 3] = ["csv", "json", "jsonl"];
/// Of `decoders:`.
pub const DECODERS: [&str; 2] = ["gzip", "bzip2"];
/// Of `out:`.
pub const OUTPUTS: [&str; 8] =
    ["bigquery", "bigquery_java", "file", "s3", "gcs", "postgresql", "mysql", "redshift"];
/// Of `formatter:`.
pub const FORMATTERS: [&str; 4] = ["csv", "jsonl", "json", "parquet"];
/// Of `encoders:`.
pub const ENCODERS: [&str; 3] = ["gzip", "bzip2", "zstd"];

pub use super::bind::filter_names as filters;

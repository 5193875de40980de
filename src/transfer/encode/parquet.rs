//! Parquet: zstd at its fastest unless a reader knows gzip only, no statistics, dictionaries only for columns whose first page repeats itself.
//!
//! Rows are gathered as they come, and encoded column by column when they are enough for a row group: what an encoder
//! of a column and its compression take (hundreds of KiB) is taken once, not once per column.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{Field, FieldRef, Schema as ArrowSchema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::arrow::{ArrowColumn, ParquetType};
use super::gathered::Gathered;
use crate::embulk::config::TypeMapping;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Buffer, Page, Texts};
use crate::transfer::schema::Schema;

/// Bytes of values that make a row group: what a writer holds before it can write.
pub const ROW_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Bytes an encoder holds at most: the values of a row group, and of one column, which may be all of them, the array
/// that they become and what that is encoded to.
pub const MEMORY_BYTES: usize = 3 * ROW_GROUP_BYTES;
/// Columns that a file may have. Each takes some KiB in the schema, and some hundred bytes with every row group, until
/// the file has ended. Tables of MySQL have up to 4,096, of BigQuery up to 10,000.
const MOST_COLUMNS: usize = 10_000;
/// A text column gets a dictionary when its first page has this many rows per distinct text, at least.
const REPEATS: usize = 8;

/// Writes a Parquet file into a sink.
pub struct ParquetEncoder<W: Write + Send> {
    fields: Arc<ArrowSchema>,
    columns: Vec<ArrowColumn>,
    gathered: Gathered,
    packing: Packing,
    state: State<W>,
}

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// zstd at its fastest.
    Zstd,
    /// gzip at its fastest, for readers that do not know zstd.
    Gzip,
}

/// The writer exists from the first page on, which decides about dictionaries.
enum State<W: Write + Send> {
    Waiting(W),
    Writing(Box<SerializedFileWriter<W>>),
    /// Only while one becomes the other, or after that failed.
    Broken,
}

impl<W: Write + Send> ParquetEncoder<W> {
    /// An encoder with the types that go with a mapping.
    pub fn new(schema: &Schema, types: TypeMapping, sink: W) -> Result<Self, TransferError> {
        let types = schema.columns.iter().map(|column| ParquetType::of(column.kind, types));
        Self::with_types(schema, types.collect(), sink)
    }

    /// An encoder with one type per column. Refuses more columns than memory has room for.
    pub fn with_types(schema: &Schema, types: Vec<ParquetType>, sink: W) -> Result<Self, TransferError> {
        if schema.columns.len() > MOST_COLUMNS {
            let count = schema.columns.len();
            let message =
                format!("the rows have {count} columns, and a Parquet file has {MOST_COLUMNS} at most");
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("leave columns out, or write another format"));
        }
        let columns: Vec<ArrowColumn> = schema
            .columns
            .iter()
            .zip(types)
            .map(|(column, target)| ArrowColumn::new(column, target, &schema.zones))
            .collect();
        let fields: Vec<Field> = schema
            .columns
            .iter()
            .zip(&columns)
            .map(|(column, arrow)| Field::new(&column.name, arrow.data_type(), true))
            .collect();
        let gathered = Gathered::new(schema);
        Ok(Self {
            fields: Arc::new(ArrowSchema::new(fields)),
            columns,
            gathered,
            packing: Packing::Zstd,
            state: State::Waiting(sink),
        })
    }

    /// The same with columns, by their places, that are REQUIRED in the file: no row may have a NULL there.
    #[must_use]
    pub fn requiring(mut self, required: &[usize]) -> Self {
        let fields = self.fields.fields().iter().enumerate();
        let fields: Vec<Field> =
            fields.map(|(at, field)| field.as_ref().clone().with_nullable(!required.contains(&at))).collect();
        self.fields = Arc::new(ArrowSchema::new(fields));
        self
    }

    /// The same with pages that are compressed in another way.
    #[must_use]
    pub fn packed(mut self, packing: Packing) -> Self {
        self.packing = packing;
        self
    }

    /// Takes the rows of a page. Those before them that make a row group go to the sink.
    pub fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        self.writer(|| page.columns.iter().map(|column| repeats_itself(&column.data)).collect())?;
        self.gathered.add(page)?;
        // Also what a large row takes is given back before the next page.
        if self.gathered.bytes >= ROW_GROUP_BYTES { self.flush() } else { Ok(()) }
    }

    /// Ends the row group that fills, if it has rows.
    pub fn flush(&mut self) -> Result<(), TransferError> {
        if self.gathered.rows == 0 {
            return Ok(());
        }
        let State::Writing(writer) = &mut self.state else { return Err(broken()) };
        let properties = Arc::clone(writer.properties());
        let mut group = writer.next_row_group().map_err(|error| unwritable(&error))?;
        let columns = self.columns.iter_mut().zip(self.fields.fields());
        for (at, (arrow, field)) in columns.enumerate() {
            let gathered = &self.gathered;
            let (buffer, column) = (&gathered.columns[at], &gathered.schema[at]);
            let array = arrow.array(buffer, column, |row| gathered.number(row))?;
            let chunk = encoded(field, &array, &properties).map_err(|error| unwritable(&error))?;
            drop(array);
            chunk.append_to_row_group(&mut group).map_err(|error| unwritable(&error))?;
        }
        group.close().map_err(|error| unwritable(&error))?;
        self.gathered.clear();
        Ok(())
    }

    /// How many values of each column were written as NULL because they did not fit, in the row groups that have ended.
    pub fn null_counts(&self) -> Vec<u64> {
        self.columns.iter().map(ArrowColumn::null_count).collect()
    }

    /// Ends the file and gives the sink back.
    pub fn finish(mut self) -> Result<W, TransferError> {
        let columns = self.columns.len();
        self.writer(|| vec![false; columns])?;
        self.flush()?;
        match self.state {
            State::Writing(writer) => writer.into_inner().map_err(|error| unwritable(&error)),
            State::Waiting(sink) => Ok(sink),
            State::Broken => Err(broken()),
        }
    }

    /// The writer is made when it is first needed, with the columns that get a dictionary.
    fn writer(&mut self, dictionaries: impl FnOnce() -> Vec<bool>) -> Result<(), TransferError> {
        if let State::Waiting(_) = self.state
            && let State::Waiting(sink) = std::mem::replace(&mut self.state, State::Broken)
        {
            let properties = Arc::new(properties(&self.fields, &dictionaries(), self.packing));
            let writer = file_writer(&self.fields, &properties, sink).map_err(|error| unwritable(&error))?;
            self.state = State::Writing(Box::new(writer));
        }
        Ok(())
    }
}

fn file_writer<W: Write + Send>(
    fields: &ArrowSchema,
    properties: &WriterPropertiesPtr,
    sink: W,
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let schema = ArrowSchemaConverter::new().convert(fields)?;
    SerializedFileWriter::new(sink, schema.root_schema_ptr(), Arc::clone(properties))
}

/// The values of one column as they go into a row group. The library makes the encoders of all columns of a schema at
/// once, each with its compression: here the schema is this column.
fn encoded(
    field: &FieldRef,
    array: &ArrayRef,
    properties: &WriterPropertiesPtr,
) -> Result<ArrowColumnChunk, ParquetError> {
    let fields = Arc::new(ArrowSchema::new(vec![Arc::clone(field)]));
    let file = file_writer(&fields, properties, io::sink())?;
    let mut writers = ArrowRowGroupWriterFactory::new(&file, fields).create_column_writers(0)?;
    let Some(mut writer) = writers.pop() else {
        return Err(ParquetError::General("a column has no writer".to_owned()));
    };
    for leaf in compute_leaves(field, array)? {
        writer.write(&leaf)?;
    }
    writer.close()
}

fn properties(fields: &ArrowSchema, dictionaries: &[bool], packing: Packing) -> WriterProperties {
    let compression = match packing {
        Packing::Zstd => Compression::ZSTD(ZstdLevel::default()),
        // 1 is a level of gzip.
        Packing::Gzip => Compression::GZIP(GzipLevel::try_new(1).unwrap_or_default()),
    };
    let mut builder = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("sync ", env!("CARGO_PKG_VERSION")).to_owned());
    for (field, dictionary) in fields.fields().iter().zip(dictionaries) {
        if *dictionary {
            // A path of one part: a name with points in it is one name.
            let path = ColumnPath::new(vec![field.name().clone()]);
            builder = builder.set_column_dictionary_enabled(path, true);
        }
    }
    builder.build()
}

fn repeats_itself(data: &Buffer) -> bool {
    let Buffer::Text(texts) = data else { return false };
    let rows = texts.ends().len();
    let limit = rows / REPEATS;
    rows >= REPEATS && distinct_below(texts, limit)
}

fn distinct_below(texts: &Texts, limit: usize) -> bool {
    let mut seen = HashSet::new();
    (0..texts.ends().len()).all(|row| {
        seen.insert(texts.get(row));
        seen.len() <= limit
    })
}

fn unwritable(error: &ParquetError) -> TransferError {
    TransferError::new(ErrorKind::Storage, "the Parquet file could not be written").caused_by(error)
}

fn broken() -> TransferError {
    TransferError::new(ErrorKind::Internal, "the Parquet file was not begun")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::page::ColumnBuffer;
    use crate::transfer::schema::{Column, ColumnType, Zones};
    use arrow_array::RecordBatch;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{
        Date32Type, Decimal128Type, Decimal256Type, Float32Type, Int16Type, Int32Type, Int64Type,
        Time64MicrosecondType, TimestampMicrosecondType,
    };
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::metadata::RowGroupMetaData;

    fn page(kinds: &[ColumnType], fill: impl FnOnce(&mut Page)) -> Page {
        let columns = kinds.iter().enumerate().map(|(at, kind)| Column::new(format!("c{at}"), *kind));
        let mut page = Page::new(&Schema::new(columns.collect(), Zones::utc()));
        fill(&mut page);
        page.columns.iter_mut().for_each(ColumnBuffer::push_null);
        page.rows = page.columns[0].len();
        page
    }

    fn round(page: &Page, types: TypeMapping) -> Vec<RecordBatch> {
        let mut encoder = ParquetEncoder::new(&page.schema, types, Vec::new()).unwrap();
        if page.rows > 0 {
            encoder.write(page).unwrap();
        }
        let file = Bytes::from(encoder.finish().unwrap());
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
    }

    const KINDS: [ColumnType; 12] = [
        ColumnType::Boolean,
        ColumnType::Long,
        ColumnType::UnsignedLong,
        ColumnType::Float,
        ColumnType::Decimal { precision: 12, scale: 2 },
        ColumnType::Decimal { precision: 65, scale: 30 },
        ColumnType::String,
        ColumnType::Bytes,
        ColumnType::Date,
        ColumnType::DateTime,
        ColumnType::Timestamp,
        ColumnType::Time,
    ];

    fn filled() -> Page {
        page(&KINDS, |page| {
            let texts: [&[u8]; 4] = [b"-12.5", b"1.5", "日本😀".as_bytes(), &[0xff, 0]];
            assert!(page.columns[0].push_long(1));
            assert!(page.columns[1].push_long(i64::MIN));
            assert!(page.columns[2].push_unsigned(u64::MAX));
            assert!(page.columns[3].push_double(f64::from(1.2345_f32)));
            for (at, text) in texts.iter().enumerate() {
                assert!(page.columns[4 + at].push_text(text));
            }
            for at in 8..12 {
                assert!(page.columns[at].push_long(16_590));
            }
        })
    }

    #[test]
    fn exact_types_keep_every_value() {
        let batches = round(&filled(), TypeMapping::Exact);
        let batch = &batches[0];
        assert_eq!(batch.num_rows(), 2);
        assert!(batch.columns().iter().all(|column| column.is_null(1)));
        assert!(batch.column(0).as_boolean().value(0));
        assert_eq!(batch.column(1).as_primitive::<Int64Type>().value(0), i64::MIN);
        assert_eq!(batch.column(2).as_primitive::<Decimal128Type>().value(0), i128::from(u64::MAX));
        assert!((batch.column(3).as_primitive::<Float32Type>().value(0) - 1.2345).abs() < f32::EPSILON);
        assert_eq!(batch.column(4).as_primitive::<Decimal128Type>().value_as_string(0), "-12.50");
        assert_eq!(
            batch.column(5).as_primitive::<Decimal256Type>().value_as_string(0),
            "1.500000000000000000000000000000"
        );
        assert_eq!(batch.column(6).as_string::<i32>().value(0), "日本😀");
        assert_eq!(batch.column(7).as_binary::<i32>().value(0), [0xff, 0]);
        assert_eq!(batch.column(8).as_primitive::<Date32Type>().value(0), 16_590);
        assert_eq!(batch.column(9).as_primitive::<TimestampMicrosecondType>().value(0), 16_590);
        assert_eq!(batch.column(10).as_primitive::<TimestampMicrosecondType>().value(0), 16_590);
        assert_eq!(batch.column(11).as_primitive::<Time64MicrosecondType>().value(0), 16_590);
        assert_eq!(batch.schema().field(10).data_type().to_string(), "Timestamp(µs, \"UTC\")");
        assert_eq!(batch.schema().field(9).data_type().to_string(), "Timestamp(µs)");
    }

    #[test]
    fn narrow_numbers_and_gzip_are_there_for_readers_that_convert_nothing() {
        let page = page(&[ColumnType::Long, ColumnType::Long], |page| {
            assert!(page.columns[0].push_long(-32_768));
            assert!(page.columns[1].push_long(2_147_483_647));
        });
        let types = || vec![ParquetType::Short, ParquetType::Integer];
        let encoder = ParquetEncoder::with_types(&page.schema, types(), Vec::new()).unwrap();
        let mut encoder = encoder.packed(Packing::Gzip);
        encoder.write(&page).unwrap();
        let file = Bytes::from(encoder.finish().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let group = reader.metadata().row_group(0);
        assert!(group.columns().iter().all(|column| matches!(column.compression(), Compression::GZIP(_))));
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int16Type>().value(0), -32_768);
        assert_eq!(batch.column(1).as_primitive::<Int32Type>().value(0), 2_147_483_647);
        let mut beyond = page.clone();
        beyond.columns[0].clear();
        assert!(beyond.columns[0].push_long(32_768));
        beyond.columns[0].push_null();
        let mut encoder = ParquetEncoder::with_types(&page.schema, types(), Vec::new()).unwrap();
        encoder.write(&beyond).unwrap();
        assert_eq!(
            encoder.finish().unwrap_err().to_string(),
            "column `c0`, row 1: a value is beyond the limits of its column"
        );
    }

    #[test]
    fn a_table_without_rows_is_a_file_with_its_columns() {
        let empty = Page::new(&filled().schema);
        let mut encoder = ParquetEncoder::new(&empty.schema, TypeMapping::Exact, Vec::new()).unwrap();
        let _ = &mut encoder;
        let file = Bytes::from(encoder.finish().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert_eq!(reader.schema().fields().len(), 12);
        assert_eq!(reader.build().unwrap().count(), 0);
    }

    /// Pages of one column of integers, whose rows have these first numbers in the transfer.
    fn longs(firsts: &[u64], value: impl Fn(usize) -> u64) -> Vec<Page> {
        let schema = Schema::new(vec![Column::new("n", ColumnType::UnsignedLong)], Zones::utc());
        let page = |first: &u64| {
            let mut page = Page::new(&schema);
            page.rows = crate::transfer::page::PAGE_BYTES / 8;
            page.first_row = *first;
            (0..page.rows).for_each(|row| assert!(page.columns[0].push_unsigned(value(row))));
            page
        };
        firsts.iter().map(page).collect()
    }

    #[test]
    fn a_row_group_goes_out_when_its_values_are_enough_and_no_more_is_held() {
        let pages = longs(&[0; 70], |row| row as u64);
        let schema = &pages[0].schema;
        let mut encoder = ParquetEncoder::new(schema, TypeMapping::Exact, Vec::new()).unwrap();
        let mut sent = 0;
        for page in &pages {
            encoder.write(page).unwrap();
            let State::Writing(writer) = &encoder.state else { panic!("nothing is written") };
            assert!(encoder.gathered.bytes < ROW_GROUP_BYTES);
            let Buffer::UnsignedLong(values) = &encoder.gathered.columns[0].data else {
                panic!("no numbers")
            };
            assert_eq!(values.len() * 8, encoder.gathered.bytes);
            assert!(values.capacity() * 8 <= MEMORY_BYTES);
            sent = writer.bytes_written();
        }
        assert!(sent > 0);
        let file = Bytes::from(encoder.finish().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let groups: Vec<i64> =
            reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
        let rows = (ROW_GROUP_BYTES / 8) as i64;
        assert_eq!(groups, [rows, rows, pages[0].rows as i64 * 70 - 2 * rows]);
        let mut next = (0..pages.len()).flat_map(|_| 0..pages[0].rows);
        for batch in reader.build().unwrap() {
            let values = batch.unwrap();
            let values = values.column(0).as_primitive::<Decimal128Type>();
            assert!(values.values().iter().all(|value| *value == next.next().unwrap() as i128));
        }
        assert_eq!(next.next(), None);
    }

    #[test]
    fn a_value_that_does_not_fit_has_the_number_that_its_page_gives() {
        let pages = longs(&[0, 1_000_000, 5_000_000], |row| if row == 7 { u64::MAX } else { 1 });
        for (at, number) in [(0, 8), (1, 1_000_008), (2, 5_000_008)] {
            let fits = longs(&[0, 1_000_000, 5_000_000], |_| 1);
            let mut encoder =
                ParquetEncoder::with_types(&pages[0].schema, vec![ParquetType::Long], Vec::new()).unwrap();
            for page in 0..3 {
                encoder.write(if page == at { &pages[page] } else { &fits[page] }).unwrap();
            }
            assert_eq!(
                encoder.finish().unwrap_err().to_string(),
                format!(
                    "column `n`, row {number}: a value is above 9223372036854775807, the limit of an integer"
                )
            );
        }
    }

    #[test]
    fn more_columns_than_memory_has_room_for_are_refused() {
        let columns = (0..=MOST_COLUMNS).map(|at| Column::new(format!("c{at}"), ColumnType::Long));
        let schema = Schema::new(columns.collect(), Zones::utc());
        let error = ParquetEncoder::new(&schema, TypeMapping::Exact, Vec::new()).err().unwrap();
        assert_eq!(error.to_string(), "the rows have 10001 columns, and a Parquet file has 10000 at most");
        assert_eq!(error.remedy(), Some("leave columns out, or write another format"));
    }

    #[test]
    fn repetition_decides_about_dictionaries() {
        let mut few = Texts::default();
        let mut many = Texts::default();
        for at in 0..1000 {
            few.push(if at % 2 == 0 { b"paid" } else { b"sent" });
            many.push(at.to_string().as_bytes());
        }
        assert!(repeats_itself(&Buffer::Text(few)));
        assert!(!repeats_itself(&Buffer::Text(many)));
        assert!(!repeats_itself(&Buffer::Long(vec![1; 1000])));
    }
}

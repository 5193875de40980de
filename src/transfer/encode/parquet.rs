//! Parquet: zstd at its fastest, no statistics, dictionaries only for columns whose first page repeats itself.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema as ArrowSchema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::arrow::{ArrowColumn, ParquetType};
use crate::embulk::config::TypeMapping;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Buffer, Page, Texts};
use crate::transfer::schema::Schema;

/// Encoded bytes of a row group: what a writer holds before it can write.
const ROW_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Bytes an encoder holds at most: a row group, the page being converted, and zstd's own.
pub const MEMORY_BYTES: usize = 3 * ROW_GROUP_BYTES;
/// A text column gets a dictionary when its first page has this many rows per distinct text, at least.
const REPEATS: usize = 8;

/// Writes a Parquet file into a sink.
pub struct ParquetEncoder<W: Write + Send> {
    fields: Arc<ArrowSchema>,
    columns: Vec<ArrowColumn>,
    state: State<W>,
}

/// The writer exists from the first page on, which decides about dictionaries.
enum State<W: Write + Send> {
    Waiting(W),
    Writing(Box<ArrowWriter<W>>),
    /// Only while one becomes the other, or after that failed.
    Broken,
}

impl<W: Write + Send> ParquetEncoder<W> {
    /// An encoder with the types that go with a mapping.
    pub fn new(schema: &Schema, types: TypeMapping, sink: W) -> Result<Self, TransferError> {
        let types = schema.columns.iter().map(|column| ParquetType::of(column.kind, types));
        Self::with_types(schema, types.collect(), sink)
    }

    /// An encoder with one type per column.
    pub fn with_types(schema: &Schema, types: Vec<ParquetType>, sink: W) -> Result<Self, TransferError> {
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
        Ok(Self { fields: Arc::new(ArrowSchema::new(fields)), columns, state: State::Waiting(sink) })
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

    /// Writes the rows of a page.
    pub fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let arrays = page.columns.iter().zip(&mut self.columns).zip(&page.schema.columns);
        let arrays = arrays
            .map(|((buffer, arrow), column)| arrow.array(buffer, column, page.first_row))
            .collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.fields), arrays).map_err(|error| faulty(&error))?;
        let dictionaries = || page.columns.iter().map(|column| repeats_itself(&column.data)).collect();
        self.writer(dictionaries)?.write(&batch).map_err(|error| unwritable(&error))
    }

    /// How many values of each column were written as NULL because they did not fit.
    pub fn null_counts(&self) -> Vec<u64> {
        self.columns.iter().map(ArrowColumn::null_count).collect()
    }

    /// Ends the file and gives the sink back.
    pub fn finish(mut self) -> Result<W, TransferError> {
        let columns = self.columns.len();
        self.writer(|| vec![false; columns])?;
        match self.state {
            State::Writing(writer) => writer.into_inner().map_err(|error| unwritable(&error)),
            State::Waiting(sink) => Ok(sink),
            State::Broken => Err(broken()),
        }
    }

    /// The writer; made when it is first asked for, with the columns that get a dictionary.
    fn writer(
        &mut self,
        dictionaries: impl FnOnce() -> Vec<bool>,
    ) -> Result<&mut ArrowWriter<W>, TransferError> {
        if let State::Waiting(_) = self.state
            && let State::Waiting(sink) = std::mem::replace(&mut self.state, State::Broken)
        {
            let options = ArrowWriterOptions::new()
                .with_properties(properties(&self.fields, &dictionaries()))
                .with_skip_arrow_metadata(true);
            let writer = ArrowWriter::try_new_with_options(sink, Arc::clone(&self.fields), options)
                .map_err(|error| unwritable(&error))?;
            self.state = State::Writing(Box::new(writer));
        }
        match &mut self.state {
            State::Writing(writer) => Ok(writer),
            State::Waiting(_) | State::Broken => Err(broken()),
        }
    }
}

fn properties(fields: &ArrowSchema, dictionaries: &[bool]) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("sync ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES));
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

fn unwritable(error: &parquet::errors::ParquetError) -> TransferError {
    TransferError::new(ErrorKind::Storage, "the Parquet file could not be written").caused_by(error)
}

fn faulty(error: &arrow_schema::ArrowError) -> TransferError {
    TransferError::new(ErrorKind::Internal, "a page does not go with its schema").caused_by(error)
}

fn broken() -> TransferError {
    TransferError::new(ErrorKind::Internal, "the Parquet file was not begun")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::page::ColumnBuffer;
    use crate::transfer::schema::{Column, ColumnType, Zones};
    use arrow_array::cast::AsArray;
    use arrow_array::types::{
        Date32Type, Decimal128Type, Decimal256Type, Float32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    };
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

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
    fn a_table_without_rows_is_a_file_with_its_columns() {
        let empty = Page::new(&filled().schema);
        let mut encoder = ParquetEncoder::new(&empty.schema, TypeMapping::Exact, Vec::new()).unwrap();
        let _ = &mut encoder;
        let file = Bytes::from(encoder.finish().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert_eq!(reader.schema().fields().len(), 12);
        assert_eq!(reader.build().unwrap().count(), 0);
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

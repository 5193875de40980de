//! Columns of a page as Arrow arrays: which Parquet type each has, and how its values become that.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{Decimal128Type, Decimal256Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, PrimitiveArray, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, TimeUnit};

use super::cell::{CellWriter, is_true};
use super::{Converted, Form, Rendering, Unfit, unfit};
use crate::embulk::config::TypeMapping;
use crate::transfer::civil::DAY;
use crate::transfer::error::TransferError;
use crate::transfer::page::{Buffer, ColumnBuffer, Texts};
use crate::transfer::schema::{Column, ColumnType, Zones};

/// The type of a Parquet column.
#[derive(Debug, Clone)]
pub enum ParquetType {
    /// BOOLEAN by Embulk's rule: -1 and numbers above 0 are true.
    Boolean,
    /// BOOLEAN of 0 and 1; other numbers do not fit.
    Flag,
    /// INT32 for 16 bits; other numbers do not fit.
    Short,
    /// INT32; other numbers do not fit.
    Integer,
    /// INT64; unsigned numbers above its limit do not fit.
    Long,
    /// FLOAT.
    Float,
    /// DOUBLE; decimals to the nearest.
    Double,
    /// DECIMAL, with up to 76 digits.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// STRING of UTF-8 text.
    String,
    /// BYTE_ARRAY.
    Bytes,
    /// DATE.
    Date,
    /// TIMESTAMP in microseconds, of a wall clock.
    DateTime,
    /// TIMESTAMP in microseconds, an instant; wall clocks become instants in the zones of the schema.
    Timestamp,
    /// TIME in microseconds, a time of day; other spans do not fit.
    Time,
    /// STRING with the text that a rendering gives.
    Rendered(Rendering),
}

impl ParquetType {
    /// The type under a mapping.
    pub fn of(kind: ColumnType, types: TypeMapping) -> Self {
        match types {
            TypeMapping::Exact => Self::exact(kind),
            TypeMapping::Embulk => Self::embulk(kind),
        }
    }

    /// The type that keeps every value.
    pub fn exact(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean | ColumnType::Flag => Self::Flag,
            ColumnType::Long | ColumnType::Year => Self::Long,
            ColumnType::UnsignedLong => Self::Decimal { precision: 20, scale: 0 },
            ColumnType::Bit { width: 64 } => Self::Decimal { precision: 20, scale: 0 },
            ColumnType::Bit { .. } => Self::Long,
            ColumnType::Float => Self::Float,
            ColumnType::Double => Self::Double,
            ColumnType::Decimal { precision: 77.., .. } => Self::Rendered(Rendering::quoted(Form::Digits)),
            ColumnType::Decimal { precision, scale } => Self::Decimal { precision, scale },
            ColumnType::String => Self::String,
            ColumnType::Json => Self::Rendered(Rendering::bare(Form::Json)),
            ColumnType::Bytes => Self::Bytes,
            ColumnType::Date => Self::Date,
            ColumnType::DateTime => Self::DateTime,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::Time => Self::Time,
        }
    }

    /// The type that stands for Embulk's.
    pub fn embulk(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean | ColumnType::Flag | ColumnType::Bit { .. } => Self::Boolean,
            ColumnType::Long | ColumnType::UnsignedLong => Self::Long,
            ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. } => Self::Double,
            ColumnType::String | ColumnType::Bytes => Self::String,
            ColumnType::Json => Self::Rendered(Rendering::bare(Form::Json)),
            ColumnType::Date
            | ColumnType::DateTime
            | ColumnType::Timestamp
            | ColumnType::Time
            | ColumnType::Year => Self::Timestamp,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Boolean | Self::Flag => DataType::Boolean,
            Self::Short => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal { precision, scale } if *precision <= 38 => {
                DataType::Decimal128(*precision, (*scale).min(38) as i8)
            }
            Self::Decimal { precision, scale } => {
                DataType::Decimal256((*precision).min(76), (*scale).min(76) as i8)
            }
            Self::String | Self::Rendered(_) => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
        }
    }
}

/// One column on its way to Arrow.
#[derive(Debug)]
pub(in crate::transfer) struct ArrowColumn {
    target: ParquetType,
    cell: CellWriter,
}

const WRONG_TYPE: Unfit = Unfit("cannot be written as the type of its column");
const ABOVE_LONG: Unfit = Unfit("is above 9223372036854775807, the limit of an integer");
const OUTSIDE: Unfit = Unfit("is beyond the limits of its column");
const TOO_LONG: Unfit = Unfit("has more digits than its column");

impl ArrowColumn {
    pub(in crate::transfer) fn new(column: &Column, target: ParquetType, zones: &Zones) -> Self {
        let form = match &target {
            ParquetType::Rendered(rendering) => rendering.form.clone(),
            _ => Form::Text,
        };
        Self { cell: CellWriter::new(column.kind, form, zones), target }
    }

    /// How many values became NULL so far.
    pub(super) fn null_count(&self) -> u64 {
        self.cell.null_count()
    }

    pub(super) fn data_type(&self) -> DataType {
        self.target.data_type()
    }

    /// The values of a column; `number` gives the number that a row of it has in the transfer.
    pub(in crate::transfer) fn array(
        &mut self,
        buffer: &ColumnBuffer,
        column: &Column,
        number: impl Fn(usize) -> u64,
    ) -> Result<ArrayRef, TransferError> {
        self.convert(buffer, column.kind).map_err(|(row, reason)| unfit(column, number(row), &reason))
    }

    fn convert(&mut self, buffer: &ColumnBuffer, kind: ColumnType) -> Result<ArrayRef, (usize, Unfit)> {
        let nulls = nulls(buffer);
        Ok(match (&self.target, &buffer.data) {
            (ParquetType::Rendered(_), _) => return self.rendered(buffer),
            (ParquetType::Boolean, Buffer::Long(values)) => Arc::new(BooleanArray::new(
                values.iter().map(|value| *value == -1 || *value > 0).collect(),
                nulls,
            )),
            (ParquetType::Boolean, Buffer::UnsignedLong(values)) => {
                Arc::new(BooleanArray::new(values.iter().map(|value| is_true(kind, *value)).collect(), nulls))
            }
            (ParquetType::Flag, Buffer::Long(values)) => {
                check(values, |value| (0..=1).contains(value), &Unfit("is neither 0 nor 1"))?;
                Arc::new(BooleanArray::new(values.iter().map(|value| *value == 1).collect(), nulls))
            }
            (ParquetType::Short, Buffer::Long(values)) => {
                check(values, |value| i16::try_from(*value).is_ok(), &OUTSIDE)?;
                Arc::new(Int16Array::new(values.iter().map(|value| *value as i16).collect(), nulls))
            }
            (ParquetType::Integer, Buffer::Long(values)) => {
                check(values, |value| i32::try_from(*value).is_ok(), &OUTSIDE)?;
                Arc::new(Int32Array::new(values.iter().map(|value| *value as i32).collect(), nulls))
            }
            (ParquetType::Long, Buffer::Long(values)) => {
                Arc::new(Int64Array::new(values.clone().into(), nulls))
            }
            (ParquetType::Long, Buffer::UnsignedLong(values)) => {
                check(values, |value| i64::try_from(*value).is_ok(), &ABOVE_LONG)?;
                Arc::new(Int64Array::new(values.iter().map(|value| *value as i64).collect(), nulls))
            }
            (ParquetType::Float, Buffer::Double(values)) => {
                Arc::new(Float32Array::new(values.iter().map(|value| *value as f32).collect(), nulls))
            }
            (ParquetType::Double, Buffer::Double(values)) => {
                Arc::new(Float64Array::new(values.clone().into(), nulls))
            }
            (ParquetType::Double, Buffer::Text(texts)) => doubles(texts, buffer, nulls)?,
            (ParquetType::Double, Buffer::Long(values)) => {
                Arc::new(Float64Array::new(values.iter().map(|value| *value as f64).collect(), nulls))
            }
            (ParquetType::Decimal { .. }, Buffer::UnsignedLong(values)) => {
                let array =
                    Decimal128Array::new(values.iter().map(|value| i128::from(*value)).collect(), nulls);
                Arc::new(array.with_data_type(self.target.data_type()))
            }
            (ParquetType::Decimal { precision, scale }, Buffer::Text(texts)) if *precision <= 38 => {
                let parse = |text: &[u8]| unscaled(text, *scale).and_then(i256::to_i128);
                decimals::<Decimal128Type>(texts, buffer, nulls, parse, self.target.data_type())?
            }
            (ParquetType::Decimal { scale, .. }, Buffer::Text(texts)) => {
                let parse = |text: &[u8]| unscaled(text, *scale);
                decimals::<Decimal256Type>(texts, buffer, nulls, parse, self.target.data_type())?
            }
            (ParquetType::String, Buffer::Text(texts)) => strings(texts, nulls)?,
            (ParquetType::Bytes, Buffer::Text(texts)) => {
                Arc::new(BinaryArray::new(offsets(texts)?, texts.bytes().to_vec().into(), nulls))
            }
            (ParquetType::Date, Buffer::Long(values)) => {
                check(values, |value| i32::try_from(*value).is_ok(), &WRONG_TYPE)?;
                Arc::new(Date32Array::new(values.iter().map(|value| *value as i32).collect(), nulls))
            }
            (ParquetType::DateTime, Buffer::Long(values)) => {
                Arc::new(TimestampMicrosecondArray::new(values.clone().into(), nulls))
            }
            (ParquetType::Timestamp, Buffer::Long(values)) => {
                let instants = self.instants(values, kind, buffer)?;
                Arc::new(TimestampMicrosecondArray::new(instants, nulls).with_timezone("UTC"))
            }
            (ParquetType::Time, Buffer::Long(values)) => {
                let reason = Unfit("is not a time of day (below 00:00:00 or beyond 23:59:59)");
                check(values, |value| (0..DAY).contains(value), &reason)?;
                Arc::new(Time64MicrosecondArray::new(values.clone().into(), nulls))
            }
            _ => return Err((0, WRONG_TYPE)),
        })
    }

    fn instants(
        &mut self,
        values: &[i64],
        kind: ColumnType,
        buffer: &ColumnBuffer,
    ) -> Result<ScalarBuffer<i64>, (usize, Unfit)> {
        if kind == ColumnType::Timestamp {
            return Ok(values.to_vec().into());
        }
        let instants = values.iter().enumerate().map(|(row, value)| {
            if buffer.validity.is_valid(row) {
                self.cell.instant(*value).map_err(|reason| (row, reason))
            } else {
                Ok(0)
            }
        });
        Ok(instants.collect::<Result<Vec<i64>, _>>()?.into())
    }

    fn rendered(&mut self, buffer: &ColumnBuffer) -> Result<ArrayRef, (usize, Unfit)> {
        let mut builder = StringBuilder::with_capacity(buffer.len(), buffer.byte_size());
        let mut text = Vec::new();
        for row in 0..buffer.len() {
            text.clear();
            let written = if buffer.validity.is_valid(row) {
                self.cell.write(buffer, row, &mut text).map_err(|reason| (row, reason))?
            } else {
                Converted::Null
            };
            match written {
                Converted::Null => builder.append_null(),
                Converted::Text => builder.append_value(
                    std::str::from_utf8(&text).map_err(|_| (row, Unfit("is not text in UTF-8")))?,
                ),
            }
        }
        Ok(Arc::new(builder.finish()))
    }
}

fn nulls(buffer: &ColumnBuffer) -> Option<NullBuffer> {
    let bits = buffer.validity.bits()?;
    Some(NullBuffer::new(BooleanBuffer::new(bits.to_vec().into(), 0, buffer.len())))
}

/// NULLs hold a filler of zero, which every check lets through.
fn check<T>(values: &[T], fits: impl Fn(&T) -> bool, reason: &Unfit) -> Result<(), (usize, Unfit)> {
    match values.iter().position(|value| !fits(value)) {
        Some(row) => Err((row, reason.clone())),
        None => Ok(()),
    }
}

fn offsets(texts: &Texts) -> Result<OffsetBuffer<i32>, (usize, Unfit)> {
    if i32::try_from(texts.bytes().len()).is_err() {
        return Err((0, Unfit("is larger than 2 GiB")));
    }
    let starts = std::iter::once(0).chain(texts.ends().iter().map(|end| *end as i32));
    Ok(OffsetBuffer::new(starts.collect::<Vec<i32>>().into()))
}

fn strings(texts: &Texts, nulls: Option<NullBuffer>) -> Result<ArrayRef, (usize, Unfit)> {
    match StringArray::try_new(offsets(texts)?, texts.bytes().to_vec().into(), nulls) {
        Ok(array) => Ok(Arc::new(array)),
        Err(_) => {
            let broken = (0..texts.ends().len()).find(|row| std::str::from_utf8(texts.get(*row)).is_err());
            Err((broken.unwrap_or(0), Unfit("is not text in UTF-8")))
        }
    }
}

fn doubles(
    texts: &Texts,
    buffer: &ColumnBuffer,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, (usize, Unfit)> {
    let values = (0..buffer.len()).map(|row| {
        if !buffer.validity.is_valid(row) {
            return Ok(0.0);
        }
        let number = std::str::from_utf8(texts.get(row)).ok().and_then(|text| text.parse::<f64>().ok());
        number.ok_or((row, Unfit("is not a number")))
    });
    Ok(Arc::new(Float64Array::new(values.collect::<Result<Vec<f64>, _>>()?.into(), nulls)))
}

fn decimals<T: arrow_array::types::DecimalType>(
    texts: &Texts,
    buffer: &ColumnBuffer,
    nulls: Option<NullBuffer>,
    parse: impl Fn(&[u8]) -> Option<T::Native>,
    data_type: DataType,
) -> Result<ArrayRef, (usize, Unfit)> {
    let values = (0..buffer.len()).map(|row| {
        if !buffer.validity.is_valid(row) {
            return Ok(T::Native::default());
        }
        parse(texts.get(row)).ok_or((row, TOO_LONG))
    });
    let values = values.collect::<Result<Vec<T::Native>, _>>()?;
    Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(data_type)))
}

/// Decimal digits as a whole number of units of the scale; none when there are more digits after the point, or too
/// many in all.
fn unscaled(text: &[u8], scale: u8) -> Option<i256> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[][..]),
    };
    // Zeros at the end say nothing.
    let used = fraction.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    let scale = usize::from(scale);
    if used > scale || whole.len() + fraction.len() == 0 {
        return None;
    }
    let padding = scale - used;
    let all = whole.iter().chain(&fraction[..used]).copied().chain(std::iter::repeat_n(b'0', padding));
    let value = small(all.clone(), whole.len() + scale).or_else(|| large(all))?;
    Some(if negative { value.wrapping_neg() } else { value })
}

/// Up to 38 digits fit in 128 bits, which are faster.
fn small(digits: impl Iterator<Item = u8>, count: usize) -> Option<i256> {
    if count > 38 {
        return None;
    }
    let mut value = 0_i128;
    for digit in digits {
        value = value * 10 + i128::from(digit.is_ascii_digit().then_some(digit - b'0')?);
    }
    Some(i256::from_i128(value))
}

fn large(digits: impl Iterator<Item = u8>) -> Option<i256> {
    let ten = i256::from_i128(10);
    let mut value = i256::ZERO;
    for digit in digits {
        let digit = digit.is_ascii_digit().then_some(digit - b'0')?;
        value = value.checked_mul(ten)?.checked_add(i256::from_i128(i128::from(digit)))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_whole_numbers_of_their_scale() {
        for (text, scale, expected) in [
            ("12.34", 2, Some(1234)),
            ("-12.3", 2, Some(-1230)),
            ("0", 0, Some(0)),
            ("7", 3, Some(7000)),
            ("1.500", 1, Some(15)),
            ("1.25", 1, None),
            ("x", 1, None),
            ("", 0, None),
        ] {
            assert_eq!(unscaled(text.as_bytes(), scale), expected.map(i256::from_i128), "{text}");
        }
        let digits = "9".repeat(65);
        assert_eq!(unscaled(digits.as_bytes(), 0).unwrap().to_string(), digits);
        assert_eq!(unscaled("9".repeat(80).as_bytes(), 0), None);
    }

    #[test]
    fn values_that_do_not_fit_are_named_by_row() {
        let column = Column::new("n", ColumnType::UnsignedLong);
        let mut buffer = ColumnBuffer::new(column.kind.storage());
        assert!(buffer.push_unsigned(1));
        assert!(buffer.push_unsigned(u64::MAX));
        let mut arrow = ArrowColumn::new(&column, ParquetType::Long, &Zones::utc());
        assert_eq!(
            arrow.array(&buffer, &column, |row| 10 + row as u64).unwrap_err().to_string(),
            "column `n`, row 12: a value is above 9223372036854775807, the limit of an integer"
        );
    }
}

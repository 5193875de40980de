//! Values as PostgreSQL sends them into column buffers, by a plan that is made once per column.

use super::clock;
use super::nested::{self, Element};
use super::numeric::push_numeric;
use super::plan::SourceType;
use crate::transfer::encode::Unfit;
use crate::transfer::encode::number::{push_padded, push_u64};
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::input::SourceColumn;
use crate::transfer::input::convert::{self, Conversion, Given};
use crate::transfer::page::ColumnBuffer;
use crate::transfer::report::Change;
use crate::transfer::schema::{ColumnType, Zones};

pub(super) const ODD: Unfit = Unfit("is not what its type says");

/// How a value is read: from the form that its type has in binary, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Boolean,
    /// Bits that are true where they are the number 1, as for Embulk's driver.
    Bits,
    Int2,
    Int4,
    Int8,
    Oid,
    Float,
    Double,
    /// Digits; NaN and infinities do not fit.
    Decimal,
    /// An amount in the smallest unit of a currency, which has so many digits after the point.
    Money {
        scale: usize,
    },
    /// A text, which is the same in both forms.
    Text,
    /// A version and the text.
    Jsonb,
    Uuid,
    Bytes,
    Date,
    DateTime,
    /// An instant before `end`, in microseconds since 1970-01-01T00:00:00Z.
    Timestamp {
        end: i64,
    },
    Time,
    TimeWithZone,
    /// The text that the server has for it.
    ServerText,
    /// An array in Embulk's form, from the server's text.
    Array {
        delimiter: u8,
    },
    /// An array as JSON, from the server's text.
    ArrayJson {
        delimiter: u8,
        element: Element,
    },
    /// An hstore as JSON, from the server's text.
    HstoreJson,
}

impl Read {
    /// How the server's own text of such values is read.
    pub(super) fn as_text(self) -> Self {
        match self {
            Self::Text | Self::Jsonb | Self::Uuid => self,
            _ => Self::ServerText,
        }
    }

    /// Whether the server is to send its text.
    pub(super) fn takes_server_text(self) -> bool {
        matches!(self, Self::ServerText | Self::Array { .. } | Self::ArrayJson { .. } | Self::HstoreJson)
    }

    /// What becomes of the values, where they do not come in as they are.
    fn words(self, to: ColumnType) -> Option<&'static str> {
        match self {
            Self::Bits if to != ColumnType::Flag => {
                Some("true where the bits are the number 1, as for Embulk's driver")
            }
            Self::Array { .. } => Some("the elements as Embulk writes them"),
            Self::ArrayJson { .. } | Self::HstoreJson => Some("as JSON"),
            Self::TimeWithZone => Some("an instant of 1970-01-01"),
            _ => None,
        }
    }

    /// What does not come in as it is stored.
    fn losses(self) -> Vec<Loss> {
        let of = |what: &str, fate| vec![Loss::new(what, fate)];
        match self {
            Self::Bits => of("bits of other numbers than 0 and 1", Fate::Becomes("false")),
            Self::Decimal => of("NaN and infinities", Fate::Fails),
            Self::Date | Self::DateTime | Self::Timestamp { .. } => {
                of("infinite dates and times, years beyond 9999", Fate::Fails)
            }
            Self::TimeWithZone => of("the offset, digits of a second beyond the third", Fate::Lost),
            Self::Array { .. } => of("NULL elements", Fate::Becomes("empty texts")),
            _ => Vec::new(),
        }
    }
}

/// How the values of one column are read.
#[derive(Clone)]
pub(super) struct Decoder {
    read: Read,
    /// What the config makes of the value, when not the column's own type.
    conversion: Option<Conversion>,
    scratch: Vec<u8>,
    /// NULLs in arrays that Embulk's form cannot tell from empty texts.
    null_elements: u64,
}

impl Decoder {
    pub(super) fn new(read: Read, conversion: Option<Conversion>) -> Self {
        Self { read, conversion, scratch: Vec::new(), null_elements: 0 }
    }

    /// Whether the server is to send its text of the values.
    pub(super) fn takes_server_text(&self) -> bool {
        self.read.takes_server_text()
    }

    /// The column as the source has it, for one of type `to`.
    pub(super) fn told(&mut self, source: &SourceType, to: ColumnType, zones: &Zones) -> SourceColumn {
        // One bit is what it is.
        let losses = if to == ColumnType::Flag { Vec::new() } else { self.read.losses() };
        let column = SourceColumn::new(source.name.clone(), to, self.conversion.as_mut(), zones, losses);
        SourceColumn {
            embulk: if source.has_option { column.embulk } else { source.embulk },
            holds: if self.read == Read::Bits && to == ColumnType::Boolean {
                ColumnType::Flag
            } else {
                column.holds
            },
            conversion: column.conversion.or_else(|| self.read.words(to).map(str::to_owned)),
            ..column
        }
    }

    /// What became of values so far.
    pub(super) fn changes(&self, column: &str) -> Vec<Change> {
        let unfit = self.conversion.as_ref().map_or(0, Conversion::unfit_count);
        let elements = "NULL elements of arrays became empty, as under Embulk";
        let counts = [(self.null_elements, elements), (unfit, convert::UNFIT)];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, what)| Change::of(column, what, count)).collect()
    }

    /// Adds a value to the column; NULL is none.
    #[inline]
    pub(super) fn push(&mut self, value: Option<&[u8]>, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let Some(bytes) = value else {
            column.push_null();
            return Ok(());
        };
        self.scratch.clear();
        let scratch = &mut self.scratch;
        let given = match self.read {
            Read::Boolean => Given::Long(i64::from(sized::<1>(bytes)? != [0])),
            Read::Bits => Given::Long(i64::from(is_one(bytes).ok_or(ODD)?)),
            Read::Int2 => Given::Long(i16::from_be_bytes(sized(bytes)?).into()),
            Read::Int4 => Given::Long(i32::from_be_bytes(sized(bytes)?).into()),
            Read::Int8 => Given::Long(i64::from_be_bytes(sized(bytes)?)),
            Read::Oid => Given::Long(u32::from_be_bytes(sized(bytes)?).into()),
            // There are many NaN, and people know of one.
            Read::Float => match f32::from_be_bytes(sized(bytes)?) {
                value if value.is_nan() => Given::Float(f32::NAN),
                value => Given::Float(value),
            },
            Read::Double => match f64::from_be_bytes(sized(bytes)?) {
                value if value.is_nan() => Given::Double(f64::NAN),
                value => Given::Double(value),
            },
            Read::Decimal => {
                push_numeric(bytes, scratch)?;
                Given::Text(scratch)
            }
            Read::Money { scale } => {
                push_money(i64::from_be_bytes(sized(bytes)?), scale, scratch).ok_or(ODD)?;
                Given::Text(scratch)
            }
            Read::Text | Read::Bytes | Read::ServerText => Given::Text(bytes),
            Read::Jsonb => Given::Text(bytes.strip_prefix(&[1]).ok_or(ODD)?),
            Read::Uuid => {
                push_uuid(sized(bytes)?, scratch);
                Given::Text(scratch)
            }
            Read::Date => Given::Long(clock::date(i32::from_be_bytes(sized(bytes)?))?),
            Read::DateTime => Given::Long(clock::wall(i64::from_be_bytes(sized(bytes)?))?),
            Read::Timestamp { end } => Given::Long(clock::instant(i64::from_be_bytes(sized(bytes)?), end)?),
            Read::Time => Given::Long(clock::time(i64::from_be_bytes(sized(bytes)?))?),
            Read::TimeWithZone => {
                let (micros, west) = bytes.split_first_chunk().ok_or(ODD)?;
                let west = i32::from_be_bytes(sized(west)?);
                Given::Long(clock::time_with_zone(i64::from_be_bytes(*micros), west)?)
            }
            Read::Array { delimiter } => {
                self.null_elements += nested::embulk_array(bytes, delimiter, scratch)?;
                Given::Text(scratch)
            }
            Read::ArrayJson { delimiter, element } => {
                nested::json_array(bytes, delimiter, element, scratch)?;
                Given::Text(scratch)
            }
            Read::HstoreJson => {
                nested::json_hstore(bytes, scratch)?;
                Given::Text(scratch)
            }
        };
        match &mut self.conversion {
            Some(conversion) => conversion.push(&given, column),
            None => given.push(column),
        }
    }
}

#[inline]
fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unfit> {
    bytes.try_into().map_err(|_| ODD)
}

/// Whether of a number of bits, which stands before them, the last alone is set.
fn is_one(bytes: &[u8]) -> Option<bool> {
    let (count, bits) = bytes.split_first_chunk()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    if bits.len() != count.div_ceil(8) {
        return None;
    }
    let Some((last, zeros)) = bits.split_last() else { return Some(false) };
    Some(*last == 0x80 >> ((count - 1) % 8) && zeros.iter().all(|byte| *byte == 0))
}

/// None where an integer of 64 bits has not that many digits.
fn push_money(amount: i64, scale: usize, out: &mut Vec<u8>) -> Option<()> {
    let unit = 10_u64.checked_pow(u32::try_from(scale).ok()?)?;
    let digits = amount.unsigned_abs();
    if amount < 0 {
        out.push(b'-');
    }
    push_u64(digits / unit, out);
    if scale > 0 {
        out.push(b'.');
        push_padded(digits % unit, scale, out);
    }
    Some(())
}

fn push_uuid(bytes: [u8; 16], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::page::Buffer;
    use crate::transfer::schema::Storage;

    fn text(read: Read, value: &[u8]) -> Result<String, Unfit> {
        let mut column = ColumnBuffer::new(Storage::Text);
        Decoder::new(read, None).push(Some(value), &mut column)?;
        let Buffer::Text(texts) = &column.data else { panic!("text") };
        Ok(String::from_utf8(texts.get(0).to_vec()).unwrap())
    }

    fn long(read: Read, value: &[u8]) -> Result<i64, Unfit> {
        let mut column = ColumnBuffer::new(Storage::Long);
        Decoder::new(read, None).push(Some(value), &mut column)?;
        let Buffer::Long(values) = &column.data else { panic!("integers") };
        Ok(values[0])
    }

    #[test]
    fn amounts_of_every_currency() {
        for (amount, scale, expected) in [
            (123_456, 2, "1234.56"),
            (-5, 2, "-0.05"),
            (1000, 0, "1000"),
            (-1, 3, "-0.001"),
            (i64::MIN, 2, "-92233720368547758.08"),
        ] {
            let amount: i64 = amount;
            assert_eq!(text(Read::Money { scale }, &amount.to_be_bytes()).as_deref(), Ok(expected));
        }
        assert_eq!(text(Read::Money { scale: 20 }, &[0; 8]), Err(ODD));
    }

    #[test]
    fn numbers_and_bits() {
        assert_eq!(long(Read::Int8, &i64::MIN.to_be_bytes()), Ok(i64::MIN));
        assert_eq!(long(Read::Int4, &[0xff; 4]), Ok(-1));
        assert_eq!(long(Read::Oid, &[0xff; 4]), Ok(4_294_967_295));
        assert_eq!(long(Read::Int2, &[0x80, 0]), Ok(-32_768));
        assert_eq!(long(Read::Boolean, &[1]), Ok(1));
        for (count, bits, expected) in [
            (1, &[0x80][..], 1),
            (1, &[0], 0),
            (3, &[0x20], 1),
            (3, &[0xa0], 0),
            (3, &[0x80], 0),
            (8, &[1], 1),
            (9, &[0, 0x80], 1),
            (9, &[1, 0x80], 0),
            (0, &[], 0),
        ] {
            let bytes = [&[0, 0, 0, count], bits].concat();
            assert_eq!(long(Read::Bits, &bytes), Ok(expected), "{bytes:?}");
        }
        for odd in [&[0, 0, 0, 9, 1][..], &[0, 0, 0, 1], &[0xff; 5], &[0; 3]] {
            assert_eq!(long(Read::Bits, odd), Err(ODD), "{odd:?}");
        }
    }

    #[test]
    fn texts_in_another_form() {
        assert_eq!(text(Read::Jsonb, b"\x01{}").as_deref(), Ok("{}"));
        assert_eq!(text(Read::Jsonb, b"\x02{}"), Err(ODD));
        let bytes =
            [0x00, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f, 0x60, 0x71, 0x82, 0x93, 0xa4, 0xb5, 0xc6, 0xd7, 0xe8, 0xff];
        assert_eq!(text(Read::Uuid, &bytes).as_deref(), Ok("001b2c3d-4e5f-6071-8293-a4b5c6d7e8ff"));
    }

    #[test]
    fn every_value_has_the_length_of_its_type() {
        let of_length = [
            (Read::Boolean, 1),
            (Read::Int2, 2),
            (Read::Int4, 4),
            (Read::Int8, 8),
            (Read::Oid, 4),
            (Read::Date, 4),
            (Read::DateTime, 8),
            (Read::Timestamp { end: i64::MAX }, 8),
            (Read::Time, 8),
            (Read::TimeWithZone, 12),
        ];
        for (read, length) in of_length {
            for given in 0..24 {
                let is_odd = long(read, &vec![0; given]) == Err(ODD);
                assert_eq!(is_odd, given != length, "{read:?}, {given} bytes");
            }
        }
        for read in [Read::Uuid, Read::Money { scale: 2 }, Read::Decimal, Read::Jsonb] {
            assert_eq!(text(read, b""), Err(ODD));
        }
        for (read, length) in [(Read::Float, 4), (Read::Double, 8)] {
            for given in 0..16 {
                let mut column = ColumnBuffer::new(Storage::Double);
                let pushed = Decoder::new(read, None).push(Some(&vec![0; given]), &mut column);
                assert_eq!(pushed.is_ok(), given == length);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(0_u8..=255, 0..24)) {
            for read in [
                Read::Boolean, Read::Bits, Read::Int2, Read::Int4, Read::Int8, Read::Oid, Read::Date, Read::DateTime,
                Read::Timestamp { end: 0 }, Read::Time, Read::TimeWithZone,
            ] {
                let _ = long(read, &bytes);
            }
            let mut column = ColumnBuffer::new(Storage::Text);
            for read in [Read::Decimal, Read::Money { scale: 2 }, Read::Jsonb, Read::Uuid, Read::HstoreJson] {
                let _ = Decoder::new(read, None).push(Some(&bytes), &mut column);
            }
        }
    }
}

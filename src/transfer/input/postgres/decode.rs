//! Texts of values into column buffers, by a plan that is made once per column.

use super::clock;
use super::nested::{self, Element};
use super::plan::SourceType;
use crate::transfer::encode::Unfit;
use crate::transfer::explain::loss::{Fate, Loss};
use crate::transfer::input::SourceColumn;
use crate::transfer::input::convert::{self, Conversion, Given};
use crate::transfer::page::ColumnBuffer;
use crate::transfer::report::Change;
use crate::transfer::schema::{ColumnType, Zones};

const ODD: Unfit = Unfit("is not what its type says");

/// How the text of a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// `t` or `f`.
    Boolean,
    /// Bits that are true where they are the number 1, as for Embulk's driver.
    Bits,
    Long,
    Float,
    Double,
    /// Digits; NaN and infinities do not fit.
    Decimal,
    /// An amount with signs of a currency, with so many digits after the point.
    Money {
        scale: usize,
    },
    /// The text as it is.
    Text,
    /// `\x` and hexadecimal digits.
    Bytes,
    Date,
    DateTime,
    Timestamp,
    Time,
    TimeWithZone,
    /// An array in Embulk's form.
    Array {
        delimiter: u8,
    },
    /// An array as JSON.
    ArrayJson {
        delimiter: u8,
        element: Element,
    },
    /// An hstore as JSON.
    HstoreJson,
}

impl Read {
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
            Self::Date | Self::DateTime | Self::Timestamp => {
                of("infinite dates and times, years beyond 9999", Fate::Fails)
            }
            Self::TimeWithZone => of("the offset, digits of a second beyond the third", Fate::Lost),
            Self::Array { .. } => of("NULL elements", Fate::Becomes("empty texts")),
            _ => Vec::new(),
        }
    }
}

/// How the values of one column are read.
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
    pub(super) fn push(&mut self, value: Option<&[u8]>, column: &mut ColumnBuffer) -> Result<(), Unfit> {
        let Some(text) = value else {
            column.push_null();
            return Ok(());
        };
        self.scratch.clear();
        let scratch = &mut self.scratch;
        let given = match self.read {
            Read::Boolean => Given::Long(i64::from(text == b"t")),
            Read::Bits => Given::Long(i64::from(is_one(text))),
            Read::Long => Given::Long(parsed(text)?),
            Read::Float => Given::Float(parsed(text)?),
            Read::Double => Given::Double(parsed(text)?),
            Read::Decimal => Given::Text(finite(text)?),
            Read::Money { scale } => {
                push_money(text, scale, scratch);
                Given::Text(scratch)
            }
            Read::Text => Given::Text(text),
            Read::Bytes => {
                push_bytes(text, scratch).ok_or(ODD)?;
                Given::Text(scratch)
            }
            Read::Date => Given::Long(clock::date(text)?),
            Read::DateTime => Given::Long(clock::wall(text)?),
            Read::Timestamp => Given::Long(clock::instant(text)?),
            Read::Time => Given::Long(clock::time(text)?),
            Read::TimeWithZone => Given::Long(clock::time_with_zone(text)?),
            Read::Array { delimiter } => {
                self.null_elements += nested::embulk_array(text, delimiter, scratch)?;
                Given::Text(scratch)
            }
            Read::ArrayJson { delimiter, element } => {
                nested::json_array(text, delimiter, element, scratch)?;
                Given::Text(scratch)
            }
            Read::HstoreJson => {
                nested::json_hstore(text, scratch)?;
                Given::Text(scratch)
            }
        };
        match &mut self.conversion {
            Some(conversion) => conversion.push(&given, column),
            None => given.push(column),
        }
    }
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Result<T, Unfit> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(ODD)
}

/// Whether the last bit alone is set.
fn is_one(bits: &[u8]) -> bool {
    matches!(bits, [zeros @ .., b'1'] if zeros.iter().all(|bit| *bit == b'0'))
}

fn finite(text: &[u8]) -> Result<&[u8], Unfit> {
    match text.last() {
        Some(b'0'..=b'9') => Ok(text),
        _ if text == b"NaN" => Err(Unfit("is NaN, which a decimal cannot be here")),
        _ => Err(Unfit("is infinite, which a decimal cannot be here")),
    }
}

/// The digits of an amount: whatever the language, its last ones are the cents.
fn push_money(text: &[u8], scale: usize, out: &mut Vec<u8>) {
    if text.iter().any(|byte| matches!(byte, b'-' | b'(')) {
        out.push(b'-');
    }
    let sign = out.len();
    out.extend(text.iter().filter(|byte| byte.is_ascii_digit()));
    let missing = (scale + 1).saturating_sub(out.len() - sign);
    out.splice(sign..sign, std::iter::repeat_n(b'0', missing));
    if scale > 0 {
        out.insert(out.len() - scale, b'.');
    }
}

fn push_bytes(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let digits = text.strip_prefix(b"\\x")?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for pair in digits.chunks_exact(2) {
        out.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::page::Buffer;
    use crate::transfer::schema::Storage;

    fn text(read: Read, value: &str) -> Result<String, Unfit> {
        let mut column = ColumnBuffer::new(Storage::Text);
        Decoder::new(read, None).push(Some(value.as_bytes()), &mut column)?;
        let Buffer::Text(texts) = &column.data else { panic!("text") };
        Ok(String::from_utf8(texts.get(0).to_vec()).unwrap())
    }

    fn long(read: Read, value: &str) -> Result<i64, Unfit> {
        let mut column = ColumnBuffer::new(Storage::Long);
        Decoder::new(read, None).push(Some(value.as_bytes()), &mut column)?;
        let Buffer::Long(values) = &column.data else { panic!("integers") };
        Ok(values[0])
    }

    #[test]
    fn amounts_of_every_currency() {
        for (value, scale, expected) in [
            ("$1,234.56", 2, "1234.56"),
            ("-$0.05", 2, "-0.05"),
            ("($12.00)", 2, "-12.00"),
            ("1.234,56 €", 2, "1234.56"),
            ("¥1,000", 0, "1000"),
            ("-$92,233,720,368,547,758.08", 2, "-92233720368547758.08"),
        ] {
            assert_eq!(text(Read::Money { scale }, value).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn numbers_bits_and_bytes() {
        assert_eq!(long(Read::Long, "-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(long(Read::Long, "9223372036854775808"), Err(ODD));
        for (bits, expected) in [("1", 1), ("0", 0), ("001", 1), ("101", 0), ("100", 0), ("000", 0)] {
            assert_eq!(long(Read::Bits, bits), Ok(expected), "{bits}");
        }
        assert_eq!(text(Read::Bytes, "\\x616263").as_deref(), Ok("abc"));
        assert_eq!(text(Read::Bytes, "\\x").as_deref(), Ok(""));
        assert!(text(Read::Bytes, "\\x6").is_err() && text(Read::Bytes, "abc").is_err());
        assert_eq!(text(Read::Decimal, "-0.10").as_deref(), Ok("-0.10"));
        for value in ["NaN", "Infinity", "-Infinity"] {
            assert!(text(Read::Decimal, value).is_err());
        }
    }
}

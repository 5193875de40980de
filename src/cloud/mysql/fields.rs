//! What a payload is made of, from its beginning to its end. Nothing is copied.

/// The rest of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'p>(&'p [u8]);

/// A date, and a time where it is not midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub negative: bool,
    pub days: u32,
    pub hours: u8,
    pub minutes: u8,
    pub seconds: u8,
    pub micros: u32,
}

/// A payload is not what its fields say. It is of no size, so that a result per field costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packet ends too early")]
pub struct Cut;

type Result<T> = std::result::Result<T, Cut>;

macro_rules! number {
    ($name:ident, $type:ty, $doc:literal) => {
        #[doc = $doc]
        #[inline]
        pub fn $name(&mut self) -> Result<$type> {
            let (bytes, rest) = self.0.split_first_chunk().ok_or(Cut)?;
            self.0 = rest;
            Ok(<$type>::from_le_bytes(*bytes))
        }
    };
}

impl<'p> Fields<'p> {
    /// The fields of a payload.
    pub fn new(payload: &'p [u8]) -> Self {
        Self(payload)
    }

    /// Whether there is nothing more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'p [u8] {
        std::mem::take(&mut self.0)
    }

    number!(u8, u8, "A byte.");
    number!(i8, i8, "A byte with a sign.");
    number!(u16, u16, "Two bytes, the lowest first.");
    number!(i16, i16, "Two bytes with a sign.");
    number!(u32, u32, "Four bytes.");
    number!(i32, i32, "Four bytes with a sign.");
    number!(u64, u64, "Eight bytes.");
    number!(i64, i64, "Eight bytes with a sign.");
    number!(f32, f32, "A float of four bytes.");
    number!(f64, f64, "A float of eight bytes.");

    /// So many bytes.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'p [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Bytes up to a zero, which is left out; all of them where there is none.
    pub fn until_zero(&mut self) -> &'p [u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (bytes, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        bytes
    }

    /// An integer of one to nine bytes.
    #[inline]
    pub fn integer(&mut self) -> Result<u64> {
        match self.u8()? {
            short @ 0..=0xfa => Ok(u64::from(short)),
            mark => self.long_integer(mark),
        }
    }

    fn long_integer(&mut self, mark: u8) -> Result<u64> {
        match mark {
            0xfc => self.u16().map(u64::from),
            0xfd => {
                let low = self.u16()?;
                Ok(u64::from(low) | u64::from(self.u8()?) << 16)
            }
            0xfe => self.u64(),
            _ => Err(Cut),
        }
    }

    /// Bytes with their length before them.
    #[inline]
    pub fn text(&mut self) -> Result<&'p [u8]> {
        let length = self.integer()?;
        self.bytes(usize::try_from(length).map_err(|_| Cut)?)
    }

    /// The same, or a NULL.
    pub fn nullable(&mut self) -> Result<Option<&'p [u8]>> {
        if let [0xfb, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(None);
        }
        self.text().map(Some)
    }

    /// A date with or without a time, in the binary protocol.
    #[inline]
    pub fn clock(&mut self) -> Result<Clock> {
        let mut fields = Fields(self.text()?);
        let mut clock = Clock::default();
        if fields.is_empty() {
            return Ok(clock);
        }
        (clock.year, clock.month, clock.day) = (fields.u16()?, fields.u8()?, fields.u8()?);
        if !fields.is_empty() {
            (clock.hour, clock.minute, clock.second) = (fields.u8()?, fields.u8()?, fields.u8()?);
        }
        if !fields.is_empty() {
            clock.micros = fields.u32()?;
        }
        Ok(clock)
    }

    /// A span of time, in the binary protocol.
    #[inline]
    pub fn span(&mut self) -> Result<Span> {
        let mut fields = Fields(self.text()?);
        let mut span = Span::default();
        if fields.is_empty() {
            return Ok(span);
        }
        (span.negative, span.days) = (fields.u8()? != 0, fields.u32()?);
        (span.hours, span.minutes, span.seconds) = (fields.u8()?, fields.u8()?, fields.u8()?);
        if !fields.is_empty() {
            span.micros = fields.u32()?;
        }
        Ok(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_in_four_sizes() {
        for (bytes, expected) in [
            (&[0xfa][..], 250),
            (&[0xfc, 0xfb, 0], 251),
            (&[0xfd, 1, 0, 1], 65_537),
            (&[0xfe, 0, 0, 0, 0, 1, 0, 0, 0], 1 << 32),
        ] {
            assert_eq!(Fields::new(bytes).integer().unwrap(), expected);
        }
        assert!(Fields::new(&[0xff]).integer().is_err());
        assert!(Fields::new(&[0xfc, 1]).integer().is_err());
    }

    #[test]
    fn a_text_longer_than_its_packet_is_an_error() {
        assert_eq!(Fields::new(&[3, b'a', b'b', b'c']).text().unwrap(), b"abc");
        assert_eq!(Fields::new(&[3, b'a']).text().unwrap_err().to_string(), "a packet ends too early");
        assert!(Fields::new(&[0xfe, 255, 255, 255, 255, 255, 255, 255, 255]).text().is_err());
    }

    #[test]
    fn clocks_and_spans_are_as_short_as_they_can_be() {
        let clock = |bytes: &[u8]| Fields::new(bytes).clock().unwrap();
        assert_eq!(clock(&[0]), Clock::default());
        assert_eq!(
            clock(&[4, 0xea, 7, 11, 30]),
            Clock { year: 2026, month: 11, day: 30, ..Clock::default() }
        );
        assert_eq!(clock(&[11, 0xea, 7, 11, 30, 1, 2, 3, 4, 0, 0, 0]).micros, 4);
        let span = Fields::new(&[8, 1, 1, 0, 0, 0, 2, 3, 4]).span().unwrap();
        assert_eq!(span, Span { negative: true, days: 1, hours: 2, minutes: 3, seconds: 4, micros: 0 });
        assert!(Fields::new(&[2, 1, 1]).span().is_err());
    }
}

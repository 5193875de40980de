//! Which rows of a column have a value.

/// Which rows of a column have a value. While there is no NULL no bit is kept.
#[derive(Debug, Clone, Default)]
pub struct Validity {
    bits: Vec<u64>,
    rows: usize,
    null_count: usize,
}

impl Validity {
    /// Adds a row with a value.
    #[inline]
    pub fn push_valid(&mut self) {
        if self.null_count > 0 {
            self.push_bit(true);
        }
        self.rows += 1;
    }

    /// Adds a NULL.
    #[inline]
    pub fn push_null(&mut self) {
        if self.null_count == 0 {
            self.bits.clear();
            self.bits.resize(self.rows.div_ceil(64), u64::MAX);
        }
        self.null_count += 1;
        self.push_bit(false);
        self.rows += 1;
    }

    /// Adds other rows.
    pub(super) fn append(&mut self, more: &Self) {
        if self.null_count + more.null_count > 0 {
            if self.null_count == 0 {
                self.bits.clear();
                self.bits.resize(self.rows.div_ceil(64), u64::MAX);
            }
            let taken = self.rows % 64;
            if let (1.., Some(last)) = (taken, self.bits.last_mut()) {
                *last &= (1 << taken) - 1;
            }
            let more_bits = more.bits();
            for word in 0..more.rows.div_ceil(64) {
                let bits = more_bits.map_or(u64::MAX, |bits| bits[word]);
                match (taken, self.bits.last_mut()) {
                    (1.., Some(last)) => {
                        *last |= bits << taken;
                        self.bits.push(bits >> (64 - taken));
                    }
                    _ => self.bits.push(bits),
                }
            }
            self.bits.truncate((self.rows + more.rows).div_ceil(64));
        }
        self.rows += more.rows;
        self.null_count += more.null_count;
    }

    #[inline]
    fn push_bit(&mut self, valid: bool) {
        let (word, bit) = (self.rows / 64, self.rows % 64);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        let mask = 1_u64 << bit;
        if valid {
            self.bits[word] |= mask;
        } else {
            self.bits[word] &= !mask;
        }
    }

    /// Whether a row has a value.
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.null_count == 0 || self.bits[row / 64] >> (row % 64) & 1 == 1
    }

    /// The bits, lowest first, 1 where there is a value; none when every row has one.
    pub fn bits(&self) -> Option<&[u64]> {
        (self.null_count > 0).then_some(&self.bits)
    }

    /// How many NULLs.
    pub fn null_count(&self) -> usize {
        self.null_count
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn clear(&mut self) {
        self.bits.clear();
        self.rows = 0;
        self.null_count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_starts_with_the_first_null_and_survives_reuse() {
        let mut validity = Validity::default();
        for round in 0..2 {
            for row in 0..200 {
                if row == 70 + round || row == 130 {
                    validity.push_null();
                } else {
                    validity.push_valid();
                }
            }
            let nulls: Vec<usize> = (0..200).filter(|row| !validity.is_valid(*row)).collect();
            assert_eq!(nulls, [70 + round, 130]);
            assert_eq!((validity.len(), validity.null_count()), (200, 2));
            validity.clear();
        }
    }
}

//! The charset of a sample, under the name that Java and the parsers here know it by.
//!
//! Embulk weighs how often letters follow each other, and goes wrong where there are few: it reads ASCII as Latin-2,
//! and Japanese of ten characters as UTF-8. Here what is UTF-8 is UTF-8; UTF-16 shows itself by its mark or
//! its zeros; and only what is neither is told by the detector of web browsers.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// Bytes that are looked at for zeros.
const LOOKED_AT: usize = 1024;

/// The name of the charset.
pub(super) fn of(sample: &[u8]) -> &'static str {
    if let Some(name) = wide(sample) {
        return name;
    }
    let is_escaped = sample.contains(&0x1b);
    if is_utf8(sample) && !is_escaped {
        return "UTF-8";
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    match encoding.name() {
        // What Windows calls Shift_JIS.
        "Shift_JIS" => "MS932",
        // One holds the other, and Java's name for the larger one is another.
        "GBK" => "GB18030",
        // Bytes that only Windows has tell it from Latin-1.
        "windows-1252" if !sample.iter().any(|byte| (0x80..0xa0).contains(byte)) => "ISO-8859-1",
        name => name,
    }
}

/// UTF-16: by its mark, or by the zeros that all ASCII has in it.
fn wide(sample: &[u8]) -> Option<&'static str> {
    match sample {
        [0xff, 0xfe, ..] => return Some("UTF-16LE"),
        [0xfe, 0xff, ..] => return Some("UTF-16BE"),
        _ => {}
    }
    let looked_at = &sample[..sample.len().min(LOOKED_AT)];
    let zeros = |at: usize| looked_at.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // Text of two bytes has a zero before or behind each delimiter and line end, and none on the other side.
    let enough = (looked_at.len() / 20).max(1);
    match (even >= enough, odd >= enough) {
        (true, false) if odd == 0 => Some("UTF-16BE"),
        (false, true) if even == 0 => Some("UTF-16LE"),
        _ => None,
    }
}

/// Whether a sample is UTF-8; it may end within a character.
fn is_utf8(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_shows_its_charset() {
        let japanese = "番号,名前,備考\n1,山田太郎,とても良いお店でした\n2,鈴木花子,また来ます\n";
        let sjis = encoding_rs::SHIFT_JIS.encode(japanese).0;
        let euc = encoding_rs::EUC_JP.encode(japanese).0;
        let utf16: Vec<u8> = "id,name\n1,日本\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "id,name\n1,日本\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (sample, name) in [
            (&b"id,name\n1,a\n"[..], "UTF-8"),
            (japanese.as_bytes(), "UTF-8"),
            (&japanese.as_bytes()[..japanese.len() - 2], "UTF-8"),
            (b"\xef\xbb\xbfid\n", "UTF-8"),
            (&sjis, "MS932"),
            (&euc, "EUC-JP"),
            (b"\x1b$B;3ED\x1b(B,\x1b$BB@O:\x1b(B\n", "ISO-2022-JP"),
            (&utf16, "UTF-16LE"),
            (&big, "UTF-16BE"),
            (b"\xff\xfea\0", "UTF-16LE"),
            (b"nom,pr\xe9nom\n1,Andr\xe9\n2,Ren\xe9e\n", "ISO-8859-1"),
            (b"prix,nom\n5 \x80,Andr\xe9\n6 \x80,Ren\xe9e\n", "windows-1252"),
        ] {
            assert_eq!(of(sample), name, "{:?}", String::from_utf8_lossy(sample));
        }
    }
}

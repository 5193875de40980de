//! Whether a sample holds JSON documents: it begins with a whole object.

use serde::de::IgnoredAny;

/// Documents that are no objects are none here, or a csv file of one column of numbers would be JSON. Control
/// characters in texts are allowed, as by the parser.
pub(super) fn is_json(sample: &[u8]) -> bool {
    let sample = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample);
    let start = sample.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    let Some(document) = start.map(|start| &sample[start..]).filter(|rest| rest.starts_with(b"{")) else {
        return false;
    };
    let length = match std::str::from_utf8(document) {
        Ok(_) => document.len(),
        // The sample may end within a character.
        Err(error) => error.valid_up_to(),
    };
    let plain: Vec<u8> = without_controls(&document[..length]);
    matches!(serde_json::Deserializer::from_slice(&plain).into_iter::<IgnoredAny>().next(), Some(Ok(_)))
}

/// The same with a blank for each control character in a text.
fn without_controls(document: &[u8]) -> Vec<u8> {
    let (mut in_text, mut escaped) = (false, false);
    let plain = document.iter().map(|&byte| {
        let is_mark = byte == b'"' && !escaped;
        escaped = in_text && byte == b'\\' && !escaped;
        in_text ^= is_mark;
        if in_text && byte < b' ' { b' ' } else { byte }
    });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_begins_with_a_whole_object() {
        for (sample, expected) in [
            ("{\"a\": 1}\n{\"a\": ", true),
            ("\u{feff} {}", true),
            ("{\"a\": \"x\ny\\\"\t\"}", true),
            ("{\"a\": 1", false),
            ("[{}]", false),
            ("1\n2", false),
            ("{a: 1}", false),
            ("{} x", true),
            ("", false),
        ] {
            assert_eq!(is_json(sample.as_bytes()), expected, "{sample:?}");
        }
    }
}

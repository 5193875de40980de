//! Texts that hold several values: arrays (`{1,NULL,"a b"}`) and hstore (`"a"=>"b"`).

use crate::transfer::encode::Unfit;

const ODD_ARRAY: Unfit = Unfit("is not an array as PostgreSQL writes it");
const ODD_HSTORE: Unfit = Unfit("is not an hstore as PostgreSQL writes it");

/// What JSON makes of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Number,
    Boolean,
    Text,
}

/// A part of an array.
enum Part<'p> {
    Open,
    Close,
    Next,
    /// NULL is none.
    Element(Option<&'p [u8]>),
}

/// Writes an array as Embulk does: quotes only where they are needed, and nothing for NULL. Gives how many NULLs.
pub(super) fn embulk_array(text: &[u8], delimiter: u8, out: &mut Vec<u8>) -> Result<u64, Unfit> {
    let mut nulls = 0;
    walk(text, delimiter, |part| {
        match part {
            Part::Open => out.push(b'{'),
            Part::Close => out.push(b'}'),
            Part::Next => out.push(b','),
            Part::Element(None) => nulls += 1,
            Part::Element(Some(value)) => push_element(value, out),
        }
        Ok(())
    })?;
    Ok(nulls)
}

fn push_element(value: &[u8], out: &mut Vec<u8>) {
    if !value.iter().any(|byte| matches!(byte, b',' | b'{' | b'}' | b'"' | b'\\')) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Writes an array as JSON.
pub(super) fn json_array(
    text: &[u8],
    delimiter: u8,
    element: Element,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    walk(text, delimiter, |part| {
        match part {
            Part::Open => out.push(b'['),
            Part::Close => out.push(b']'),
            Part::Next => out.push(b','),
            Part::Element(None) => out.extend_from_slice(b"null"),
            Part::Element(Some(value)) => match element {
                Element::Boolean => out.extend_from_slice(if value == b"t" { b"true" } else { b"false" }),
                Element::Number if value.last().is_some_and(u8::is_ascii_digit) => {
                    out.extend_from_slice(value);
                }
                Element::Number => return Err(Unfit("holds a number that is not finite, which JSON cannot")),
                Element::Text => push_json_string(value, out)?,
            },
        }
        Ok(())
    })
}

/// Goes through an array from left to right.
fn walk(
    text: &[u8],
    delimiter: u8,
    mut take: impl FnMut(Part<'_>) -> Result<(), Unfit>,
) -> Result<(), Unfit> {
    // Bounds that do not begin at 1 stand before the array: `[0:1]={a,b}`.
    let start = text.iter().position(|byte| *byte == b'{').ok_or(ODD_ARRAY)?;
    let mut rest = &text[start..];
    let mut space = Vec::new();
    let mut depth = 0_usize;
    while let Some(&byte) = rest.first() {
        match byte {
            b'{' => {
                depth += 1;
                take(Part::Open)?;
                rest = &rest[1..];
            }
            b'}' => {
                depth = depth.checked_sub(1).ok_or(ODD_ARRAY)?;
                take(Part::Close)?;
                rest = &rest[1..];
            }
            byte if byte == delimiter => {
                take(Part::Next)?;
                rest = &rest[1..];
            }
            b'"' => {
                rest = quoted(rest, &mut space).ok_or(ODD_ARRAY)?;
                take(Part::Element(Some(&space)))?;
            }
            _ => {
                let end = rest.iter().position(|byte| *byte == delimiter || *byte == b'}');
                let (value, behind) = rest.split_at(end.ok_or(ODD_ARRAY)?);
                take(Part::Element((!value.eq_ignore_ascii_case(b"null")).then_some(value)))?;
                rest = behind;
            }
        }
    }
    if depth == 0 { Ok(()) } else { Err(ODD_ARRAY) }
}

/// Reads the text between quotes at the front into `value` and gives what comes behind.
fn quoted<'t>(text: &'t [u8], value: &mut Vec<u8>) -> Option<&'t [u8]> {
    value.clear();
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'"' => return Some(&text[at + 1..]),
            b'\\' => {
                value.push(*text.get(at + 1)?);
                at += 2;
            }
            byte => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

/// Writes an hstore as a JSON object.
pub(super) fn json_hstore(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let mut rest = text;
    let mut space = Vec::new();
    out.push(b'{');
    while !rest.is_empty() {
        if out.len() > 1 {
            rest = rest.strip_prefix(b", ").ok_or(ODD_HSTORE)?;
            out.push(b',');
        }
        rest = quoted(rest, &mut space).ok_or(ODD_HSTORE)?;
        push_json_string(&space, out)?;
        out.push(b':');
        rest = rest.strip_prefix(b"=>").ok_or(ODD_HSTORE)?;
        if let Some(behind) = rest.strip_prefix(b"NULL") {
            out.extend_from_slice(b"null");
            rest = behind;
        } else {
            rest = quoted(rest, &mut space).ok_or(ODD_HSTORE)?;
            push_json_string(&space, out)?;
        }
    }
    out.push(b'}');
    Ok(())
}

fn push_json_string(value: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let text = std::str::from_utf8(value).map_err(|_| Unfit("is not text in UTF-8"))?;
    serde_json::to_writer(out, text).map_err(|_| Unfit("cannot be written as JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embulk(text: &str) -> (String, u64) {
        let mut out = Vec::new();
        let nulls = embulk_array(text.as_bytes(), b',', &mut out).unwrap();
        (String::from_utf8(out).unwrap(), nulls)
    }

    fn json(text: &str, element: Element) -> Result<String, Unfit> {
        let mut out = Vec::new();
        json_array(text.as_bytes(), b',', element, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn arrays_as_embulk_writes_them() {
        for (text, expected, nulls) in [
            ("{1000,2000}", "{1000,2000}", 0),
            ("{}", "{}", 0),
            (r#"{{purple,"light,dark"},{"\"","{\\}"}}"#, r#"{{purple,"light,dark"},{"\"","{\\}"}}"#, 0),
            (r#"{"a b",NULL,""}"#, "{a b,,}", 1),
            (r#"{"NULL","null"}"#, "{NULL,null}", 0),
            ("[0:1]={a,b}", "{a,b}", 0),
        ] {
            assert_eq!(embulk(text), (expected.to_owned(), nulls));
        }
    }

    #[test]
    fn arrays_as_json() {
        assert_eq!(json("{{1,NULL},{-2.50,0}}", Element::Number).as_deref(), Ok("[[1,null],[-2.50,0]]"));
        assert_eq!(json("{t,f,NULL}", Element::Boolean).as_deref(), Ok("[true,false,null]"));
        let text = r#"{"a b","\"","",NULL,日本}"#;
        assert_eq!(json(text, Element::Text).as_deref(), Ok(r#"["a b","\"","",null,"日本"]"#));
        assert!(json("{NaN}", Element::Number).is_err());
        assert!(json("{-Infinity}", Element::Number).is_err());
    }

    #[test]
    fn hstore_as_json() {
        let mut out = Vec::new();
        let text = r#""a"=>"b", "q\"\\"=>NULL, ""=>"1, 2""#;
        json_hstore(text.as_bytes(), &mut out).unwrap();
        assert_eq!(out, br#"{"a":"b","q\"\\":null,"":"1, 2"}"#);
        out.clear();
        json_hstore(b"", &mut out).unwrap();
        assert_eq!(out, b"{}");
    }

    #[test]
    fn texts_of_another_form_are_refused() {
        for text in ["", "1", "{1", "{1}}", "{\"a}", "}{"] {
            assert_eq!(embulk_array(text.as_bytes(), b',', &mut Vec::new()), Err(ODD_ARRAY), "{text}");
        }
        for text in ["a", "\"a\"", "\"a\"=>b", "\"a\"=>\"b\"\"c\"=>\"d\""] {
            assert_eq!(json_hstore(text.as_bytes(), &mut Vec::new()), Err(ODD_HSTORE), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[{},;\"\\\\aNUL=>\\[ ]{0,40}") {
            for element in [Element::Number, Element::Boolean, Element::Text] {
                let _ = json_array(text.as_bytes(), b',', element, &mut Vec::new());
            }
            let _ = embulk_array(text.as_bytes(), b';', &mut Vec::new());
            let _ = json_hstore(text.as_bytes(), &mut Vec::new());
        }
    }
}

//! The forms that programs print a value in: as it is, line by line, and as JSON, URL, base64, hex, shell and HTML write it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;
use zeroize::Zeroizing;

use super::Form;
use super::base64::add_base64;

/// Lines of a longer secret count from this many characters on: a brace alone is no secret.
const LINE: usize = 8;

pub(super) type Forms = BTreeSet<Form>;

/// A longer value is looked for in pieces, in the forms that matter: all forms of all of it would fill the memory.
const WHOLE: usize = 4096;

/// Length of a piece in bytes.
const PIECE: usize = 1536;

/// Of a longer value only so many bytes are looked for. No key is as long.
const LONGEST: usize = 64 * 1024;

/// Values that hide nothing: without them a text with `pg.ssl` as a secret would lose every `true`.
const WORDS: [&str; 5] = ["true", "false", "null", "yes", "no"];

/// Every form to look for. One character, or none, has no forms, and neither has a word such as `true`.
pub(super) fn of(value: &str) -> Forms {
    let mut forms = Forms::new();
    if WORDS.contains(&value.trim().to_ascii_lowercase().as_str()) {
        return forms;
    }
    add_value(&mut forms, value);
    for leaf in secret_leaves(value) {
        add_value(&mut forms, &leaf);
    }
    forms
}

fn add_value(forms: &mut Forms, value: &str) {
    let value = &value[..value.floor_char_boundary(LONGEST)];
    if value.len() > WHOLE {
        add_pieces(forms, value);
    } else {
        add_encodings(forms, value);
        // A file often ends with a newline that the printed value lacks.
        add_encodings(forms, value.trim());
    }
    add_lines(forms, value);
}

/// The forms that programs print long values in, piece by piece: together they cover the whole.
fn add_pieces(forms: &mut Forms, value: &str) {
    let mut rest = value;
    while !rest.is_empty() {
        // No crumb is left for the end: it would be found everywhere.
        let end = if rest.len() < 2 * PIECE { rest.len() } else { rest.floor_char_boundary(PIECE) };
        let (piece, after) = rest.split_at(end);
        add(forms, piece);
        let once = Zeroizing::new(json(piece));
        add(forms, json(&once));
        add(forms, once.as_bytes());
        for url in url_encoded(piece, &KEPT[..1]) {
            add(forms, url);
        }
        add_hex(forms, piece);
        rest = after;
    }
    add_base64(forms, value.as_bytes());
}

pub(super) fn add(forms: &mut Forms, form: impl Into<Vec<u8>>) {
    let form = Form(form.into());
    if form.0.len() > 1 {
        forms.insert(form);
    }
}

fn add_encodings(forms: &mut Forms, value: &str) {
    if value.chars().count() < 2 {
        return;
    }
    add(forms, value);
    for escape in [json, json_ascii, json_html, ruby, python] {
        let once = Zeroizing::new(escape(value));
        add(forms, json(&once));
        add(forms, once.as_bytes());
    }
    for url in url_encoded(value, &KEPT) {
        add(forms, url);
    }
    add(forms, value.replace('\'', r"'\''"));
    add(forms, value.replace('\'', "''"));
    add(forms, shell_words(value));
    for quote in ["&quot;", "&#34;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&apos;"] {
            add(forms, html(value, quote, apostrophe));
        }
    }
    add_base64(forms, value.as_bytes());
    add_hex(forms, value);
}

fn add_lines(forms: &mut Forms, value: &str) {
    if !value.trim().contains(['\n', '\r']) {
        return;
    }
    for line in value.split(['\n', '\r']).map(str::trim).filter(|line| line.chars().count() >= LINE) {
        add(forms, line);
        add(forms, json(line));
    }
}

/// Texts inside a JSON secret that are secret by themselves, such as the private key of a Google key file, which
/// programs print after they parsed it.
fn secret_leaves(value: &str) -> Vec<String> {
    let mut leaves = Vec::new();
    if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(value) {
        collect_leaves(&json, "", &mut leaves);
    }
    leaves
}

fn collect_leaves(value: &Value, name: &str, leaves: &mut Vec<String>) {
    const SECRET: [&str; 6] = ["key", "pass", "secret", "token", "credential", "webhook"];
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| collect_leaves(value, key, leaves)),
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(item, name, leaves)),
        Value::String(text) => {
            let name = name.to_ascii_lowercase();
            // `token_uri` and its like are public addresses.
            let is_secret = SECRET.iter().any(|word| name.contains(word)) && !name.ends_with("_uri");
            if is_secret && text.chars().count() >= LINE {
                leaves.push(text.clone());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// As JSON writes it inside quotes.
fn json(value: &str) -> String {
    let quoted = Value::String(value.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// JSON of writers that escape everything beyond ASCII (Python).
fn json_ascii(value: &str) -> String {
    let mut escaped = String::new();
    for character in json(value).chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a text cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// JSON of writers that mind HTML (Go), with the escaped slash of PHP and old JavaScript.
fn json_html(value: &str) -> String {
    json(value).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('/', "\\/")
}

/// Ruby's `inspect`, inside its quotes.
fn ruby(value: &str) -> String {
    json(value).replace("#{", "\\#{").replace("#$", "\\#$").replace("#@", "\\#@")
}

/// Python's `repr`, inside its apostrophes.
fn python(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

/// What percent-encoders leave as it is, besides letters and digits; RFC 3986 first.
const KEPT: [&str; 5] = ["-._~", "-_.!~*'()", "*-._", "-._~!$&'()*+,;=", "-._~!$&'()*+,;=:@/?"];

/// Percent-encodings; the case of the digits and what becomes of spaces differ between encoders too.
fn url_encoded(value: &str, kept: &[&str]) -> Vec<String> {
    let mut encoded = Vec::new();
    for kept in kept {
        for digits in [*b"0123456789ABCDEF", *b"0123456789abcdef"] {
            let percent: String = value.bytes().fold(String::new(), |mut text, byte| {
                if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
                    text.push(char::from(byte));
                } else {
                    text.push('%');
                    text.push(char::from(digits[usize::from(byte >> 4)]));
                    text.push(char::from(digits[usize::from(byte & 15)]));
                }
                text
            });
            encoded.push(percent.replace("%20", "+"));
            encoded.push(percent);
        }
    }
    encoded
}

/// A backslash before each special character, as Ruby's `Shellwords.escape` and bash's `%q` do.
fn shell_words(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, character| {
        if character.is_ascii() && !character.is_ascii_alphanumeric() && !"_-.,:+/@\n%".contains(character) {
            text.push('\\');
        }
        text.push(character);
        text
    })
}

fn html(value: &str, quote: &str, apostrophe: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', quote)
        .replace('\'', apostrophe)
}

/// Two digits a byte. Fewer digits are found in any number.
fn add_hex(forms: &mut Forms, value: &str) {
    if value.len() * 2 < LINE {
        return;
    }
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        let byte = |byte: u8| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]];
        add(forms, value.bytes().flat_map(byte).collect::<Vec<u8>>());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scrubber;
    use crate::secret::Secret;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    const KEY: &str = "{\n  \"type\": \"service_account\",\n  \"private_key_id\": \"0a1b2c3d4e5f\",\n  \
        \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq\\nhkiG9w0BAQEFAASC\\n-----END PRIVATE \
        KEY-----\\n\",\n  \"token_uri\": \"https://oauth2.example/token\"\n}\n";

    fn knowing(value: &str) -> Scrubber {
        let scrubber = Scrubber::new();
        scrubber.add(&Secret::new(value));
        scrubber
    }

    #[track_caller]
    fn hides(value: &str, form: &str) {
        assert_eq!(knowing(value).scrub_text(&format!("<{form}>")), "<***>", "{form}");
    }

    #[test]
    fn escaped_forms_are_hidden() {
        let value = "p\"a/s's&w ö\\r#{d}";
        hides(value, value);
        hides(value, r##"p\"a/s's&w ö\\r#{d}"##);
        hides(value, r##"p\"a\/s's\u0026w ö\\r#{d}"##);
        hides(value, r##"p\"a/s's&w \u00f6\\r#{d}"##);
        hides(value, r##"p\"a/s's&w ö\\r\#{d}"##);
        hides(value, r##"p"a/s\'s&w ö\\r#{d}"##);
        hides(value, r##"p\\\"a/s's&w ö\\\\r#{d}"##);
        hides(value, r##"p"a/s'\''s&w ö\r#{d}"##);
        hides(value, r##"p"a/s''s&w ö\r#{d}"##);
        hides(value, r##"p\"a/s\'s\&w\ ö\\r\#\{d\}"##);
        hides(value, r##"p&quot;a/s&#39;s&amp;w ö\r#{d}"##);
    }

    #[test]
    fn url_encoded_forms_are_hidden() {
        let value = "p@ss w/ö(d)'";
        hides(value, "p%40ss%20w%2F%C3%B6%28d%29%27");
        hides(value, "p%40ss%20w%2f%c3%b6%28d%29%27");
        hides(value, "p%40ss+w%2F%C3%B6%28d%29%27");
        hides(value, "p%40ss%20w%2F%C3%B6(d)'");
    }

    #[test]
    fn hex_is_hidden() {
        hides("p@ss", "70407373");
        hides("über", "C3BC626572");
        assert_eq!(knowing("abc").scrub_text("616263"), "616263");
    }

    #[test]
    fn the_lines_of_a_key_are_hidden_one_by_one() {
        for line in KEY.lines().filter(|line| line.trim().len() >= 8) {
            assert_eq!(knowing(KEY).scrub_text(line.trim()), "***");
        }
        assert_eq!(knowing(KEY).scrub_text("{\n}"), "{\n}");
    }

    #[test]
    fn the_private_key_of_a_parsed_key_file_is_hidden() {
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";
        hides(KEY, key);
        hides(KEY, "hkiG9w0BAQEFAASC");
        hides(KEY, "0a1b2c3d4e5f");
        hides(KEY, &key.replace('\n', "\\n"));
        hides(KEY, &key.replace('\n', "\\\\n"));
        assert_eq!(knowing(KEY).scrub_text("https://oauth2.example/token"), "https://oauth2.example/token");
    }

    #[test]
    fn a_long_value_is_hidden_whole_and_costs_little() {
        let value: String = (0..6000_u64)
            .map(|number| char::from(b'!' + (number * number % 93) as u8))
            .chain("日".chars())
            .collect();
        let scrubber = knowing(&value);
        let hides = |form: String, rest: usize| {
            let scrubbed = scrubber.scrub_text(&format!("<{form}>")).replace("***", "");
            assert!(scrubbed.len() <= 2 + rest, "{scrubbed}");
        };
        hides(value.clone(), 0);
        hides(super::json(&value), 0);
        hides(super::json(&super::json(&value)), 0);
        hides(super::url_encoded(&value, &["-._~"])[0].clone(), 0);
        hides(STANDARD.encode(&value), 2);
        for line in STANDARD.encode(&value).as_bytes().chunks(76) {
            hides(String::from_utf8_lossy(line).into_owned(), 2);
        }
        let huge: String =
            (0..300_000_u64).map(|number| char::from(b'a' + (number * number % 23) as u8)).collect();
        let size: usize = super::of(&huge).iter().map(|form| form.0.len()).sum();
        assert!(size < 1 << 20, "{size}");
    }

    #[test]
    fn a_value_is_hidden_without_the_newline_of_its_file() {
        assert_eq!(knowing("opensesame\n").scrub_text("[opensesame]"), "[***]");
    }
}

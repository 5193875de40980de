//! The forms that programs print a value in: as it is, line by line, and as JSON, URL, base64, shell and HTML write it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Form;

/// Lines of a longer secret count from this many characters on: a brace alone is no secret.
const LINE: usize = 8;

/// Where tools wrap base64: Ruby at 60, OpenSSL and PEM at 64, `base64` and MIME at 76 columns. All are multiples of
/// 4, so a wrapped line is a piece of the unwrapped text.
const WRAPS: [usize; 3] = [60, 64, 76];

type Forms = BTreeSet<Form>;

/// Values that hide nothing: without them a text with `pg.ssl` as a secret would lose every `true`.
const WORDS: [&str; 5] = ["true", "false", "null", "yes", "no"];

/// Every form to look for. One character, or none, has no forms, and neither has a word such as `true`.
pub(super) fn of(value: &str) -> Forms {
    let mut forms = Forms::new();
    if WORDS.contains(&value.trim().to_ascii_lowercase().as_str()) {
        return forms;
    }
    add_encodings(&mut forms, value);
    // A file often ends with a newline that the printed value lacks.
    add_encodings(&mut forms, value.trim());
    add_lines(&mut forms, value);
    for leaf in secret_leaves(value) {
        add_encodings(&mut forms, &leaf);
        add_encodings(&mut forms, leaf.trim());
        add_lines(&mut forms, &leaf);
    }
    forms
}

fn add(forms: &mut Forms, form: impl Into<Vec<u8>>) {
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
    for url in url_encoded(value) {
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

/// Percent-encodings: what is left as it is differs between encoders, and so do the case of the digits and spaces.
fn url_encoded(value: &str) -> Vec<String> {
    const KEPT: [&str; 5] = ["-._~", "-_.!~*'()", "*-._", "-._~!$&'()*+,;=", "-._~!$&'()*+,;=:@/?"];
    let mut encoded = Vec::new();
    for kept in KEPT {
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

/// The value alone in base64, and as a part of something longer (`user:password`): then it may begin at any of the
/// three places of a group, and its first and last characters depend on its neighbours, so they are left out.
fn add_base64(forms: &mut Forms, value: &[u8]) {
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        let whole = Zeroizing::new(engine.encode(value));
        if whole.len() < LINE {
            continue;
        }
        for padding in ["", "=", "=="] {
            if (whole.len() + padding.len()).is_multiple_of(4) || padding.is_empty() {
                add(forms, format!("{}{padding}", whole.as_str()));
            }
        }
        for wrap in WRAPS {
            for line in whole.as_bytes().chunks(wrap).filter(|line| line.len() >= LINE) {
                add(forms, line);
            }
        }
        for shift in 0..3 {
            let shifted = Zeroizing::new([&[0; 2][..shift], value].concat());
            let text = Zeroizing::new(engine.encode(&*shifted));
            let first = (shift * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            if last.saturating_sub(first) >= LINE - 2 {
                add(forms, &text.as_bytes()[first..last]);
            }
        }
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
    fn base64_is_hidden_alone_and_inside_something_longer() {
        let value = "correct horse battery staple";
        hides(value, &STANDARD.encode(value));
        hides(value, STANDARD.encode(value).trim_end_matches('='));
        for before in ["", "u", "us", "user:"] {
            for after in ["", "\n", "@h"] {
                let scrubbed = knowing(value).scrub_text(&STANDARD.encode(format!("{before}{value}{after}")));
                let rest = before.len() * 8 / 6 + after.len() * 8 / 6 + 5;
                assert!(
                    scrubbed.contains("***") && scrubbed.len() <= rest + 3,
                    "{before}{after}: {scrubbed}"
                );
            }
        }
    }

    #[test]
    fn wrapped_base64_is_hidden_line_by_line() {
        let value = "x".repeat(40) + &"secret words ".repeat(20);
        for (wrap, tail) in [(60, ""), (64, ""), (76, ""), (76, "\n")] {
            let text = STANDARD.encode(format!("{value}{tail}"));
            for line in text.as_bytes().chunks(wrap) {
                let line = std::str::from_utf8(line).expect("base64 is ASCII");
                let scrubbed = knowing(&value).scrub_text(line);
                assert!(scrubbed.starts_with("***") && scrubbed.len() <= 3 + 4, "{wrap}: {line}: {scrubbed}");
            }
        }
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
    fn a_value_is_hidden_without_the_newline_of_its_file() {
        assert_eq!(knowing("opensesame\n").scrub_text("[opensesame]"), "[***]");
    }
}

//! What holds for all secrets, however they are printed and in whatever pieces that comes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::Scrubber;
use crate::secret::Secret;

/// How a program may print a value.
type Printer = fn(&str) -> String;

const PRINTERS: [(&str, Printer); 9] = [
    ("raw", str::to_owned),
    ("JSON", |value| serde_json::Value::from(value).to_string()),
    ("JSON twice", |value| serde_json::Value::from(serde_json::Value::from(value).to_string()).to_string()),
    ("URL", |value| {
        value.bytes().fold(String::new(), |text, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text + &char::from(byte).to_string()
            }
            _ => format!("{text}%{byte:02X}"),
        })
    }),
    ("form", |value| form_urlencoded::byte_serialize(value.as_bytes()).collect()),
    ("base64", |value| STANDARD.encode(value)),
    ("base64 for URLs", |value| URL_SAFE_NO_PAD.encode(value)),
    ("hex", |value| value.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("shell", |value| format!("'{}'", value.replace('\'', r"'\''"))),
];

/// Of the sorts that people have: words, digits, marks of every syntax, other alphabets, several lines.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9]{8,40}",
        "[ -~]{8,60}",
        "[$\"'`\\\\{}#%&<>|;=+/\\-éß日🔑]{8,24}",
        "[a-z]{4,12}(\n[A-Za-z0-9+/=]{8,64}){1,4}\n?",
    ]
    .prop_filter("blanks around are not looked for", |value| value.trim().len() >= 8)
}

proptest! {
    // Each case is all secrets in all forms, which a debug build takes its time for.
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_gets_through(
        secrets in prop::collection::vec(secret(), 1..4),
        texts in prop::collection::vec("[a-z ,:=\n]{0,20}", 5),
        cuts in prop::collection::vec(1_usize..400, 1..20),
    ) {
        let scrubber = Scrubber::new();
        for value in &secrets {
            scrubber.add(&Secret::new(value.as_str()));
        }
        for (name, print) in PRINTERS {
            let printed: Vec<String> = secrets.iter().map(|value| print(value)).collect();
            let text: String =
                texts.iter().zip(printed.iter().cycle()).flat_map(|(text, one)| [text, "\n", one, "\n"]).collect();
            // What ends in the half of a form may be cut there, and is hidden; nothing is cut here.
            let text = text + "that was all";
            let (mut stream, mut shown) = (scrubber.stream(), Vec::new());
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*cut).min(rest.len()));
                shown.extend(stream.push(piece));
                rest = behind;
            }
            shown.extend(stream.finish());
            let shown = String::from_utf8(shown).expect("whole characters");
            prop_assert!(shown == scrubber.scrub_text(&text), "{}: pieces make a difference", name);
            for (value, one) in secrets.iter().zip(&printed) {
                prop_assert!(!shown.contains(value.trim()) && !shown.contains(one), "{}: {}", name, shown);
                // Not in part either: where a part stands, what is around it was known to be of the secret.
                let middle: String = one.chars().skip(one.chars().count() / 2).take(12).collect();
                prop_assert!(middle.len() < 12 || !shown.contains(&middle), "{}: {} in {}", name, middle, shown);
            }
        }
    }

    #[test]
    fn text_without_a_secret_stays(
        secrets in prop::collection::vec("[A-Z0-9$'\"é]{6,60}", 1..4),
        text in "[a-z ,:=\n\u{e4}\u{65e5}]{0,300}",
    ) {
        let scrubber = Scrubber::new();
        for value in &secrets {
            scrubber.add(&Secret::new(value.as_str()));
        }
        prop_assert_eq!(scrubber.scrub_text(&text), text);
    }
}

//! Looks for secrets wherever a run leaves something.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Every way in which a secret could be written down.
pub fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).expect("text becomes JSON");
    let url = secret.bytes().fold(String::new(), |all, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            all + &char::from(byte).to_string()
        }
        _ => format!("{all}%{byte:02X}"),
    });
    let mut forms = vec![secret.to_owned(), json[1..json.len() - 1].to_owned(), url];
    forms.extend((0..3).filter_map(|shift| base64_inside(secret, shift)));
    if secret.len() >= 4 {
        forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    }
    // A long secret of several lines (a private key) must not be there in part either.
    if let Ok(key) = serde_json::from_str::<serde_json::Value>(secret)
        && let Some(private) = key["private_key"].as_str()
    {
        forms.extend(private.lines().filter(|line| line.len() > 30).map(str::to_owned));
    }
    forms
}

/// The base64 that a secret has inside of something longer, by its place in a group.
fn base64_inside(secret: &str, shift: usize) -> Option<String> {
    let text = STANDARD.encode([&[0; 2][..shift], secret.as_bytes()].concat());
    let (first, last) = ((shift * 8).div_ceil(6), (shift + secret.len()) * 8 / 6);
    (last - first >= 8).then(|| text[first..last].to_owned())
}

/// Fails when one of the secrets is in the text.
#[track_caller]
pub fn assert_none(secrets: &[String], place: &str, text: &str) {
    // Base64 and hex are wrapped into lines.
    let unwrapped: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    for (number, secret) in secrets.iter().enumerate() {
        for form in forms(secret) {
            let is_there = text.contains(&form) || form.len() >= 16 && unwrapped.contains(&form);
            assert!(!is_there, "secret {number} is in {place}: {}", around(text, &form));
        }
    }
}

/// Where it stands.
fn around(text: &str, form: &str) -> String {
    let at = text.find(form).unwrap_or(0);
    let (first, last) =
        (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + form.len()));
    text[first..text.ceil_char_boundary((last + 50).min(text.len()))].to_owned()
}

/// The same for every file below a folder, whatever its form.
#[track_caller]
pub fn assert_none_below(secrets: &[String], folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let kind = std::fs::symlink_metadata(&path).expect("it is there").file_type();
        if kind.is_dir() {
            assert_none_below(secrets, &path);
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).expect("the file can be read");
            assert_none(secrets, &path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
}

/// The same for the arguments of every process of this machine but the tests themselves.
#[track_caller]
pub fn assert_none_in_arguments(secrets: &[String]) {
    for entry in std::fs::read_dir("/proc").expect("there is /proc").flatten() {
        // A process may end while it is looked at.
        if let Ok(bytes) = std::fs::read(entry.path().join("cmdline")) {
            let arguments = String::from_utf8_lossy(&bytes).replace('\0', " ");
            assert_none(secrets, &format!("the arguments of {}", entry.path().display()), &arguments);
        }
    }
}

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
    let mut forms = vec![secret.to_owned(), json[1..json.len() - 1].to_owned(), url, STANDARD.encode(secret)];
    // A long secret of several lines (a private key) must not be there in part either.
    if let Ok(key) = serde_json::from_str::<serde_json::Value>(secret)
        && let Some(private) = key["private_key"].as_str()
    {
        forms.extend(private.lines().filter(|line| line.len() > 30).map(str::to_owned));
    }
    forms
}

/// Fails when one of the secrets is in the text.
#[track_caller]
pub fn assert_none(secrets: &[String], place: &str, text: &str) {
    for (number, secret) in secrets.iter().enumerate() {
        for form in forms(secret) {
            assert!(!text.contains(&form), "secret {number} is in {place}");
        }
    }
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

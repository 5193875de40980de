//! Words of a shell: what people paste, and what cron runs.

/// A text as one word of a shell.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+:=@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_read_is_quoted() {
        assert_eq!(word("/srv/a-b_c.dig"), "/srv/a-b_c.dig");
        assert_eq!(word(""), "''");
        assert_eq!(word("it's $x"), "'it'\\''s $x'");
    }
}

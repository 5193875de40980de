//! A SQL script and where its statements stand, so that errors can name the line.

/// Which quotes and comments there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Dollar quotes, `E'...'`, comments within comments; `#` is an operator.
    Postgres,
    /// As PostgreSQL's, but a backslash escapes in every `'...'`.
    Redshift,
    /// Backslashes in quotes, backquotes, `#` comments. SQLite's is a part of it, as far as scripts have been seen.
    Mysql,
}

/// The text, and the file it is from.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    file: Option<String>,
    syntax: Syntax,
    /// The byte where each statement begins.
    starts: Vec<usize>,
}

/// Characters of a statement that a message shows.
const SHOWN: usize = 120;
/// Bytes from which they are taken: blanks come off.
const LOOKED_AT: usize = 4096;

impl Script {
    pub(super) fn new(text: String, file: Option<String>, syntax: Syntax) -> Self {
        let starts = statement_starts(&text, syntax);
        Self { text, file, syntax, starts }
    }

    /// How many statements it seems to have.
    pub(super) fn statements(&self) -> usize {
        self.starts.len()
    }

    /// Where the statement with this number (from 0) begins.
    pub(super) fn start(&self, statement: usize) -> usize {
        self.starts.get(statement).or(self.starts.last()).copied().unwrap_or_default()
    }

    /// The line, from 1, of a byte.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
    }

    /// The statement around a byte, on one line and cut short. Texts in it, which may be keys or values, are `'…'`;
    /// only addresses in S3 are shown.
    pub(super) fn excerpt(&self, byte: usize) -> String {
        let start = self.starts.iter().rev().find(|start| **start <= byte).copied().unwrap_or_default();
        let bytes = self.text.as_bytes();
        let mut shown = String::new();
        let mut at = start;
        while at < bytes.len() && bytes[at] != b';' && shown.len() <= LOOKED_AT {
            let length = if let Some(length) = comment(&bytes[at..], self.syntax) {
                shown.push(' ');
                length
            } else if let Some(length) = quoted(&bytes[..at], &bytes[at..], self.syntax) {
                let text = &self.text[at..at + length];
                let is_shown = text.starts_with(['"', '`']) || text.starts_with("'s3://");
                shown.push_str(if is_shown { text } else { "'…'" });
                length
            } else {
                let letter = self.text[at..].chars().next().unwrap_or(' ');
                shown.push(letter);
                letter.len_utf8()
            };
            at += length;
        }
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        }
    }

    /// `the statement at q.sql:3`, or `the statement at line 3`.
    pub(super) fn place(&self, line: usize) -> String {
        match &self.file {
            Some(file) => format!("the statement at {file}:{line}"),
            None => format!("the statement at line {line}"),
        }
    }
}

/// Statements are parted by `;` outside of quotes and comments. The server parses for itself; this only finds lines,
/// so the bodies of procedures, which hold semicolons, cost no more than a line that is a little off.
fn statement_starts(text: &str, syntax: Syntax) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = Vec::new();
    let mut waits_for_statement = true;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if let Some(length) = comment(rest, syntax) {
            at += length;
            continue;
        }
        if waits_for_statement && !rest[0].is_ascii_whitespace() && rest[0] != b';' {
            starts.push(at);
            waits_for_statement = false;
        }
        if rest[0] == b';' {
            waits_for_statement = true;
        }
        at += quoted(&bytes[..at], rest, syntax).unwrap_or(1);
    }
    starts
}

/// The length of the comment that begins here, without the end of its line.
fn comment(rest: &[u8], syntax: Syntax) -> Option<usize> {
    let line = rest.starts_with(b"--") || (syntax == Syntax::Mysql && rest.starts_with(b"#"));
    if line {
        return Some(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with(b"/*") {
        return None;
    }
    let mut depth = 1;
    let mut at = 2;
    while at < rest.len() && depth > 0 {
        if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else if syntax != Syntax::Mysql && rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    Some(at)
}

/// The length of the quoted text that begins here. Doubled quotes end and begin again.
fn quoted(before: &[u8], rest: &[u8], syntax: Syntax) -> Option<usize> {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
    let quote = rest[0];
    let backslashes = match (syntax, quote) {
        (Syntax::Postgres | Syntax::Redshift, b'$') if !before.last().is_some_and(in_word) => {
            return dollar_quoted(rest);
        }
        // Only `E'...'` has them, where the E is a word of its own.
        (Syntax::Postgres, b'\'') => match before {
            [.., byte, b'e' | b'E'] => !in_word(byte),
            [b'e' | b'E'] => true,
            _ => false,
        },
        // A `\'` elsewhere than in MySQL is rare.
        (Syntax::Mysql, b'\'' | b'"') | (Syntax::Redshift, b'\'') => true,
        (Syntax::Postgres | Syntax::Redshift, b'"') | (Syntax::Mysql, b'`') => false,
        _ => return None,
    };
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' && backslashes { 2 } else { 1 };
    }
    Some((at + 1).min(rest.len()))
}

/// `$$...$$` and `$word$...$word$`; none where it is a parameter such as `$1`.
fn dollar_quoted(rest: &[u8]) -> Option<usize> {
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..);
    let length = rest[1..].iter().take_while(|byte| is_tag(byte)).count();
    if rest.get(length + 1) != Some(&b'$') || rest[1].is_ascii_digit() {
        return None;
    }
    let tag = &rest[..length + 2];
    let end = rest[tag.len()..].windows(tag.len()).position(|window| window == tag);
    Some(end.map_or(rest.len(), |end| end + 2 * tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAXES: [Syntax; 3] = [Syntax::Mysql, Syntax::Postgres, Syntax::Redshift];

    fn begins(text: &str, syntax: Syntax) -> Vec<(usize, String)> {
        let script = Script::new(text.to_owned(), None, syntax);
        let word = |start: usize| text[start..].split_whitespace().next().unwrap_or_default().to_owned();
        script.starts.iter().map(|start| (script.line(*start), word(*start))).collect()
    }

    fn owned(begins: &[(usize, &str)]) -> Vec<(usize, String)> {
        begins.iter().map(|(line, word)| (*line, (*word).to_owned())).collect()
    }

    #[test]
    fn statements_are_found_between_semicolons() {
        let text = "-- a; b\nselect ';' as \"x;y\";\n\n/* ; */ insert into `t;` values ('it''s', 'a\\';');\n# end;\nselect 1";
        assert_eq!(begins(text, Syntax::Mysql), owned(&[(2, "select"), (4, "insert"), (6, "select")]));
        let script = Script::new(text.to_owned(), Some("q.sql".to_owned()), Syntax::Mysql);
        assert_eq!(script.place(4), "the statement at q.sql:4");
        assert_eq!(script.start(9), script.start(2));
    }

    #[test]
    fn postgresql_has_quotes_of_its_own() {
        let text = "do $$ begin; end $$;\ncreate function f() as $a$ ; $$ ; $b$ ; $a$;\n/* /* ; */ ; */ select 'a\\';\n\
                    insert into t values (E'it\\'s; ', name'x\\');\nselect a$b$c;\nselect $1 # 2;\nselect \"a;b\";";
        let expected = owned(&[
            (1, "do"),
            (2, "create"),
            (3, "select"),
            (4, "insert"),
            (5, "select"),
            (6, "select"),
            (7, "select"),
        ]);
        assert_eq!(begins(text, Syntax::Postgres), expected);
    }

    #[test]
    fn backslashes_escape_in_every_text_of_redshift() {
        let text = "select 'a\\'; it''s', \"x\\\"; select 2";
        assert_eq!(begins(text, Syntax::Redshift), owned(&[(1, "select"), (1, "select")]));
        assert_eq!(begins(text, Syntax::Postgres), owned(&[(1, "select"), (1, "it''s',")]));
    }

    #[test]
    fn an_excerpt_shows_no_texts() {
        let excerpt = |text: &str, word: &str| {
            let at = text.find(word).expect("it is there");
            Script::new(text.to_owned(), None, Syntax::Redshift).excerpt(at)
        };
        let copy = "select 1;\ncopy \"T\" -- soon\n  from 's3://b/k' credentials 'aws_access_key_id=A;aws_secret_access_key=B\\''\n csv;select 2";
        assert_eq!(excerpt(copy, "csv"), "copy \"T\" from 's3://b/k' credentials '…' csv");
        assert_eq!(excerpt(copy, "2"), "select 2");
        assert_eq!(excerpt("do $$ 'key' $$ /* it's */ + 5", "5"), "do '…' + 5");
        let long = format!("select {}", "語, ".repeat(90));
        assert!(excerpt(&long, "select").ends_with("語, 語,…"));
    }

    #[test]
    fn unclosed_and_empty_texts_end() {
        for text in [
            "",
            ";;",
            "'",
            "select '\\",
            "/*",
            "--",
            "select `",
            "$",
            "$a",
            "$a$",
            "$$ x",
            "e'\\",
            "/*/",
            "é$é$",
        ] {
            for syntax in SYNTAXES {
                let _ = Script::new(text.to_owned(), None, syntax).excerpt(text.len());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends(text in "[-a'\"$;\\\\/*#`eE \n1é]{0,40}") {
            for syntax in SYNTAXES {
                let script = Script::new(text.clone(), None, syntax);
                proptest::prop_assert!(script.starts.iter().all(|start| text.is_char_boundary(*start)));
                for byte in 0..=text.len() {
                    let _ = script.excerpt(byte);
                }
            }
        }
    }
}

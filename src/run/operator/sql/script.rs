//! A SQL script and where its statements stand, so that errors can name the line.

/// The text, and the file it is from.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    file: Option<String>,
    /// The byte where each statement begins.
    starts: Vec<usize>,
}

impl Script {
    pub(super) fn new(text: String, file: Option<String>) -> Self {
        let starts = statement_starts(&text);
        Self { text, file, starts }
    }

    /// Where the statement with this number (from 0) begins.
    pub(super) fn start(&self, statement: usize) -> usize {
        self.starts.get(statement).or(self.starts.last()).copied().unwrap_or_default()
    }

    /// The line, from 1, of a byte.
    pub(super) fn line(&self, byte: usize) -> usize {
        self.text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
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
fn statement_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = Vec::new();
    let mut waits_for_statement = true;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"--") || rest[0] == b'#' {
            at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with(b"/*") {
            let end = rest.windows(2).skip(2).position(|pair| pair == b"*/");
            at += end.map_or(rest.len(), |end| end + 4);
            continue;
        }
        if waits_for_statement && !rest[0].is_ascii_whitespace() && rest[0] != b';' {
            starts.push(at);
            waits_for_statement = false;
        }
        match rest[0] {
            b';' => waits_for_statement = true,
            quote @ (b'\'' | b'"' | b'`') => at += quoted(&rest[1..], quote),
            _ => {}
        }
        at += 1;
    }
    starts
}

/// The bytes to the end of what is quoted, its closing quote included. Doubled quotes end and begin again; only
/// MySQL knows backslashes, and a `\'` elsewhere is rare.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' && quote != b'`' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_between_semicolons() {
        let text = "-- a; b\nselect ';' as \"x;y\";\n\n/* ; */ insert into `t;` values ('it''s', 'a\\';');\n# end;\nselect 1";
        let script = Script::new(text.to_owned(), Some("q.sql".to_owned()));
        let begins: Vec<_> =
            script.starts.iter().map(|start| (script.line(*start), &text[*start..*start + 6])).collect();
        assert_eq!(begins, [(2, "select"), (4, "insert"), (6, "select")]);
        assert_eq!(script.place(4), "the statement at q.sql:4");
        assert_eq!(script.start(9), script.start(2));
    }

    #[test]
    fn unclosed_and_empty_texts_end() {
        for text in ["", ";;", "'", "select '\\", "/*", "--", "select `"] {
            let _ = statement_starts(text);
        }
    }
}

//! Finds the `${...}` in a text, by Digdag's rules, quirks included: braces are counted and string literals are not
//! understood, so a lone brace in one ends the template early or never.

/// A text, cut into what is copied and what is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// In order. Two literals never stand side by side.
    pub parts: Vec<Part>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Copied. `$$` is already `$` here.
    Literal(String),
    /// JavaScript between `${` and `}`; never empty. `at` is the byte in the text where it begins, after `${`.
    Expression { code: String, at: usize },
}

impl Template {
    /// Cuts a text. Every text is a template; an unclosed `${` and what follows is literal.
    pub fn scan(text: &str) -> Self {
        let mut parts = Parts::default();
        let mut rest = 0;
        while let Some(found) = text[rest..].find("${") {
            let start = rest + found;
            let code_start = start + 2;
            if let Some(length) = kept_prefix(&text[code_start..]) {
                parts.literal(&text[rest..start]);
                parts.verbatim(&text[start..code_start + length]);
                rest = code_start + length;
                continue;
            }
            let Some(end) = closing_brace(text, code_start) else { break };
            parts.literal(&text[rest..start]);
            parts.expression(&text[code_start..end], code_start);
            rest = end + 1;
        }
        parts.literal(&text[rest..]);
        parts.finish()
    }

    /// Whether there is anything to evaluate.
    pub fn has_expressions(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Expression { .. }))
    }

    /// The text, when there is nothing to evaluate.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The expressions in order, each with the byte in the text where it begins.
    pub fn expressions(&self) -> impl Iterator<Item = (&str, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression { code, at } => Some((code.as_str(), *at)),
            Part::Literal(_) => None,
        })
    }
}

/// `secret:` in `${secret:name}`: lower-case letters and a colon are kept for operators. The length with the colon.
fn kept_prefix(code: &str) -> Option<usize> {
    let letters = code.bytes().take_while(u8::is_ascii_lowercase).count();
    (letters > 0 && code.as_bytes().get(letters) == Some(&b':')).then_some(letters + 1)
}

/// The byte of the brace that closes what was opened just before `start`.
fn closing_brace(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[derive(Default)]
struct Parts {
    done: Vec<Part>,
    literal: String,
}

impl Parts {
    fn literal(&mut self, text: &str) {
        self.literal.push_str(&text.replace("$$", "$"));
    }

    fn verbatim(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    fn expression(&mut self, code: &str, at: usize) {
        // `${}` is nothing at all; `${ }` is a syntax error, as in Digdag.
        if code.is_empty() {
            return;
        }
        self.end_literal();
        self.done.push(Part::Expression { code: code.to_owned(), at });
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            self.done.push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn finish(mut self) -> Template {
        self.end_literal();
        Template { parts: self.done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expressions in `<>`.
    fn shown(text: &str) -> String {
        let parts = Template::scan(text).parts;
        parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.clone(),
                Part::Expression { code, .. } => format!("<{code}>"),
            })
            .collect()
    }

    #[test]
    fn texts_are_cut_as_digdag_cuts_them() {
        for (text, expected) in [
            ("p${1}s", "p<1>s"),
            ("${}", ""),
            ("${ }", "< >"),
            ("${v", "${v"),
            ("$HOME $(cmd) $1 $", "$HOME $(cmd) $1 $"),
            ("$$", "$"),
            ("$$$", "$$"),
            ("$${a}", "$<a>"),
            ("$$${a}", "$<a>"),
            ("\\${a}", "\\<a>"),
            ("${'$'}{HOME}", "<'$'>{HOME}"),
            ("${\"${HOME}\"}", "<\"${HOME}\">"),
            ("${secret:k}", "${secret:k}"),
            ("${var:-x}", "${var:-x}"),
            ("${VAR:-x}", "<VAR:-x>"),
            ("${secret:${k}}", "${secret:<k>}"),
            ("${ {a:1}.a }", "< {a:1}.a >"),
            ("${{a:1}}", "<{a:1}>"),
            ("${\"}\"}", "<\">\"}"),
            ("${\"{\"} ${a}", "${\"{\"} ${a}"),
            ("${1} and ${2", "<1> and ${2"),
            ("{1} $ {1}", "{1} $ {1}"),
            ("日${a}本", "日<a>本"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn expressions_know_where_they_begin() {
        let template = Template::scan("日${a} ${ b }");
        assert_eq!(template.expressions().collect::<Vec<_>>(), [("a", 5), (" b ", 10)]);
    }
}

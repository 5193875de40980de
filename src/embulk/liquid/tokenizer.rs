//! Cuts a template into text, `{{ … }}` and `{% … %}`.
//!
//! As in Ruby the cut knows nothing of quotes: `{{ '}}' }}` ends at the first `}}`, and a single `}` ends an output
//! too (which is then found to be unterminated).

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    /// Its first byte in the template.
    pub(super) at: usize,
}

/// All pieces in order; none is empty.
pub(super) fn tokenize(template: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut push = |from: usize, to: usize| {
        if from < to {
            tokens.push(Token { text: &template[from..to], at: from });
        }
    };
    let mut at = 0;
    while let Some(start) = next_start(template, at) {
        push(at, start);
        let end = end_of(template, start);
        push(start, end);
        at = end;
    }
    push(at, template.len());
    tokens
}

fn next_start(template: &str, from: usize) -> Option<usize> {
    let bytes = template.as_bytes();
    (from..bytes.len().saturating_sub(1))
        .find(|&at| bytes[at] == b'{' && matches!(bytes[at + 1], b'{' | b'%'))
}

/// The end of the tag or output that starts at `start`; only its two start characters when it has none.
fn end_of(template: &str, start: usize) -> usize {
    let body = start + 2;
    let rest = &template[body..];
    if template.as_bytes()[start + 1] == b'%' {
        return rest.find("%}").map_or(body, |at| body + at + 2);
    }
    match rest.find('}') {
        Some(at) if rest[at + 1..].starts_with('}') => body + at + 2,
        Some(at) => body + at + 1,
        None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(template: &str) -> Vec<&str> {
        tokenize(template).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn text_outputs_and_tags() {
        assert_eq!(texts("a {{ b }}c{% d %}"), ["a ", "{{ b }}", "c", "{% d %}"]);
        assert_eq!(texts("{{ '}}' }}"), ["{{ '}}", "' }}"]);
        assert_eq!(texts("{{ a } }"), ["{{ a }", " }"]);
        assert_eq!(texts("x {{ a"), ["x ", "{{", " a"]);
        assert_eq!(texts("{{{ a }}}"), ["{{{ a }}", "}"]);
        assert!(tokenize("").is_empty());
    }
}

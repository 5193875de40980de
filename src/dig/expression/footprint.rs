//! Whether code may leave something behind: a property on `Array.prototype`, a variable in the global scope. The next
//! text then needs a scope of its own, which costs more than most texts. So this may say yes too often (for a pattern
//! with `=` in it, for every function), and the usual texts are a no: a name, a call of `moment`, `replace`, a comparison.

/// An assignment, or a word that reaches what texts share or hands code on. A word that is put together of parts
/// (`x['proto' + 'type']`) is not seen: nobody writes that by accident.
pub(super) fn may_leave_something(code: &str) -> bool {
    // `>>=` and `<<=` look like comparisons below. A backslash may spell any word.
    let signs = ["++", "--", ">>=", "<<=", "\\"];
    let words = [
        "eval",
        "unction",
        "async",
        "import",
        "delete",
        "defineP",
        "assign",
        "freeze",
        "seal",
        "prevent",
        "roto",
        "__",
        "onstructor",
        ".fn",
        "call",
        "apply",
        "bind",
        "push",
        "shift",
        "splice",
        "fill",
        "Reflect",
        "Promise",
        "queue",
        "Registry",
        "Threshold",
        "Rounding",
    ];
    assigns(code) || signs.iter().chain(&words).any(|word| code.contains(word))
}

/// Whether there is a `=` that is part of no comparison and no arrow.
fn assigns(code: &str) -> bool {
    // Where patterns and template literals may hold quotes, texts cannot be told from code so simply.
    let outside = if code.contains(['/', '`']) { code.to_owned() } else { without_texts(code) };
    let bytes = outside.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let compares = matches!(before, Some(b'=' | b'!' | b'<' | b'>'))
            || matches!(bytes.get(at + 1), Some(b'=' | b'>'));
        *byte == b'=' && !compares
    })
}

fn without_texts(code: &str) -> String {
    let mut quote = None;
    code.chars()
        .filter(|letter| {
            let inside = quote.is_some();
            match (quote, letter) {
                (None, '"' | '\'') => quote = Some(*letter),
                (Some(open), letter) if open == *letter => quote = None,
                _ => {}
            }
            !inside
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_texts_leave_nothing() {
        for code in [
            "x",
            "m.k[0]['a-b']",
            "a == 'b' ? c : d",
            "a >= 1 && b <= 2 || c !== 3",
            "typeof x == 'undefined' ? '' : x",
            "session_date.replace(/-/g, '')",
            "moment(session_time).add(-1, 'days').format('YYYY-MM-DD')",
            "'dt=' + session_date",
            "JSON.stringify(m)",
            "[1, 2].map(x => x + 1).join(',')",
            "Object.keys(m)",
        ] {
            assert!(!may_leave_something(code), "{code}");
        }
    }

    #[test]
    fn what_changes_something_or_could_is_found() {
        for code in [
            "x = 1",
            "x += 1",
            "x >>= 1",
            "i++",
            "a == 1 && (b = 2)",
            "'=' + (x = '=')",
            "/'/.test(x = 1, '')",
            "`${x = 1}`",
            "l.push(1)",
            "[].push.call(Math, 1)",
            "Object.freeze(Math)",
            "Array.prototype.x",
            "(function () { return 1 })()",
            "eval('1')",
            "Promise.resolve(1)",
            "moment.relativeTimeThreshold('m', 1)",
            "\"\\x5f\\x5fproto\"",
        ] {
            assert!(may_leave_something(code), "{code}");
        }
    }
}

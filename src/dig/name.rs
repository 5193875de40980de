//! Which names tasks and workflows may have, as Digdag has it: a task's name is part of file names and of keys in S3.

/// Longest name, in characters.
const MAX_LENGTH: usize = 255;

/// Whether a task's key (`+orders`) is a name. The error is a fragment that follows the name.
pub(super) fn check_task(key: &str) -> Result<(), String> {
    let Some(name) = key.strip_prefix(['+', '^']) else {
        return Err("must start with '+' or '^'".to_owned());
    };
    if key.chars().count() > MAX_LENGTH {
        return Err(format!("must not be longer than {MAX_LENGTH} characters"));
    }
    match name.chars().find(|letter| !may_stand_in_a_name(*letter)) {
        Some(letter) => Err(format!("must not contain character '{letter}'")),
        None => Ok(()),
    }
}

fn may_stand_in_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-=[]{}%&@`,.^".contains(letter)
}

/// Whether a file's name without `.dig` can be a workflow's. The error is a fragment that follows the name.
pub(super) fn check_workflow(name: &str) -> Result<(), String> {
    let Some(first) = name.chars().next() else { return Err("must not be blank".to_owned()) };
    if first.is_ascii_digit() {
        return Err("must not start with a numeric digit (0-9)".to_owned());
    }
    if "+^@/\\:*?\"<>|".contains(first) {
        return Err(format!("must not start with `{first}`"));
    }
    if name.ends_with(".dig") {
        return Err("must not end with `.dig`".to_owned());
    }
    check_task(&format!("+{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_names_are_what_digdag_takes() {
        for good in ["+a", "+", "+1", "+A-b_c=[d]{e}%&@`,.^", "+for-0=fruit=0=apple", "^error"] {
            assert_eq!(check_task(good), Ok(()), "{good}");
        }
        for (bad, message) in [
            ("+ a", "must not contain character ' '"),
            ("+a*b", "must not contain character '*'"),
            ("+a/b", "must not contain character '/'"),
            ("+a+b", "must not contain character '+'"),
            ("+日本", "must not contain character '日'"),
            ("a", "must start with '+' or '^'"),
        ] {
            assert_eq!(check_task(bad), Err(message.to_owned()), "{bad}");
        }
        assert!(check_task(&format!("+{}", "a".repeat(254))).is_ok());
        let long = check_task(&format!("+{}", "日".repeat(255)));
        assert_eq!(long, Err("must not be longer than 255 characters".to_owned()));
    }

    #[test]
    fn workflow_names_do_not_begin_with_digits_or_marks() {
        for good in ["main", "_a", "-a", "=a"] {
            assert_eq!(check_workflow(good), Ok(()), "{good}");
        }
        assert_eq!(check_workflow("1st"), Err("must not start with a numeric digit (0-9)".to_owned()));
        assert_eq!(check_workflow("a.dig"), Err("must not end with `.dig`".to_owned()));
        assert_eq!(check_workflow(""), Err("must not be blank".to_owned()));
        for first in "+^@/\\:*?\"<>|".chars() {
            assert_eq!(check_workflow(&format!("{first}x")), Err(format!("must not start with `{first}`")));
        }
        assert_eq!(check_workflow("a+b"), Err("must not contain character '+'".to_owned()));
        assert_eq!(
            check_workflow(&"a".repeat(255)),
            Err("must not be longer than 255 characters".to_owned())
        );
        assert_eq!(check_workflow("my flow"), Err("must not contain character ' '".to_owned()));
    }
}

//! Names of secrets: what may be one, and the variable of the environment that gives it.

/// The prefix of variables that give secrets.
pub const VARIABLE_PREFIX: &str = "SYNC_SECRET_";

/// A name that cannot be a secret's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name for a secret: letters, digits, `.`, `_` and `-` make one")]
pub struct NameError(pub String);

/// Whether a name can be a secret's: letters, digits, `.`, `_` and `-`, with a letter, digit or `_` first.
/// It is a file name as well, so nothing in it can leave a directory.
pub fn check(name: &str) -> Result<(), NameError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.chars().all(is_allowed) && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        Ok(())
    } else {
        Err(NameError(name.to_owned()))
    }
}

/// The variable that gives the secret: the name in upper case, other characters than letters and digits as `_`.
pub fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    VARIABLE_PREFIX.chars().chain(upper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["mysql.password", "A", "a-b_c.1", "_x"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "-x", "a b", "a:b", "ö", "a\0"] {
            assert!(check(name).is_err(), "{name}");
        }
        assert_eq!(
            NameError("a b".into()).to_string(),
            "`a b` is no name for a secret: letters, digits, `.`, `_` and `-` make one"
        );
    }

    #[test]
    fn variables_are_upper_case() {
        assert_eq!(variable("mysql.password-2"), "SYNC_SECRET_MYSQL_PASSWORD_2");
    }
}

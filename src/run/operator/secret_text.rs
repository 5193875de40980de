//! `${secret:name}` in texts that operators expand.

use super::{OperatorError, OperatorRequest};

const OPEN: &str = "${secret:";

/// Whether a text as it is written asks for a secret.
pub(super) fn holds_secret(text: &str) -> bool {
    text.contains(OPEN)
}

/// The text with the values of secrets in place of `${secret:name}`. Never log or store what comes out.
pub(super) fn expand(text: &str, request: &OperatorRequest<'_>) -> Result<String, OperatorError> {
    if !holds_secret(text) {
        return Ok(text.to_owned());
    }
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let Some(length) = rest[start..].find('}') else { break };
        let name = rest[start + OPEN.len()..start + length].trim();
        let secret = request.secrets.get(name)?;
        request.services.guard.learn(secret.expose());
        expanded.push_str(&rest[..start]);
        expanded.push_str(secret.expose());
        rest = &rest[start + length + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn secrets_stand_for_their_names() {
        let bench = Bench::new().secret("db.password", "p${x}w");
        let expanded =
            |text: &str| bench.with_request(|request| expand(text, request)).map_err(|error| error.message);
        assert_eq!(expanded("a ${secret:db.password}!"), Ok("a p${x}w!".to_owned()));
        assert_eq!(expanded("${secret:db.password}${secret:db.password}"), Ok("p${x}wp${x}w".to_owned()));
        assert_eq!(expanded("${secret:open"), Ok("${secret:open".to_owned()));
        assert_eq!(expanded("${secret:other}"), Err("Secret not found for key: 'other'".to_owned()));
        assert!(bench.services().guard.contains_secret("p${x}w"));
    }
}

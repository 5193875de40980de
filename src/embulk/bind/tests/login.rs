//! `auth_method` of the databases.

use super::*;
use crate::embulk::input::DatabaseAuth;

#[test]
fn a_token_may_stand_in_for_the_password() {
    for kind in ["mysql", "postgresql"] {
        let auth = |lines: &str| {
            let config = bound(&format!(
                "{OUT}in: {{type: {kind}, host: h, user: u, database: d, table: t, ssl: verify{lines}}}\n"
            ));
            match config.input {
                InputConfig::Mysql(input) => input.auth,
                InputConfig::Postgresql(input) => input.auth,
                _ => panic!("a database"),
            }
        };
        assert_eq!(auth(""), DatabaseAuth::Password);
        assert_eq!(auth(", password: p, auth_method: password"), DatabaseAuth::Password);
        assert_eq!(auth(", auth_method: iam"), DatabaseAuth::Iam { region: None });
        let region = Some("eu-west-1".to_owned());
        assert_eq!(auth(", auth_method: iam, region: eu-west-1"), DatabaseAuth::Iam { region });
    }
}

#[test]
fn what_does_not_go_with_a_token_is_said() {
    for (lines, expected) in [
        ("  auth_method: iam\n", vec!["8:16 error bad-value: `auth_method: iam` needs `ssl: verify`"]),
        ("  auth_method: iam\n  options: {sslMode: REQUIRED}\n", vec![]),
        (
            "  ssl: enable\n  auth_method: iam\n  password: p\n",
            vec!["10:13 error bad-value: `password` cannot be given with `auth_method: iam`"],
        ),
        (
            "  region: eu-west-1\n",
            vec!["8:3 warning ignored-option: `region` has no effect: it belongs to `auth_method: iam`"],
        ),
        (
            "  auth_method: kerberos\n",
            vec!["8:16 error bad-value: `auth_method` must be one of password, iam, not `kerberos`"],
        ),
    ] {
        let text =
            format!("{OUT}in:\n  type: mysql\n  host: h\n  user: u\n  database: d\n  table: t\n{lines}");
        assert_eq!(problems(&text), expected, "{lines}");
    }
}

//! Passwords for databases of RDS and Aurora that let IAM say who somebody is: a signed request that is never sent.
//! The server takes it as a password, for a quarter of an hour.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;

use super::aws::{Aws, root_cause};
use super::block_on;
use crate::secret::Secret;

/// As long as AWS allows.
const LIFETIME: Duration = Duration::from_secs(900);

/// Who is let in where.
#[derive(Debug, Clone, Copy)]
pub struct Login<'l> {
    /// The endpoint, as AWS names it: the server checks that the token is for itself.
    pub host: &'l str,
    /// Its port.
    pub port: u16,
    /// The user of the database.
    pub user: &'l str,
    /// None: the one in the name of the host, else the one that the AWS SDK finds.
    pub region: Option<&'l str>,
}

/// A token for a login, by the credentials that the AWS SDK finds. An error is one line without values.
pub fn token(login: &Login<'_>) -> Result<Secret, String> {
    static AWS: OnceLock<Aws> = OnceLock::new();
    block_on(async {
        let config = AWS.get_or_init(Aws::new).config().await;
        let named = login.region.or_else(|| region_of(login.host));
        let region = named
            .or_else(|| config.region().map(AsRef::as_ref))
            .ok_or("no AWS region is known: set `region`, or `AWS_REGION`")?;
        let provider = config.credentials_provider().ok_or("no AWS credentials are known")?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| format!("no AWS credentials were found: {}", root_cause(&error)))?;
        signed(login, region, credentials, SystemTime::now())
    })
}

/// The region in the name of an endpoint: `NAME.ID.REGION.rds.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let host = host.trim_end_matches('.');
    let name = ["amazonaws.com", "amazonaws.com.cn"]
        .iter()
        .find_map(|end| host.strip_suffix(end)?.strip_suffix(".rds."))?;
    name.rsplit('.').next().filter(|region| region.contains('-'))
}

fn signed(
    login: &Login<'_>,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<Secret, String> {
    let failed =
        |error: &dyn std::error::Error| format!("the token could not be signed: {}", root_cause(error));
    let address = format!("{}:{}/?Action=connect&DBUser={}", login.host, login.port, escaped(login.user));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFETIME);
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| failed(&error))?;
    let url = format!("https://{address}");
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(b""))
        .map_err(|error| failed(&error))?;
    let (instructions, _) = sign(request, &parameters.into()).map_err(|error| failed(&error))?.into_parts();
    let mut token = address;
    for (name, value) in in_order(instructions.params()) {
        token.push_str(&format!("&{name}={}", escaped(value)));
    }
    Ok(Secret::new(token))
}

/// The parameters in the order in which AWS's own tools write them.
fn in_order<'p, V: AsRef<str>>(parameters: &'p [(&'p str, V)]) -> impl Iterator<Item = (&'p str, &'p str)> {
    const ORDER: [&str; 7] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
    ];
    ORDER.iter().filter_map(|name| {
        parameters.iter().find(|(known, _)| known == name).map(|(name, value)| (*name, value.as_ref()))
    })
}

/// A text in a query, escaped as AWS wants it: all but letters, digits and `-._~`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const AT: u64 = 1_700_000_000;

    /// What AWS's own library gives.
    const BOTOCORE: &str = r#"
import datetime, sys
import botocore.auth, botocore.session
from botocore.credentials import Credentials
at = datetime.datetime.fromtimestamp(int(sys.argv[1]), datetime.timezone.utc)
class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return at
    @classmethod
    def utcnow(cls): return at.replace(tzinfo=None)
if hasattr(botocore.auth, 'get_current_datetime'):
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: at.replace(tzinfo=None) if remove_tzinfo else at
class Module: datetime = Clock
botocore.auth.datetime = Module
session = botocore.session.Session()
for host, port, user, region, token in [line.split('\t') for line in sys.stdin.read().splitlines()]:
    session._credentials = Credentials('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', token or None)
    client = session.create_client('rds', region_name=region)
    print(client.generate_db_auth_token(host, int(port), user))
"#;

    const CASES: [(&str, u16, &str, &str, Option<&str>); 5] = [
        ("db.abc.ap-northeast-1.rds.amazonaws.com", 3306, "reader", "ap-northeast-1", None),
        ("db.abc.eu-west-1.rds.amazonaws.com", 5432, "jane_doe", "eu-west-1", Some("IQoJb3JpZ2luX2VjE//+==")),
        ("db.example.com", 3307, "a b+c/d@e~f-g.h&i=j%k*", "us-east-1", None),
        ("db.cluster-ro-x.cn-north-1.rds.amazonaws.com.cn", 5432, "読者", "cn-north-1", Some("t")),
        ("10.0.0.1", 443, "u", "us-gov-west-1", None),
    ];

    #[test]
    fn tokens_are_those_of_botocore() {
        let Ok(python) = std::env::var("SYNC_TEST_BOTOCORE") else {
            assert!(
                std::env::var("SYNC_TEST_REQUIRE").as_deref() != Ok("1"),
                "`SYNC_TEST_BOTOCORE` is not set"
            );
            return;
        };
        let ours = CASES.map(|(host, port, user, region, token)| {
            let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
            let credentials = Credentials::new("AKIDEXAMPLE", key, token.map(str::to_owned), None, "test");
            let login = Login { host, port, user, region: None };
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(AT);
            signed(&login, region, credentials, now).unwrap().expose().to_owned()
        });
        let given = CASES.map(|(host, port, user, region, token)| {
            format!("{host}\t{port}\t{user}\t{region}\t{}\n", token.unwrap_or_default())
        });
        let input = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(input.path(), given.concat()).unwrap();
        let said = Command::new(python)
            .args(["-c", BOTOCORE, &AT.to_string()])
            .stdin(input.reopen().unwrap())
            .env("PYTHONIOENCODING", "utf-8")
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let theirs = String::from_utf8(said.stdout).unwrap();
        assert_eq!(ours.to_vec(), theirs.lines().collect::<Vec<_>>());
    }

    #[test]
    fn the_region_stands_in_the_name_of_an_endpoint() {
        for (host, region) in [
            ("db.abc.ap-northeast-1.rds.amazonaws.com", Some("ap-northeast-1")),
            ("db.cluster-abc.cn-north-1.rds.amazonaws.com.cn.", Some("cn-north-1")),
            ("db.example.com", None),
            ("rds.amazonaws.com", None),
            ("x.rds.amazonaws.com", None),
        ] {
            assert_eq!(region_of(host), region, "{host}");
        }
    }
}

//! The keys that a statement carries: made for it alone, unless `temp_credentials` is false.

use std::process::Command;

use super::{failure, give_keys, no_keys, project, put};
use crate::support::redshift::redshift_database;
use crate::support::servers::{Aws, aws, fresh_name, variable};
use crate::support::webhook::{Reply, Webhook};

/// Makes a role that may do everything; gives its ARN and keys of a session of it.
fn role(aws: &Aws) -> Option<[String; 4]> {
    let python = variable("SYNC_TEST_BOTOCORE", "Python with boto3")?;
    let program = r#"
import json, sys
import boto3
name = sys.argv[1]
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
iam, sts = boto3.client("iam"), boto3.client("sts")
arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
print(arn, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], sep="\n")
"#;
    let mut command = Command::new(python);
    let output = command.args(["-c", program, &fresh_name("role")]).envs(aws.environment()).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    Some(lines.try_into().expect("four lines"))
}

#[test]
fn a_role_is_taken_on() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    let Some([arn, ..]) = role(&aws) else { return };
    database.run("create table t (id int)");
    let key = put(&aws, "1\n");
    let tasks = format!(
        "+load:\n  redshift_load>:\n  table: t\n  from: s3://{}/{key}\n  csv: ''\n  session_duration: 1800\n",
        aws.bucket
    );
    let mut sandbox = project(&database, &tasks);
    give_keys(&mut sandbox, &aws);
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_LOAD_ROLE_ARN", arn);
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select id from t"), ["1"]);
    no_keys(&sandbox, &said, &aws);
}

#[test]
fn without_a_role_a_federated_user_is_made() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    let Some([_, id, secret, token]) = role(&aws) else { return };
    database.run("create table t (id int)");
    let key = put(&aws, "1\n");
    // moto gives every federated user the same keys, which its own S3 does not know.
    let answer = format!(
        "<GetFederationTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetFederationTokenResult>\
         <Credentials><SessionToken>{token}</SessionToken><SecretAccessKey>{secret}</SecretAccessKey>\
         <Expiration>2030-01-01T00:00:00Z</Expiration><AccessKeyId>{id}</AccessKeyId></Credentials>\
         </GetFederationTokenResult></GetFederationTokenResponse>"
    );
    let sts = Webhook::start();
    sts.reply([Reply::Text(Box::leak(answer.into_boxed_str()))]);
    let tasks = format!(
        "+load:\n  redshift_load>:\n  table: t\n  from: s3://{}/{key}\n  csv: ''\n  role_session_name: me\n",
        aws.bucket
    );
    let mut sandbox = project(&database, &tasks);
    give_keys(&mut sandbox, &aws);
    sandbox.set("AWS_ENDPOINT_URL_STS", sts.url("/"));
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select id from t"), ["1"]);
    let asked = &sts.received()[0].body;
    assert!(asked.contains("Action=GetFederationToken") && asked.contains("Name=me"), "{asked}");
    assert!(asked.contains("DurationSeconds=10800") && asked.contains("s3%3AGetObject"), "{asked}");
    no_keys(&sandbox, &said, &aws);
    for text in [&said.stderr, &super::log(&sandbox, "+main+load")] {
        assert!(!text.contains(&secret) && !text.contains(&token) && !text.contains(&id), "{text}");
    }
}

#[test]
fn keys_that_cannot_be_made_fail_the_task() {
    let (Some(database), Some(aws)) = (redshift_database(), aws()) else { return };
    let tasks = "+out:\n  redshift_unload>:\n  query: select 1\n  to: s3://b/x\n";
    let mut sandbox = project(&database, tasks);
    give_keys(&mut sandbox, &aws);
    sandbox.set("SYNC_SECRET_AWS_REDSHIFT_SECRET_ACCESS_KEY", "wrong");
    let lines = failure(&sandbox.run(["run", "main.dig"]).expect_code(1));
    assert_eq!(lines[0], "+main+out: no temporary credentials could be got");
    assert!(lines[1].starts_with("cause: sts:GetFederationToken: AWS STS "), "{lines:?}");
    assert_eq!(
        lines[2],
        "hint: allow the user `sts:AssumeRole` or `sts:GetFederationToken`, or set `temp_credentials: false`"
    );
}

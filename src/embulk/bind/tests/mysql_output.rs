//! `out: {type: mysql}`.

use super::*;
use crate::embulk::output::{LoadMode, MysqlOutput};
use crate::embulk::text::Text;

fn output(options: &str) -> MysqlOutput {
    let config = bound(&format!(
        "{IN}out:\n  type: mysql\n  host: h\n  user: u\n  database: d\n  table: t\n{options}"
    ));
    assert_eq!(config.output.to_string(), "mysql d.t");
    let OutputConfig::Mysql(output) = config.output else { panic!("mysql") };
    *output
}

#[test]
fn the_defaults() {
    let output = output("  mode: insert\n");
    assert_eq!((output.port, output.password.expose(), output.ssl), (3306, "", SslMode::Disable));
    assert_eq!(output.temp_database, None);
    assert_eq!((output.connect_timeout.as_secs(), output.socket_timeout.as_secs()), (300, 1800));
    assert_eq!((output.load.mode, output.load.batch_bytes), (LoadMode::Insert, 16_777_216));
}

#[test]
fn the_options() {
    let output = output(
        "  mode: merge_direct\n  merge_rule: ['n = n + VALUES(n)']\n  port: 3307\n  temp_database: x\n  ssl: verify\n  connect_timeout: 5\n  socket_timeout: 6\n  options: {allowLoadLocalInfile: false}\n",
    );
    assert_eq!((output.port, output.ssl), (3307, SslMode::Verify));
    assert_eq!(output.temp_database.as_ref().map(Text::expose), Some("x"));
    assert_eq!((output.connect_timeout.as_secs(), output.socket_timeout.as_secs()), (5, 6));
    assert_eq!(output.options["allowLoadLocalInfile"].expose(), "false");
    let rule = vec!["n = n + VALUES(n)".to_owned()];
    assert_eq!(output.load.mode, LoadMode::Merge { keys: Vec::new(), rule });
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(
        problems(&format!(
            "{IN}out:\n  type: mysql\n  user: u\n  database: d\n  table: t\n  mode: merge\n  merge_keys: [a]\n"
        )),
        [
            "3:3 error missing-option: `host` is required in `out`",
            "8:15 error bad-value: `merge_keys` is not there for `type: mysql`: rows are merged by the keys of the table",
        ]
    );
}

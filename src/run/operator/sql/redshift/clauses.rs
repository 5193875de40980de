//! The options of `redshift_load>` and `redshift_unload>` as clauses of COPY and UNLOAD, in Digdag's order.

use serde_json::Value;

use crate::cloud::redshift::literal;
use crate::cloud::sts::Keys;
use crate::dig::params;
use crate::dig::{exclusive_copy_options, wrong_copy_value};
use crate::run::operator::OperatorError;
use crate::run::operator::options::Options;
use crate::run::operator::sql::table::TableName;

/// How an option becomes a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The words, where it is true.
    Flag,
    /// The words and a number.
    Number,
    /// The words and a text between quotes; an empty text is left out.
    Text,
    /// The same, and an empty text is one.
    AnyText,
    /// The words and another word.
    Word,
    /// `CSV`, and the quote where one is given.
    Csv,
}

/// What COPY takes, in the order of the statement.
/// Source: <https://docs.digdag.io/operators/redshift_load.html>
const COPY: [(&str, &str, Shape); 34] = [
    ("readratio", "READRATIO", Shape::Number),
    ("manifest", "MANIFEST", Shape::Flag),
    ("encrypted", "ENCRYPTED", Shape::Flag),
    ("region", "REGION", Shape::Text),
    ("csv", "CSV", Shape::Csv),
    ("delimiter", "DELIMITER", Shape::Text),
    ("fixedwidth", "FIXEDWIDTH", Shape::Text),
    ("json", "FORMAT AS JSON", Shape::Text),
    ("avro", "FORMAT AS AVRO", Shape::Text),
    ("gzip", "GZIP", Shape::Flag),
    ("bzip2", "BZIP2", Shape::Flag),
    ("lzop", "LZOP", Shape::Flag),
    ("acceptanydate", "ACCEPTANYDATE", Shape::Flag),
    ("acceptinvchars", "ACCEPTINVCHARS", Shape::Text),
    ("blanksasnull", "BLANKSASNULL", Shape::Flag),
    ("dateformat", "DATEFORMAT", Shape::Text),
    ("emptyasnull", "EMPTYASNULL", Shape::Flag),
    ("encoding", "ENCODING", Shape::Word),
    ("escape", "ESCAPE", Shape::Flag),
    ("explicit_ids", "EXPLICIT_IDS", Shape::Flag),
    ("fillrecord", "FILLRECORD", Shape::Flag),
    ("ignoreblanklines", "IGNOREBLANKLINES", Shape::Flag),
    ("ignoreheader", "IGNOREHEADER", Shape::Number),
    ("null_as", "NULL AS", Shape::AnyText),
    ("removequotes", "REMOVEQUOTES", Shape::Flag),
    ("roundec", "ROUNDEC", Shape::Flag),
    ("timeformat", "TIMEFORMAT", Shape::Text),
    ("trimblanks", "TRIMBLANKS", Shape::Flag),
    ("truncatecolumns", "TRUNCATECOLUMNS", Shape::Flag),
    ("comprows", "COMPROWS", Shape::Number),
    ("compupdate", "COMPUPDATE", Shape::Word),
    ("maxerror", "MAXERROR", Shape::Number),
    ("noload", "NOLOAD", Shape::Flag),
    ("statupdate", "STATUPDATE", Shape::Word),
];

/// What UNLOAD takes.
/// Source: <https://docs.digdag.io/operators/redshift_unload.html>
const UNLOAD: [(&str, &str, Shape); 11] = [
    ("manifest", "MANIFEST", Shape::Flag),
    ("encrypted", "ENCRYPTED", Shape::Flag),
    ("delimiter", "DELIMITER", Shape::Text),
    ("fixedwidth", "FIXEDWIDTH", Shape::Text),
    ("gzip", "GZIP", Shape::Flag),
    ("bzip2", "BZIP2", Shape::Flag),
    ("addquotes", "ADDQUOTES", Shape::Flag),
    ("null_as", "NULL AS", Shape::AnyText),
    ("escape", "ESCAPE", Shape::Flag),
    ("allowoverwrite", "ALLOWOVERWRITE", Shape::Flag),
    ("parallel", "PARALLEL", Shape::Word),
];

/// `COPY table (columns) FROM 'source'`, without keys and options.
pub(super) fn copy_head(options: &Options<'_>, from: &str) -> Result<String, OperatorError> {
    let table = TableName::parse("table", &required(options, "table")?)?.quoted('"');
    let columns = match options.text("column_list")? {
        Some(list) => format!(" ({})", column_list(&list)?),
        None => String::new(),
    };
    Ok(format!("COPY {table}{columns} FROM {}", literal(from)))
}

/// The clauses of COPY.
pub(super) fn copy(options: &Options<'_>) -> Result<String, OperatorError> {
    let clauses = clauses(options, &COPY)?;
    let has = |key: &str| match COPY.iter().find(|(known, ..)| *known == key) {
        Some((_, _, Shape::Flag)) => options.flag(key, false).unwrap_or(false),
        _ => options.get(key).is_some(),
    };
    match exclusive_copy_options(has) {
        Some(clash) => Err(OperatorError::config(clash)),
        None => Ok(clauses),
    }
}

/// `UNLOAD ('query') TO 'prefix'`, without keys and options.
pub(super) fn unload_head(query: &str, to: &str) -> String {
    let query = query.trim_end_matches([';', ' ', '\n', '\t']);
    format!("UNLOAD ({}) TO {}", literal(query), literal(to))
}

/// The clauses of UNLOAD.
pub(super) fn unload(options: &Options<'_>) -> Result<String, OperatorError> {
    clauses(options, &UNLOAD)
}

/// The clause of the keys. Never log or store what comes out.
pub(super) fn credentials(keys: &Keys) -> String {
    let (id, key) = (keys.id.expose(), keys.key.expose());
    let mut text = format!("aws_access_key_id={id};aws_secret_access_key={key}");
    if let Some(token) = &keys.token {
        text.push_str(";token=");
        text.push_str(token.expose());
    }
    format!("CREDENTIALS {}", literal(&text))
}

/// An option that must be there.
pub(super) fn required(options: &Options<'_>, key: &str) -> Result<String, OperatorError> {
    let missing = || OperatorError::config(format!("Parameter '{key}' is required but not set"));
    options.text(key)?.filter(|text| !text.is_empty()).ok_or_else(missing)
}

fn clauses(options: &Options<'_>, known: &[(&str, &str, Shape)]) -> Result<String, OperatorError> {
    let mut clauses = String::new();
    for (key, words, shape) in known {
        if let Some(value) = options.get(key)
            && let Some(clause) = clause(options, key, value, words, *shape)?
        {
            clauses.push('\n');
            clauses.push_str(&clause);
        }
    }
    Ok(clauses)
}

fn clause(
    options: &Options<'_>,
    key: &str,
    value: &Value,
    words: &str,
    shape: Shape,
) -> Result<Option<String>, OperatorError> {
    if let Some(wrong) = wrong_copy_value(key, value) {
        return Err(OperatorError::config(wrong));
    }
    let text = || options.text(key).map(Option::unwrap_or_default);
    let with = |text: &str| format!("{words} {}", literal(text));
    Ok(match shape {
        Shape::Flag => options.flag(key, false)?.then(|| words.to_owned()),
        Shape::Number => Some(format!("{words} {}", params::to_integer(key, value)?)),
        Shape::Word => Some(format!("{words} {}", text()?.to_uppercase())),
        Shape::AnyText => Some(with(&text()?)),
        Shape::Text => Some(text()?).map(|text| if text.is_empty() { words.to_owned() } else { with(&text) }),
        Shape::Csv => Some(match text()?.as_str() {
            "" => words.to_owned(),
            quote => format!("{words} QUOTE {}", literal(quote)),
        }),
    })
}

/// Names parted by commas, in quotes. Names may have been quoted by hand.
fn column_list(list: &str) -> Result<String, OperatorError> {
    let mut names = Vec::new();
    for name in list.split(',') {
        let name = name.trim();
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if bare.is_empty() {
            return Err(OperatorError::config("`column_list` must be names of columns, parted by commas"));
        }
        names.push(format!("\"{}\"", bare.replace('"', "\"\"")));
    }
    Ok(names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::run::operator::testing::Bench;
    use crate::run::operator::{Operator, OperatorOutput, OperatorRequest, Turn};
    use crate::secret::Secret;

    /// Builds a statement as an operator would.
    #[derive(Default)]
    struct Probe(Mutex<String>);

    impl Operator for Probe {
        fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
            let options = Options::new(request, "redshift").closer("redshift_load").group("aws.redshift");
            let statement = if options.get("to").is_some() {
                unload_head(&required(&options, "query")?, &required(&options, "to")?) + &unload(&options)?
            } else {
                copy_head(&options, &required(&options, "from")?)? + &copy(&options)?
            };
            *self.0.lock().expect("no panic") = statement;
            Ok(OperatorOutput::default().into())
        }
    }

    fn statement(exported: Value, local: Value) -> Result<String, String> {
        let probe = Probe::default();
        Bench::new().run(&probe, exported, local).map_err(|error| error.message)?;
        Ok(probe.0.into_inner().expect("no panic"))
    }

    #[test]
    fn every_option_of_a_load_has_its_clause() {
        let local = json!({
            "table": "s.T", "from": "s3://b/it's", "column_list": "host, \"Path\"", "manifest": true,
            "encrypted": "true", "region": "us-east-1", "csv": "'", "gzip": true, "bzip2": false,
            "acceptinvchars": "&", "acceptanydate": true, "blanksasnull": true, "dateformat": "auto",
            "emptyasnull": true, "encoding": "utf8", "explicit_ids": true, "fillrecord": true,
            "ignoreblanklines": true, "ignoreheader": "2", "null_as": "\\N", "roundec": true, "timeformat": "YYYY",
            "trimblanks": true, "truncatecolumns": true, "comprows": 12, "compupdate": true, "maxerror": 34,
            "noload": true, "statupdate": "off", "readratio": 5, "lzop": true, "delimiter": "$",
        });
        let expected = [
            "COPY \"s\".\"T\" (\"host\", \"Path\") FROM 's3://b/it''s'",
            "READRATIO 5\nMANIFEST\nENCRYPTED\nREGION 'us-east-1'\nCSV QUOTE ''''\nDELIMITER '$'\nGZIP\nLZOP",
            "ACCEPTANYDATE\nACCEPTINVCHARS '&'\nBLANKSASNULL\nDATEFORMAT 'auto'\nEMPTYASNULL\nENCODING UTF8",
            "EXPLICIT_IDS\nFILLRECORD\nIGNOREBLANKLINES\nIGNOREHEADER 2\nNULL AS '\\\\N'\nROUNDEC",
            "TIMEFORMAT 'YYYY'\nTRIMBLANKS\nTRUNCATECOLUMNS\nCOMPROWS 12\nCOMPUPDATE TRUE\nMAXERROR 34",
            "NOLOAD\nSTATUPDATE OFF",
        ];
        assert_eq!(statement(json!({}), local), Ok(expected.join("\n")));
        let text = json!({
            "table": "t", "from": "s3://b/k", "escape": true, "removequotes": true, "null_as": "", "acceptinvchars": "",
        });
        let expected = "COPY \"t\" FROM 's3://b/k'\nACCEPTINVCHARS\nESCAPE\nNULL AS ''\nREMOVEQUOTES";
        assert_eq!(statement(json!({}), text), Ok(expected.to_owned()));
        let maps = json!({
            "redshift_load": {"json": "auto", "table": "near"}, "redshift": {"table": "far", "from": "s3://b/k"},
        });
        assert_eq!(
            statement(maps, json!({})),
            Ok("COPY \"near\" FROM 's3://b/k'\nFORMAT AS JSON 'auto'".to_owned())
        );
    }

    #[test]
    fn every_option_of_an_unload_has_its_clause() {
        let local = json!({
            "query": "select 'a\\b';\n", "to": "s3://b/k_", "manifest": true, "encrypted": true, "delimiter": "|",
            "gzip": true, "addquotes": true, "null_as": "-", "escape": true, "allowoverwrite": true,
            "parallel": false,
        });
        let expected = "UNLOAD ('select ''a\\\\b''') TO 's3://b/k_'\nMANIFEST\nENCRYPTED\nDELIMITER '|'\nGZIP\n\
                        ADDQUOTES\nNULL AS '-'\nESCAPE\nALLOWOVERWRITE\nPARALLEL FALSE";
        assert_eq!(statement(json!({}), local), Ok(expected.to_owned()));
    }

    #[test]
    fn what_cannot_stand_together_is_refused_in_digdags_words() {
        let refused = |mut local: Value| {
            local["table"] = json!("t");
            local["from"] = json!("s3://b/k");
            statement(json!({}), local).expect_err("an error")
        };
        for (local, text) in [
            (
                json!({"csv": "", "escape": true}),
                "CSV cannot be used with FIXEDWIDTH, REMOVEQUOTES, or ESCAPE",
            ),
            (json!({"statupdate": "maybe"}), "STATUPDATE should be in ON/OFF/TRUE/FALSE: maybe"),
            (json!({"column_list": "a,,b"}), "`column_list` must be names of columns, parted by commas"),
        ] {
            assert_eq!(refused(local), text);
        }
        let missing = "Parameter 'from' is required but not set";
        assert_eq!(statement(json!({}), json!({"table": "t"})), Err(missing.to_owned()));
        // What is false is not given.
        let local = json!({"table": "t", "from": "s3://b/k", "csv": "", "escape": false});
        assert_eq!(statement(json!({}), local), Ok("COPY \"t\" FROM 's3://b/k'\nCSV".to_owned()));
    }

    #[test]
    fn keys_are_one_text() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let keys = Keys { id: secret("A"), key: secret("b/c"), token: Some(secret("t=")) };
        assert_eq!(
            credentials(&keys),
            "CREDENTIALS 'aws_access_key_id=A;aws_secret_access_key=b/c;token=t='"
        );
    }
}

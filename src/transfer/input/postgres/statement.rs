//! The COPY that a statement is read by.

use std::collections::HashMap;

use tokio_postgres::Column;
use tokio_postgres::types::{Kind, Type};

use super::decode::Decoder;
use super::session::Session;
use crate::transfer::error::TransferError;
use crate::transfer::input::select::quoted;

/// How each column of a statement is asked for.
#[derive(Debug, Clone)]
pub(super) struct CopyForm {
    /// Expressions over columns `c1`, `c2`…, of which the server gives the text of some; none: the columns as they are.
    texts: Option<Vec<String>>,
}

impl CopyForm {
    /// Asks the server how it writes the types that are to come as its own text.
    pub(super) fn of(
        session: &Session,
        columns: &[Column],
        decoders: &[Decoder],
    ) -> Result<Self, TransferError> {
        let of_text = |decoder: &Decoder| decoder.takes_server_text();
        if !decoders.iter().any(of_text) {
            return Ok(Self { texts: None });
        }
        let types = columns.iter().zip(decoders).filter(|(_, decoder)| of_text(decoder));
        let oids: Vec<_> = types.map(|(column, _)| column.type_().oid().to_string()).collect();
        let sql = format!(
            "SELECT t.oid, tn.nspname, t.typname, pn.nspname, p.proname FROM pg_catalog.pg_type t \
             JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput \
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace WHERE t.oid IN ({})",
            oids.join(", ")
        );
        let failed = "the types of the columns could not be looked up";
        let rows = session.rows(&sql).map_err(|trouble| trouble.during(failed))?;
        let outputs: HashMap<String, Output> = rows.into_iter().filter_map(Output::of).collect();
        let expressions = columns.iter().zip(decoders).enumerate().map(|(at, (column, decoder))| {
            let name = format!("c{}", at + 1);
            match outputs.get(&column.type_().oid().to_string()) {
                Some(output) if of_text(decoder) => output.text(&name, column.type_()),
                _ => name,
            }
        });
        Ok(Self { texts: Some(expressions.collect()) })
    }

    /// The COPY of a statement with these columns. The line breaks end comments of the statement.
    ///
    /// A statement is a subselect only where it must be, since one that writes may not be: then its order is kept, as
    /// nothing but a projection is above it, and a plain one is merged into the SELECT around it by the planner.
    pub(super) fn copy(&self, sql: &str) -> String {
        let statement = sql.trim_end_matches(|char: char| char == ';' || char.is_whitespace());
        match &self.texts {
            None => format!("COPY (\n{statement}\n) TO STDOUT (FORMAT binary)"),
            Some(expressions) => {
                let names: Vec<_> = (1..=expressions.len()).map(|at| format!("c{at}")).collect();
                format!(
                    "COPY (SELECT {} FROM (\n{statement}\n) AS t ({})) TO STDOUT (FORMAT binary)",
                    expressions.join(", "),
                    names.join(", ")
                )
            }
        }
    }

    /// Whether the statement is a subselect.
    pub(super) fn is_nested(&self) -> bool {
        self.texts.is_some()
    }
}

/// How the server writes a type: names between quotes.
struct Output {
    kind: String,
    function: String,
}

impl Output {
    fn of(row: Vec<Option<String>>) -> Option<(String, Self)> {
        let row: Vec<String> = row.into_iter().collect::<Option<_>>()?;
        let [oid, kind_schema, kind, schema, function] = <[String; 5]>::try_from(row).ok()?;
        let name = |schema: &str, name: &str| format!("{}.{}", quoted(schema, '"'), quoted(name, '"'));
        Some((oid, Self { kind: name(&kind_schema, &kind), function: name(&schema, &function) }))
    }

    /// The text of a column. A cast to text would not do: of some types (inet, `"char"`, boolean, char) it is another.
    fn text(&self, column: &str, kind: &Type) -> String {
        // A domain is not taken by a function for enums. Nothing can be cast to a record.
        let value = match kind.kind() {
            Kind::Pseudo => column.to_owned(),
            _ => format!("{column}::{}", self.kind),
        };
        format!("pg_catalog.textin({}({value}))", self.function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_may_end_with_a_semicolon_or_a_comment() {
        let plain = CopyForm { texts: None };
        assert_eq!(plain.copy("select 1 ; \n;"), "COPY (\nselect 1\n) TO STDOUT (FORMAT binary)");
        assert_eq!(plain.copy("select 1 -- one"), "COPY (\nselect 1 -- one\n) TO STDOUT (FORMAT binary)");
    }

    #[test]
    fn columns_that_come_as_text_are_asked_for_by_place() {
        let names = ["10", "pg_catalog", "_int4", "pg_catalog", "array_out"];
        let (oid, output) = Output::of(names.map(|name| Some(name.to_owned())).to_vec()).unwrap();
        assert_eq!(oid, "10");
        let array = output.text("c2", &Type::INT4_ARRAY);
        let form = CopyForm { texts: Some(vec!["c1".to_owned(), array]) };
        assert_eq!(
            form.copy("select a, b as a -- both;\n;"),
            "COPY (SELECT c1, pg_catalog.textin(\"pg_catalog\".\"array_out\"(c2::\"pg_catalog\".\"_int4\")) FROM (\n\
             select a, b as a -- both\n) AS t (c1, c2)) TO STDOUT (FORMAT binary)"
        );
        let record = output.text("c1", &Type::RECORD);
        assert_eq!(record, "pg_catalog.textin(\"pg_catalog\".\"array_out\"(c1))");
    }
}

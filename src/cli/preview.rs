//! The table of `embulk preview`, as Embulk draws it: columns as wide as their widest cell in units of UTF-16.

use crate::embulk::config::EmbulkType;
use crate::transfer::preview::Preview;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A line for each row.
    Table,
    /// A line for each value.
    Vertical,
}

/// The rows as text, without a line end after the last.
pub(super) fn text(preview: &Preview, layout: Layout) -> String {
    match layout {
        Layout::Table => table(preview),
        Layout::Vertical => vertical(preview),
    }
}

fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

fn padded(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}

fn table(preview: &Preview) -> String {
    let header: Vec<String> =
        preview.columns.iter().map(|(name, kind)| format!("{name}:{}", kind.word())).collect();
    let rows: Vec<Vec<String>> = preview
        .rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&preview.columns);
            cells.map(|(cell, (_, kind))| shown(cell.as_deref().unwrap_or_default(), *kind)).collect()
        })
        .collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|at| rows.iter().map(|row| width(&row[at])).chain([width(&header[at])]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String]| {
        let cells: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let border = format!("+-{}-+", dashes.join("-+-"));
    let mut lines = vec![border.clone(), line(&header), border.clone()];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.push(border);
    lines.join("\n")
}

/// Whole numbers have commas between groups of three digits.
fn shown(text: &str, kind: EmbulkType) -> String {
    if kind != EmbulkType::Long {
        return text.to_owned();
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let mut out = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn vertical(preview: &Preview) -> String {
    let names = preview.columns.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let kinds = preview.columns.iter().map(|(_, kind)| kind.word().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (at, row) in preview.rows.iter().enumerate() {
        lines.push(format!("*************************** {at} ***************************"));
        for (cell, (name, kind)) in row.iter().zip(&preview.columns) {
            let text = match (cell, kind) {
                (None, _) => "null".to_owned(),
                // As Java writes an instant.
                (Some(text), EmbulkType::Timestamp) => {
                    text.strip_suffix(" UTC").unwrap_or(text).replacen(' ', "T", 1) + "Z"
                }
                // A JSON text as the text that it is.
                (Some(text), EmbulkType::Json) if text.starts_with('"') => {
                    serde_json::from_str(text).unwrap_or_else(|_| text.clone())
                }
                (Some(text), _) => text.clone(),
            };
            lines.push(format!("{} ({}) : {text}", padded(name, names), padded(kind.word(), kinds)));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview() -> Preview {
        let text = |text: &str| Some(text.to_owned());
        Preview {
            columns: vec![
                ("id".to_owned(), EmbulkType::Long),
                ("名".to_owned(), EmbulkType::String),
                ("t".to_owned(), EmbulkType::Timestamp),
            ],
            rows: vec![
                vec![text("-1234567"), text("日本😀"), text("2015-06-04 01:02:03.500 UTC")],
                vec![None, text(""), None],
            ],
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        assert_eq!(
            text(&preview(), Layout::Table),
            "\
+------------+----------+-----------------------------+
|    id:long | 名:string |                 t:timestamp |
+------------+----------+-----------------------------+
| -1,234,567 |     日本😀 | 2015-06-04 01:02:03.500 UTC |
|            |          |                             |
+------------+----------+-----------------------------+"
        );
    }

    #[test]
    fn a_vertical_table_shows_json_texts_without_quotes() {
        let text = |text: &str| Some(text.to_owned());
        let preview = Preview {
            columns: vec![("j".to_owned(), EmbulkType::Json)],
            rows: vec![vec![text("\"a\\\\b\"")], vec![text("{\"a\":\"b\"}")]],
            notes: Vec::new(),
        };
        let line = "***************************";
        assert_eq!(
            super::text(&preview, Layout::Vertical),
            format!("{line} 0 {line}\nj (json) : a\\b\n{line} 1 {line}\nj (json) : {{\"a\":\"b\"}}")
        );
    }

    #[test]
    fn a_vertical_table_names_every_value() {
        assert_eq!(
            text(&preview(), Layout::Vertical),
            "\
*************************** 0 ***************************
id (     long) : -1234567
 名 (   string) : 日本😀
 t (timestamp) : 2015-06-04T01:02:03.500Z
*************************** 1 ***************************
id (     long) : null
 名 (   string) : 
 t (timestamp) : null"
        );
    }
}

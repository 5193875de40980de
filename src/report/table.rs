//! Tables for people: columns aligned by how wide text is on a terminal, nothing but spaces between.

use unicode_width::UnicodeWidthStr as _;

use super::console::Style;

/// Between columns.
const GAP: &str = "  ";

/// To which side a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Names.
    Left,
    /// Figures.
    Right,
}

/// One cell: a text, perhaps in a style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    /// A cell in a style.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { style: Some(style), ..Self::from(text.into()) }
    }
}

impl From<String> for Cell {
    /// Control characters, which could redraw a terminal, become `?`.
    fn from(text: String) -> Self {
        let text = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        Self { text, style: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// A table under construction.
#[derive(Debug, Clone)]
pub struct Table {
    titles: Vec<(String, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(titles: &[(&str, Align)]) -> Self {
        let titles = titles.iter().map(|(title, align)| ((*title).to_owned(), *align)).collect();
        Self { titles, rows: Vec::new() }
    }

    /// Adds a row. Cells beyond the columns are dropped, missing ones are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> &mut Self {
        let mut row: Vec<Cell> = cells.into_iter().take(self.titles.len()).collect();
        row.resize_with(self.titles.len(), || Cell::from(""));
        self.rows.push(row);
        self
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, titles first, each with its newline. No line ends in spaces.
    pub fn render(&self, colors: bool) -> String {
        let widths: Vec<usize> = (0..self.titles.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| row[column].text.width()).max().unwrap_or(0);
                cells.max(self.titles[column].0.width())
            })
            .collect();
        let titles = self.titles.iter().map(|(title, _)| Cell::styled(title.as_str(), Style::Bold)).collect();
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            self.push_line(&mut text, row, &widths, colors);
        }
        text
    }

    fn push_line(&self, text: &mut String, row: &[Cell], widths: &[usize], colors: bool) {
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        for (column, cell) in row.iter().enumerate().take(last + 1) {
            let padding = " ".repeat(widths[column] - cell.text.width());
            let painted = match cell.style {
                Some(style) => style.paint(&cell.text, colors),
                None => cell.text.clone(),
            };
            match self.titles[column].1 {
                Align::Right => {
                    text.push_str(&padding);
                    text.push_str(&painted);
                }
                Align::Left => {
                    text.push_str(&painted);
                    if column < last {
                        text.push_str(&padding);
                    }
                }
            }
            if column < last {
                text.push_str(GAP);
            }
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("TABLE", Align::Left), ("ROWS", Align::Right), ("NOTE", Align::Left)]);
        table.row(["orders".into(), "20,000".into(), "".into()]);
        table.row(["注文".into(), "0".into(), Cell::styled("empty\u{1b}[2J", Style::Dim)]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_they_look() {
        assert_eq!(
            table().render(false),
            "TABLE     ROWS  NOTE\norders  20,000\n注文         0  empty?[2J\n"
        );
    }

    #[test]
    fn colours_do_not_count_as_width() {
        let text = table().render(true);
        assert!(text.starts_with("\u{1b}[1mTABLE\u{1b}[0m     \u{1b}[1mROWS"), "{text:?}");
        assert!(text.ends_with("0  \u{1b}[2mempty?[2J\u{1b}[0m\n"), "{text:?}");
    }
}

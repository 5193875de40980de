//! Tables for people: columns aligned by how wide text is on a terminal, nothing but spaces between.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::console::Style;
use super::shown;

/// Between columns.
const GAP: &str = "  ";
/// No column of names is made narrower than this.
const NARROWEST: usize = 12;

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
    /// What commands a terminal becomes `?`: see [`shown::line`].
    fn from(text: String) -> Self {
        Self { text: shown::line(&text), style: None }
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
    /// The columns whose texts may be shortened.
    long: Vec<usize>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(titles: &[(&str, Align)]) -> Self {
        let titles = titles.iter().map(|(title, align)| ((*title).to_owned(), *align)).collect();
        Self { titles, long: Vec::new(), rows: Vec::new() }
    }

    /// Names the columns whose texts may be shortened where the terminal is too narrow: see [`Table::render_fit`].
    #[must_use]
    pub fn shortening(mut self, titles: &[&str]) -> Self {
        let places = self.titles.iter().enumerate();
        self.long =
            places.filter(|(_, (title, _))| titles.contains(&title.as_str())).map(|(at, _)| at).collect();
        self
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
        self.render_with(&self.widths(), colors)
    }

    /// The same in so many columns of a terminal, as far as that can be: names go on in the next line.
    pub fn render_within(&self, width: usize, colors: bool) -> String {
        let names: Vec<usize> =
            (0..self.titles.len()).filter(|at| self.titles[*at].1 == Align::Left).collect();
        self.render_with(&self.narrowed(width, &names), colors)
    }

    /// The same in so many columns of a terminal, as far as that can be, with a row in a line: long names lose what stands
    /// in their middle. Without a terminal nothing is shortened.
    pub fn render_fit(&self, width: Option<usize>, colors: bool) -> String {
        let Some(width) = width else { return self.render(colors) };
        let widths = self.narrowed(width, &self.long);
        let mut short = self.clone();
        for cells in &mut short.rows {
            for at in &self.long {
                cells[*at].text = shortened(&cells[*at].text, widths[*at]);
            }
        }
        short.render_with(&widths, colors)
    }

    /// How many columns of a terminal it takes.
    pub fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
    }

    /// Takes from the widest of the `names` until all is within a width.
    fn narrowed(&self, width: usize, names: &[usize]) -> Vec<usize> {
        let mut widths = self.widths();
        let mut excess = self.width().saturating_sub(width);
        while excess > 0 {
            let widest = names.iter().copied().max_by_key(|at| widths[*at]);
            let Some(widest) = widest.filter(|at| widths[*at] > NARROWEST) else { break };
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }

    fn widths(&self) -> Vec<usize> {
        (0..self.titles.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| row[column].text.width()).max().unwrap_or(0);
                cells.max(self.titles[column].0.width())
            })
            .collect()
    }

    fn render_with(&self, widths: &[usize], colors: bool) -> String {
        let titles = self.titles.iter().map(|(title, _)| Cell::styled(title.as_str(), Style::Bold)).collect();
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            for line in lines(row, widths) {
                self.push_line(&mut text, &line, widths, colors);
            }
        }
        text
    }

    fn push_line(&self, text: &mut String, row: &[Cell], widths: &[usize], colors: bool) {
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        for (column, cell) in row.iter().enumerate().take(last + 1) {
            let padding = " ".repeat(widths[column].saturating_sub(cell.text.width()));
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

/// A text in so many columns: of a long one the beginning and, as that tells names apart, more of the end.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let head = fitting(text.chars(), width / 3);
    let tail: String = fitting(text.chars().rev(), width - 1 - head.width()).chars().rev().collect();
    format!("{head}…{tail}")
}

/// As many letters as go into so many columns.
fn fitting(letters: impl Iterator<Item = char>, width: usize) -> String {
    let mut left = width;
    let fits = |letter: &char| {
        let wide = letter.width().unwrap_or(0);
        let fits = wide <= left;
        left -= wide.min(left);
        fits
    };
    letters.take_while(fits).collect()
}

/// A row as lines, of which each has a part of every cell.
fn lines(row: &[Cell], widths: &[usize]) -> Vec<Vec<Cell>> {
    let parts: Vec<Vec<String>> =
        row.iter().zip(widths).map(|(cell, width)| wrapped(&cell.text, *width)).collect();
    let count = parts.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| -> Vec<Cell> {
        let cells = row.iter().zip(&parts);
        let part = |parts: &[String]| parts.get(at).cloned().unwrap_or_default();
        cells.map(|(cell, parts)| Cell { text: part(parts), style: cell.style }).collect()
    };
    (0..count).map(line).collect()
}

/// A text in lines of a width, broken at blanks where that can be.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let last = lines.last().map_or(0, |line| line.width());
        if last > 0 && last + word.trim_end().width() > width {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let wide = letter.width().unwrap_or(0);
            let full = lines.last().is_some_and(|line| !line.is_empty() && line.width() + wide > width);
            if full && letter != ' ' {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(letter);
            }
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
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
    fn long_names_go_on_in_the_next_line() {
        let mut table = Table::new(&[("A", Align::Left), ("N", Align::Right), ("HOW", Align::Left)]);
        table.row(["x".into(), "1".into(), "wall clock in Asia/Tokyo, then in UTC".into()]);
        table.row(["y".into(), "2".into(), "123456789012345678901234567890".into()]);
        assert_eq!(
            table.render_within(26, false),
            "A  N  HOW\nx  1  wall clock in\n      Asia/Tokyo, then in\n      UTC\n\
             y  2  12345678901234567890\n      1234567890\n"
        );
        assert_eq!(table.render_within(200, false), table.render(false));
    }

    #[test]
    fn long_names_lose_their_middle_and_a_row_stays_a_line() {
        let mut table =
            Table::new(&[("TASK", Align::Left), ("STARTED AT THE TIME", Align::Left)]).shortening(&["TASK"]);
        table.row(["+nightly+copy^sub+for-0=table=0=customer".into(), "x".into()]);
        table.row(["+nightly+注文明細注文明細注文明細".into(), "y".into()]);
        table.row(["+short".into(), "z".into()]);
        assert_eq!(
            table.render_fit(Some(45), false),
            "TASK                      STARTED AT THE TIME\n\
             +nightly…able=0=customer  x\n\
             +nightly…文明細注文明細   y\n\
             +short                    z\n"
        );
        assert_eq!(table.render_fit(None, false), table.render(false));
        assert_eq!(table.width(), 61);
        assert!(table.render_fit(Some(10), false).contains("+nig…ustomer  x"), "no narrower than that");
    }

    #[test]
    fn a_wide_character_goes_on_in_the_next_line_as_a_whole() {
        let mut table = Table::new(&[("NAME", Align::Left), ("N", Align::Right)]);
        table.row(["1注文明細表注文".into(), "1".into()]);
        assert_eq!(table.render_within(15, false), "NAME          N\n1注文明細表   1\n注文\n");
    }

    #[test]
    fn colours_do_not_count_as_width() {
        let text = table().render(true);
        assert!(text.starts_with("\u{1b}[1mTABLE\u{1b}[0m     \u{1b}[1mROWS"), "{text:?}");
        assert!(text.ends_with("0  \u{1b}[2mempty?[2J\u{1b}[0m\n"), "{text:?}");
    }
}

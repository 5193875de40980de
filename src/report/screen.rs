//! The last lines of a terminal, which are drawn over and over while other lines come above them. Makes the bytes; who has
//! them writes them.
//!
//! The cursor stands at the beginning of the row below the lines. Rows are cleared one by one: a terminal that is told to clear
//! all of its rows at once may keep them in its history, as tmux does. Nothing is written that lasts: the cursor stays to be
//! seen and no mode is changed, so that a process that dies leaves a usable terminal.

use super::shown;

/// Rows and columns of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Size {
    /// What is taken of a terminal that does not say.
    pub const USUAL: Self = Self { width: 80, height: 24 };
}

/// A line that is not wider than the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// What is written, with its colours.
    pub painted: String,
    /// The columns that it takes.
    pub width: usize,
}

/// What is drawn now.
#[derive(Debug, Default)]
pub struct Screen {
    lines: Vec<Drawn>,
    /// Of the terminal, when they were drawn.
    width: usize,
}

impl Screen {
    /// Whether nothing is drawn.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes the lines away; what follows is written where they were.
    pub fn erase(&mut self, size: Size) -> String {
        // What was pushed out of the top is out of reach.
        let rows = self.rows(size).min(size.height.saturating_sub(1));
        self.lines.clear();
        up(rows) + &cleared(rows)
    }

    /// Draws other lines in the place of those that are there. Nothing where they are the same.
    pub fn draw(&mut self, lines: Vec<Drawn>, size: Size) -> String {
        if lines == self.lines && size.width == self.width {
            return String::new();
        }
        // Line over line, so that nothing flickers.
        let before = self.lines.len().min(size.height.saturating_sub(1));
        let (mut bytes, before) =
            if size.width == self.width { (up(before), before) } else { (self.erase(size), 0) };
        for line in &lines {
            bytes.push_str(CLEAR);
            bytes.push_str(&line.painted);
            bytes.push_str("\r\n");
        }
        bytes.push_str(&cleared(before.saturating_sub(lines.len())));
        (self.lines, self.width) = (lines, size.width);
        bytes
    }

    /// What is drawn, to be drawn again after [`Self::erase`]: in a terminal that became narrower not beyond its end.
    pub fn lines(&self, size: Size) -> Vec<Drawn> {
        let fits = |line: &&Drawn| line.width <= size.width;
        self.lines.iter().filter(fits).take(size.height.saturating_sub(1)).cloned().collect()
    }

    /// The rows that the lines take now. Where the terminal became narrower it has broken them: nearly all do.
    fn rows(&self, size: Size) -> usize {
        let width = size.width.max(1);
        self.lines.iter().map(|line| line.width.div_ceil(width).max(1)).sum()
    }
}

/// Clears the row of the cursor.
const CLEAR: &str = "\u{1b}[2K";

/// Goes up so many rows, to their beginning.
fn up(rows: usize) -> String {
    if rows == 0 { String::new() } else { format!("\r\u{1b}[{rows}A") }
}

/// Clears so many rows from that of the cursor on, which stays.
fn cleared(rows: usize) -> String {
    (0..rows).map(|_| format!("{CLEAR}\u{1b}[1B")).collect::<String>() + &up(rows)
}

/// A line without colours.
pub fn plain(text: &str, size: Size) -> Drawn {
    let painted = shown::cut_end(text, size.width);
    Drawn { width: shown::width(&painted), painted }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Size = Size { width: 20, height: 10 };

    fn lines(texts: &[&str]) -> Vec<Drawn> {
        texts.iter().map(|text| plain(text, WIDE)).collect()
    }

    #[test]
    fn lines_are_drawn_over_those_before() {
        let mut screen = Screen::default();
        assert_eq!(screen.erase(WIDE), "");
        assert_eq!(screen.draw(lines(&["a", "b"]), WIDE), "\u{1b}[2Ka\r\n\u{1b}[2Kb\r\n");
        assert_eq!(screen.draw(lines(&["a", "b"]), WIDE), "");
        assert_eq!(
            screen.draw(lines(&["c"]), WIDE),
            "\r\u{1b}[2A\u{1b}[2Kc\r\n\u{1b}[2K\u{1b}[1B\r\u{1b}[1A"
        );
        assert_eq!(screen.draw(Vec::new(), WIDE), "\r\u{1b}[1A\u{1b}[2K\u{1b}[1B\r\u{1b}[1A");
        assert!(screen.is_empty());
    }

    #[test]
    fn rows_that_a_narrower_terminal_has_made_are_taken_away_too() {
        let mut screen = Screen::default();
        let clear =
            |rows: usize| format!("\r\u{1b}[{rows}A{}\r\u{1b}[{rows}A", "\u{1b}[2K\u{1b}[1B".repeat(rows));
        screen.draw(lines(&["12345678901234567890", "short"]), WIDE);
        let narrow = Size { width: 8, height: 10 };
        assert_eq!(screen.lines(narrow), lines(&["short"]));
        assert_eq!(screen.erase(narrow), clear(4));
        screen.draw(lines(&["12345678901234567890"]), WIDE);
        assert_eq!(
            screen.draw(vec![plain("12345678901234567890", narrow)], narrow),
            clear(3) + "\u{1b}[2K1234567…\r\n"
        );
        // No further up than the screen goes.
        screen.draw(lines(&["12345678901234567890"]), WIDE);
        assert_eq!(screen.erase(Size { width: 8, height: 3 }), clear(2));
    }
}

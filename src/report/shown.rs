//! Text of others on a terminal: how wide it is there, and nothing in it that could move the cursor or turn lines round.

use unicode_width::UnicodeWidthChar as _;

/// Stands for what was cut away.
const CUT: char = '…';

/// A text of several lines: characters that command a terminal become `?`, but for the ends of lines and tabs.
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if commands(c) && c != '\n' && c != '\t' { '?' } else { c }).collect()
}

/// A name or a message in one line: what commands a terminal becomes `?`, an end of a line and a tab a blank. What joins
/// or picks the shapes of other characters is left out: terminals differ in what they make of it, and so in how wide the
/// text is.
pub fn line(text: &str) -> String {
    text.chars()
        .filter(|c| !shapes(*c))
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if commands(c) => '?',
            c => c,
        })
        .collect()
}

/// Control characters, and those that turn the direction of a line.
fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that nobody sees by themselves.
fn shapes(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The columns that a line takes: the sum of its characters', as terminals count.
pub fn width(text: &str) -> usize {
    text.chars().map(of).sum()
}

fn of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The beginning of a text in so many columns at most; `…` stands for the rest.
pub fn cut_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut kept: String = taken(text.chars(), room).collect();
    kept.push(CUT);
    kept
}

/// The end of a text in so many columns at most; `…` stands for what was before. Names of tables differ at their ends.
pub fn cut_start(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let kept: Vec<char> = taken(text.chars().rev(), room).collect();
    std::iter::once(CUT).chain(kept.into_iter().rev()).collect()
}

/// The first characters that fit.
fn taken(chars: impl Iterator<Item = char>, room: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    chars.take_while(move |c| {
        used += of(*c);
        used <= room
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\u{7}c\u{9b}d\u{202e}e\nf\tg"), "a?[2Jb?c?d?e f g");
        assert_eq!(lines("a\u{1b}[2J\n\tb\u{202e}\r"), "a?[2J\n\tb??");
        // A heart with a selector, a family with joiners.
        assert_eq!(line("❤\u{fe0f} 👩\u{200d}👧"), "❤ 👩👧");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!([width("注文"), width("a👩b"), width("e\u{301}"), width("ｶﾅ")], [4, 4, 1, 2]);
        assert_eq!(cut_start("shop.注文表", 9), "…p.注文表");
        // Half of a character does not fit.
        assert_eq!(cut_start("shop.注文表", 6), "…文表");
        assert_eq!(cut_end("注文表", 4), "注…");
        assert_eq!([cut_end("abc", 3), cut_end("abc", 1), cut_end("abc", 0)], ["abc", "…", ""]);
        assert_eq!([cut_start("abc", 3), cut_start("abc", 1), cut_start("abc", 0)], ["abc", "…", ""]);
    }
}

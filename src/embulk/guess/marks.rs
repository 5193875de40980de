//! The marks of a csv file, from its lines: what separates fields, what is around them, what stands for null, and
//! what lines of comments begin with.

use super::statistics::{average, deviation};

const DELIMITERS: [char; 4] = [',', '\t', '|', ';'];
const QUOTES: [char; 2] = ['"', '\''];
const ESCAPES: [&str; 2] = ["\\", "\""];
/// What MySQL and Hive write for NULL is the last.
const NULLS: [&str; 4] = ["null", "NULL", "#N/A", "\\N"];
const COMMENTS: [&str; 2] = ["#", "//"];
/// Below this weight a quote is there by chance.
const QUOTED: f64 = 10.0;

/// The delimiter that each line has about as often; a comma where none is.
pub(super) fn delimiter(lines: &[String]) -> char {
    let weight = |delimiter: char| {
        let counts: Vec<f64> = lines.iter().map(|line| line.matches(delimiter).count() as f64).collect();
        counts.iter().sum::<f64>() / deviation(&counts)
    };
    let weights = DELIMITERS.map(|delimiter| (delimiter, weight(delimiter)));
    heaviest(weights).filter(|(_, weight)| *weight > 1.0).map_or(DELIMITERS[0], |(delimiter, _)| delimiter)
}

/// The first of the heaviest that weigh anything.
fn heaviest<T>(weights: impl IntoIterator<Item = (T, f64)>) -> Option<(T, f64)> {
    weights.into_iter().filter(|(_, weight)| *weight > 0.0).reduce(
        |best, next| {
            if next.1 > best.1 { next } else { best }
        },
    )
}

/// The quote that is around fields. None where quotes stand inside of fields that have none around them, so that they
/// are characters as others.
pub(super) fn quote(lines: &[String], delimiter: &str) -> Option<char> {
    let weights = QUOTES.map(|quote| {
        let weights: Vec<f64> = lines
            .iter()
            .filter(|line| line.contains(quote))
            .map(|line| (line.matches(quote).count() + around(line, delimiter, quote)) as f64)
            .collect();
        (quote, average(&weights))
    });
    match heaviest(weights) {
        Some((quote, weight)) if weight >= QUOTED => Some(quote),
        _ if lines.iter().any(|line| is_inside(line, delimiter)) => None,
        _ => Some('"'),
    }
}

/// How much the quotes of a line look as if they were around fields.
fn around(line: &str, delimiter: &str, quote: char) -> usize {
    let without_quote = count(line, |from| field(line, from, delimiter, quote, Inner::NoQuote));
    let without_delimiter = count(line, |from| field(line, from, delimiter, quote, Inner::NoDelimiter));
    without_quote * 20 + without_delimiter * 40
}

/// What a quoted field must not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner {
    NoQuote,
    NoDelimiter,
}

/// How many matches there are that do not overlap. `end` gives the end of one that starts at a place.
fn count(line: &str, end: impl Fn(usize) -> Option<usize>) -> usize {
    let (mut at, mut count) = (0, 0);
    while at <= line.len() {
        match end(at) {
            Some(end) => {
                count += 1;
                at = end.max(next(line, at));
            }
            None => at = next(line, at),
        }
    }
    count
}

/// The place behind the character at `at`.
fn next(line: &str, at: usize) -> usize {
    line[at..].chars().next().map_or(at + 1, |char| at + char.len_utf8())
}

/// Whether a quoted field begins at `from`, with the start of the line or a delimiter before it: its end, with the
/// delimiter behind it.
fn field(line: &str, from: usize, delimiter: &str, quote: char, inner: Inner) -> Option<usize> {
    let starts =
        [(from == 0).then_some(0), line[from..].starts_with(delimiter).then(|| from + delimiter.len())];
    starts.into_iter().flatten().find_map(|start| {
        let start = start + spaces(&line[start..]);
        let start = start + line[start..].strip_prefix(quote).map(|_| quote.len_utf8())?;
        match inner {
            Inner::NoQuote => {
                let end = start + line[start..].find(quote)? + quote.len_utf8();
                behind(line, end, delimiter)
            }
            Inner::NoDelimiter => last_quote(line, start, delimiter, quote),
        }
    })
}

/// The last quote before the next delimiter with the end of the field behind it; blanks may be between.
fn last_quote(line: &str, start: usize, delimiter: &str, quote: char) -> Option<usize> {
    let until = line[start..].find(delimiter).map_or(line.len(), |at| start + at);
    // Blanks before the quote may hold the delimiter, when it is one itself.
    let until = until + spaces(&line[until..]);
    let end = until + line[until..].strip_prefix(quote).map_or(0, |_| quote.len_utf8());
    let mut quotes = line[start..end].rmatch_indices(quote);
    quotes.find_map(|(at, _)| behind(line, start + at + quote.len_utf8(), delimiter))
}

/// The end of a field whose closing quote ends at `end`.
fn behind(line: &str, end: usize, delimiter: &str) -> Option<usize> {
    if end == line.len() {
        return Some(end);
    }
    line[end..].starts_with(delimiter).then(|| end + delimiter.len())
}

/// Bytes of white space at the start of a text.
fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']).len()
}

/// Whether a field that begins without a quote is followed by one somewhere.
fn is_inside(line: &str, delimiter: &str) -> bool {
    let Some(last) = line.rfind('"') else { return false };
    let starts = std::iter::once(0).chain(line.match_indices(delimiter).map(|(at, _)| at + delimiter.len()));
    starts.take_while(|start| *start < last).any(|start| !line[start..].starts_with('"'))
}

/// What is before quotes inside of quotes. None where nothing is and the quote is not that of RFC 4180.
pub(super) fn escape(lines: &[String], delimiter: &str, quote: char) -> Option<&'static str> {
    let quote_text = quote.to_string();
    let weights = ESCAPES.map(|escape| {
        let end = |line: &str, at: usize| {
            let rest = line[at..].strip_prefix(escape)?;
            let mark = [delimiter, &quote_text].into_iter().find(|mark| rest.starts_with(*mark))?;
            Some(at + escape.len() + mark.len())
        };
        (escape, lines.iter().map(|line| count(line, |at| end(line, at))).sum::<usize>() as f64)
    });
    heaviest(weights).map(|(escape, _)| escape).or((quote == '"').then_some("\""))
}

/// The text that stands for null: one that fills fields.
pub(super) fn null_string(lines: &[String], delimiter: &str) -> Option<&'static str> {
    let weights = NULLS.map(|null| {
        let end = |line: &str, at: usize| {
            let start =
                [(at == 0).then_some(0), line[at..].starts_with(delimiter).then(|| at + delimiter.len())];
            start.into_iter().flatten().find_map(|start| {
                line[start..].starts_with(null).then(|| behind(line, start + null.len(), delimiter))?
            })
        };
        (null, lines.iter().map(|line| count(line, |at| end(line, at))).sum::<usize>() as f64)
    });
    heaviest(weights).map(|(null, _)| null)
}

/// What lines of comments begin with, and the other lines. A line that begins with a quote or with null is none.
pub(super) fn comment(
    lines: &[String],
    delimiter: &str,
    quote: Option<&str>,
    null_string: Option<&str>,
) -> Option<(&'static str, Vec<String>)> {
    let is_row = |line: &str| {
        let is_null = |null: &str| {
            line.strip_prefix(null).is_some_and(|rest| rest.is_empty() || rest.starts_with(delimiter))
        };
        quote.is_some_and(|quote| !quote.is_empty() && line.starts_with(quote))
            || null_string.is_some_and(is_null)
    };
    let weights = COMMENTS.map(|marker| {
        let rows: Vec<String> =
            lines.iter().filter(|line| is_row(line) || !line.starts_with(marker)).cloned().collect();
        let comments = lines.len() - rows.len();
        ((marker, rows), comments as f64)
    });
    heaviest(weights).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('\n').map(str::to_owned).collect()
    }

    #[test]
    fn the_delimiter_is_what_all_lines_have() {
        for (text, expected) in [
            ("a,b\nc,d", ','),
            ("a\tb\nc\td", '\t'),
            ("a;b,c\nd;e\nf;g,h,i", ';'),
            ("a|b\nc|d", '|'),
            ("a\nb", ','),
            ("a,b,,,,\nb\nc\nd\ne", ','),
        ] {
            assert_eq!(delimiter(&lines(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_quote_is_around_fields() {
        for (text, expected) in [
            ("\"a\",\"b\"", Some('"')),
            ("'a','b'", Some('\'')),
            ("a,b", Some('"')),
            ("a\"b,c", None),
            (" \"a\",b", Some('"')),
            ("5\" nail,3", None),
        ] {
            assert_eq!(quote(&lines(text), ","), expected, "{text}");
        }
    }

    #[test]
    fn escapes_and_nulls_are_counted() {
        assert_eq!(escape(&lines("\"a\\\"b\",\"c\\\"\\\"\""), ",", '"'), Some("\\"));
        assert_eq!(escape(&lines("\"a\"\"b\",\"c\""), ",", '"'), Some("\""));
        assert_eq!(escape(&lines("a,b"), ",", '"'), Some("\""));
        assert_eq!(escape(&lines("'a','b'"), ",", '\''), None);
        assert_eq!(null_string(&lines("\\N,a,\\N\nNULL,b"), ","), Some("\\N"));
        // One delimiter does not end a field and begin the next.
        assert_eq!(null_string(&lines("a,\\N,\\N\nNULL,b"), ","), Some("NULL"));
        assert_eq!(null_string(&lines("anull,b"), ","), None);
    }

    #[test]
    fn comments_are_lines_with_a_mark() {
        let found = comment(&lines("#x\na,b\n//y\n#z"), ",", Some("\""), None);
        assert_eq!(found, Some(("#", vec!["a,b".to_owned(), "//y".to_owned()])));
        assert_eq!(comment(&lines("#N/A,b\na,#"), ",", Some("\""), Some("#N/A")), None);
    }
}

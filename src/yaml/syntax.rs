//! What a person reads when a text is not YAML: the parser's words in ours, with one thing to do.

/// The parser's words in ours, and what to do. `rest` is the text from the place on.
pub(super) fn wording(info: &str, rest: &str) -> (String, Option<&'static str>) {
    const QUOTE: &str = "quote the whole value, or put it in a block that starts with `|`";
    if info.contains("tab") && (info.contains("indent") || info.contains("disallowed")) {
        return ("a tab can't be used for indentation".to_owned(), Some("indent with spaces"));
    }
    if info.starts_with("mapping values are not allowed") {
        return ("`: ` is not allowed inside a plain value".to_owned(), Some(QUOTE));
    }
    if info.contains("unknown anchor") {
        return (
            "an alias of an anchor that is not there".to_owned(),
            Some("quote the value if it only begins with `*`"),
        );
    }
    if info.starts_with("unexpected character") {
        let first = rest.chars().next().map(String::from).unwrap_or_default();
        return (format!("a plain value can't begin with `{first}`"), Some("quote the value"));
    }
    if info.contains("flow sequence, expected") || info.contains("flow mapping, did not find expected") {
        let hint = rest.starts_with('{').then_some("quote `${...}` inside `[ ]` and `{ }`");
        return ("a `,` or the closing bracket is missing here".to_owned(), hint);
    }
    if info.contains("quoted scalar, found unexpected end of stream") {
        return ("a quote that is never closed".to_owned(), None);
    }
    if info.contains("block mapping, did not find expected key") {
        return ("a key was expected here".to_owned(), Some("check the indentation of this line"));
    }
    if info.contains("recursion limit") {
        return ("nested too deep".to_owned(), None);
    }
    let detail = info.rsplit(", ").next().unwrap_or(info);
    (format!("not valid YAML: {}", detail.replace('`', "'")), None)
}

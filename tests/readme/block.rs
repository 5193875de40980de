//! The code blocks of a Markdown text.

/// What is done with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Commands with their output.
    Console,
    /// Commands without output.
    Shell,
    /// A file of the sandbox.
    File(String),
    /// The flow through the house.
    Picture,
}

/// A block between fences.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Of its opening fence, from 1.
    pub(super) line: usize,
}

/// All blocks in order. One that nobody would check fails.
pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in markdown.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block { kind: kind(info, at + 1), text: String::new(), line: at + 1 });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

fn kind(info: &str, line: usize) -> Kind {
    match info.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["console"] => Kind::Console,
        ["sh"] => Kind::Shell,
        ["text"] => Kind::Picture,
        ["yaml" | "liquid" | "sql", name] => Kind::File((*name).to_owned()),
        _ => panic!("README line {line}: nobody checks a block of `{info}`"),
    }
}

#[test]
#[should_panic(expected = "README line 2: nobody checks a block of `ruby`")]
fn a_block_that_nobody_checks_fails() {
    blocks("text\n```ruby\nputs 1\n```\n");
}

//! A notice as a message of Slack, in blocks (Block Kit), within the limits of its reference: 50 blocks, 150 characters of a
//! header, 3,000 of a section's text, 2,000 of a field. A whole message is refused as well when it is too long
//! (`msg_blocks_too_long`), from about 13,200 characters on, which no page of Slack says. What does not fit is counted.
//!
//! Text from outside cannot become a mention, a link or formatting: `&`, `<` and `>` are escaped as Slack asks, and it
//! stands in code or in a plain text.

use serde_json::{Value, json};

use super::{Failed, Notice};

/// Characters of the header, as Slack has it.
const HEADER: usize = 150;
/// Characters of a fact, of the sentence, of the tables without rows, of a command and of a link.
const FACT: usize = 250;
const PART: usize = 1_200;
/// Characters of a name, and of what a task failed of.
const NAME: usize = 250;
const REASON: usize = 1_400;
/// Tasks that failed get a block each, as many as fit into so many blocks and characters.
const MOST_FAILED: usize = 30;
const ALL_FAILED: usize = 6_000;

impl Notice {
    /// What is posted to an incoming webhook. `text` is what a notification of a telephone shows.
    pub fn slack(&self) -> Value {
        let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "emoji": false,
            "text": fitted(&printable(&self.title()), HEADER)}})];
        blocks.extend(self.test_line().map(context));
        blocks.push(json!({"type": "section", "text": {"type": "plain_text", "emoji": false,
            "text": fitted(&printable(&self.message), PART)}}));
        blocks.push(self.facts_block());
        blocks.extend(self.failed_blocks());
        blocks.extend(self.slow_line().map(|line| section(&line)));
        blocks.extend(self.empty_block());
        if let Some(command) = &self.retry_command {
            let label = "Run what is left:\n";
            blocks.push(section(&format!("{label}{}", fenced(command, PART))));
        }
        blocks.extend(self.report_block());
        json!({"text": fitted(&format!("{}: {}", self.title(), self.message), PART), "blocks": blocks})
    }

    fn failed_blocks(&self) -> Vec<Value> {
        let (mut blocks, mut used) = (Vec::new(), 0);
        for failed in self.failed.iter().take(MOST_FAILED) {
            let text = failed_text(failed);
            used += length(&text);
            if used > ALL_FAILED {
                break;
            }
            blocks.push(section(&text));
        }
        let more = self.failed_count.saturating_sub(blocks.len());
        if more > 0 {
            let tasks = if more == 1 { "task" } else { "tasks" };
            blocks.push(context(&format!("and {more} more {tasks} that failed")));
        }
        blocks
    }

    fn facts_block(&self) -> Value {
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        let facts = [
            ("Project", Some(self.project.clone())),
            ("Workflow", self.workflow.clone()),
            ("Session", number(self.session)),
            ("Session time", self.session_time.clone()),
            ("Attempt", number(self.attempt)),
            ("Outcome", Some(self.outcome.replace('_', " "))),
            ("Took", self.took()),
        ];
        let known = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let fields: Vec<Value> =
            known.map(|(name, value)| mrkdwn(&format!("*{name}*\n{}", code(&value, FACT)))).collect();
        json!({"type": "section", "fields": fields})
    }

    fn empty_block(&self) -> Option<Value> {
        let first = self.empty.first()?;
        let head = format!("*No rows* ({})", self.empty_count);
        let mut text = format!("{head}\n{}", code(&first.line(), 2 * NAME));
        let mut shown = 1;
        for empty in &self.empty[1..] {
            let line = format!("\n{}", code(&empty.line(), 2 * NAME));
            if length(&text) + length(&line) > PART {
                break;
            }
            text.push_str(&line);
            shown += 1;
        }
        if self.empty_count > shown {
            text.push_str(&format!("\nand {} more", self.empty_count - shown));
        }
        Some(section(&text))
    }

    fn report_block(&self) -> Option<Value> {
        let report = self.report.as_ref()?;
        let object = code(&report.object, PART);
        let link = escaped(&report.url).replace('|', "%7C");
        // A link that is cut leads nowhere.
        let label = if length(&link) > PART { "Report".to_owned() } else { format!("<{link}|Report>") };
        Some(section(&format!("{label} {object}")))
    }
}

/// The task, what it copied, and why it failed.
fn failed_text(failed: &Failed) -> String {
    let mut text = format!("*{}*", code(&failed.task, NAME));
    for table in failed.tables.iter().take(1) {
        text.push_str(&format!("\n{} → {}", code(&table.source, NAME), code(&table.target, NAME)));
    }
    if failed.tables.len() > 1 {
        text.push_str(&format!(" and {} more", failed.tables.len() - 1));
    }
    text.push_str(&format!("\n{}", fenced(&failed.reason(), REASON)));
    if let Some(hint) = &failed.hint {
        text.push_str(&format!("\nHint: {}", code(hint, 2 * NAME)));
    }
    text
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(text)})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [mrkdwn(text)]})
}

/// `verbatim`: names and addresses in it do not become mentions and links.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// In a line, as code.
fn code(text: &str, most: usize) -> String {
    let text = printable(text).replace('`', "'").replace('\n', " ");
    format!("`{}`", fitted(&text, most - 2))
}

/// In lines of its own, as code.
fn fenced(text: &str, most: usize) -> String {
    format!("```{}```", fitted(&printable(text).replace('`', "'"), most - 6))
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Escaped as Slack asks: the three characters that have a meaning in every text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// As Slack may count: no unit is shorter than UTF-16's.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Escaped, and cut so that it has so many characters at most, with a count of those that are left out.
fn fitted(text: &str, most: usize) -> String {
    let whole = escaped(text);
    if length(&whole) <= most {
        return whole;
    }
    let all = text.chars().count();
    // As long as the note can get.
    let room = most.saturating_sub(format!("… ({all} more)").chars().count());
    let (mut cut, mut used, mut shown) = (String::new(), 0, 0);
    for c in text.chars() {
        let piece = escaped(c.encode_utf8(&mut [0; 4]));
        if used + length(&piece) > room {
            break;
        }
        used += length(&piece);
        shown += 1;
        cut.push_str(&piece);
    }
    format!("{cut}… ({} more)", all - shown)
}

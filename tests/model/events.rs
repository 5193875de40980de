//! The program's events, as `--json` shows them, read as a story.

use std::collections::HashMap;

use serde_json::Value;

use super::story::{Moments, Params, Story, sees};

/// A run as the program told it.
#[derive(Debug, Default)]
pub struct Told {
    pub story: Story,
    pub moments: Moments,
}

/// Listens to events, in their order.
#[derive(Debug, Default)]
pub struct Teller {
    pub told: Told,
    /// How many events there were.
    place: usize,
    /// Tries that have begun and not ended.
    open: HashMap<String, u32>,
    /// What tasks printed of a line that is not complete.
    printed: HashMap<String, String>,
}

impl Teller {
    /// The next event.
    pub fn hear(&mut self, event: &Value) {
        self.place += 1;
        let Some(task) = event["task"].as_str() else { return };
        let error = event["error"]["message"].as_str();
        match event["event"].as_str().unwrap_or_default() {
            "task_started" => self.begin(task, event),
            "output" => self.output(task, event["text"].as_str().unwrap_or_default()),
            "task_planned" => self.end(task, "plans".to_owned()),
            "task_retrying" => {
                let why = error.filter(|message| *message != "a task below it failed");
                self.end(task, why.map_or("retries".to_owned(), |message| format!("retries: {message}")));
            }
            "task_finished" => {
                let status = event["status"].as_str().unwrap_or_default();
                self.end(task, error.map_or(status.to_owned(), |message| format!("{status}: {message}")));
            }
            // A task with a handler has ended when its failure is told.
            "log" if event["text"].as_str().is_some_and(|text| text.starts_with("failed, `_error` runs")) => {
                self.close(task);
            }
            _ => {}
        }
    }

    fn begin(&mut self, task: &str, event: &Value) {
        let number = event["try"].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        self.told.story.tell(task, format!("try {number}"));
        self.told.moments.begins.insert((task.to_owned(), number), self.place);
        self.open.insert(task.to_owned(), number);
    }

    fn end(&mut self, task: &str, line: String) {
        self.close(task);
        self.told.story.tell(task, line);
    }

    fn close(&mut self, task: &str) {
        if let Some(number) = self.open.remove(task) {
            self.told.moments.ends.insert((task.to_owned(), number), self.place);
        }
    }

    /// What a task printed: what it was given, in words or as the file of its parameters, or what it had to say.
    fn output(&mut self, task: &str, text: &str) {
        let printed = self.printed.entry(task.to_owned()).or_default();
        printed.push_str(text);
        let Some(end) = printed.rfind('\n') else { return };
        let lines: String = printed.drain(..=end).collect();
        for line in lines.lines() {
            let line = match serde_json::from_str::<Params>(line) {
                Ok(params) if params.contains_key("_command") => sees(&params["_command"], &params),
                _ if line.starts_with("sees ") => line.to_owned(),
                _ => format!("says {line}"),
            };
            self.told.story.tell(task, line);
        }
    }
}

//! Lines on a terminal that are redrawn in place: one for each running transfer, and one for all that is done.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::console::Console;
use super::super::figures;
use super::Running;

/// More would scroll on a small terminal; the others are counted in the last line.
const MOST: usize = 16;

/// How often a line is redrawn while nothing happens, so that people see that it lives.
const TICK: Duration = Duration::from_millis(250);

pub(super) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    lines: BTreeMap<String, ProgressBar>,
    colors: bool,
}

impl Bars {
    pub(super) fn new(console: &Console) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        console.set_bars(Some(all.clone()));
        let total = all.add(ProgressBar::new_spinner());
        total.set_style(style("{wide_msg}"));
        Self { all, total, lines: BTreeMap::new(), colors: console.err_colors() }
    }

    pub(super) fn draw(&mut self, running: &[Running], finished_count: u64, finished_rows: u64) {
        let gone = self.lines.extract_if(.., |key, _| !running.iter().any(|running| running.key == *key));
        for (_, line) in gone.collect::<Vec<_>>() {
            line.finish_and_clear();
            self.all.remove(&line);
        }
        for running in running {
            if !self.lines.contains_key(&running.key) && self.lines.len() < MOST {
                self.lines.insert(running.key.clone(), self.line(running));
            }
            if let Some(line) = self.lines.get(&running.key) {
                let (rows, bytes) = (figures::count(running.rows), figures::bytes(running.bytes));
                line.set_message(format!("{rows} rows  {bytes}"));
            }
        }
        let hidden = running.len().saturating_sub(self.lines.len());
        let more = if hidden > 0 { format!(", {hidden} more under way") } else { String::new() };
        let rows = figures::count(finished_rows);
        let transfers = if finished_count == 1 { "transfer" } else { "transfers" };
        self.total.set_message(format!("done: {finished_count} {transfers}, {rows} rows{more}"));
    }

    fn line(&self, running: &Running) -> ProgressBar {
        let line = self.all.insert_before(&self.total, ProgressBar::new_spinner());
        line.set_style(style(if self.colors {
            "{spinner:.green} {prefix}  {wide_msg} {elapsed}"
        } else {
            "{spinner} {prefix}  {wide_msg} {elapsed}"
        }));
        // A name is text of a server: it must not move the cursor.
        let prefix: String = running.source.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        line.set_prefix(prefix);
        line.enable_steady_tick(TICK);
        line
    }

    pub(super) fn clear(&mut self, console: &Console) {
        for line in std::mem::take(&mut self.lines).into_values() {
            line.finish_and_clear();
        }
        self.total.finish_and_clear();
        console.set_bars(None);
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; one with a mistake shows indicatif's own spinner.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// Remembers what was drawn since it was last asked.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn drawn(&self) -> String {
            std::mem::take(&mut *self.0.lock().expect("no test panics with it"))
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().expect("no test panics with it").push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn running(key: &str, rows: u64) -> Running {
        Running { key: key.into(), source: format!("mysql shop.{key}\u{1b}"), rows, bytes: 1024 }
    }

    #[test]
    fn one_line_for_each_running_transfer() {
        let screen = Screen::default();
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let total = all.add(ProgressBar::new_spinner());
        total.set_style(style("{wide_msg}"));
        let mut bars = Bars { all, total, lines: BTreeMap::new(), colors: false };
        bars.draw(&[running("orders", 1500), running("items", 0)], 0, 0);
        bars.lines["orders"].force_draw();
        let shown = screen.drawn();
        assert!(shown.contains("mysql shop.orders?  1,500 rows  1.0 KiB"), "{shown}");
        assert!(shown.contains("mysql shop.items?"), "{shown}");
        bars.draw(&[running("items", 10)], 1, 1500);
        screen.drawn();
        bars.total.force_draw();
        let shown = screen.drawn();
        assert!(!shown.contains("orders"), "{shown}");
        assert!(shown.trim_end().ends_with("0sdone: 1 transfer, 1,500 rows"), "{shown}");
        let many: Vec<_> = (0..MOST + 2).map(|number| running(&number.to_string(), 0)).collect();
        bars.draw(&many, 2, 1500);
        screen.drawn();
        bars.total.force_draw();
        let shown = screen.drawn();
        assert!(shown.trim_end().ends_with("0sdone: 2 transfers, 1,500 rows, 2 more under way"), "{shown}");
    }
}

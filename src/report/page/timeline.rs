//! The tasks as they lie in each other and in time.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::html::Html;
use super::{Page, counted};
use crate::report::{figures, status};
use crate::session::TaskState;
use crate::state::TaskRecord;

/// Up to so many tasks stand there at once; of more, those that failed or took longest come first.
const AT_ONCE: usize = 60;

/// So many of those that took longest.
const LONGEST: usize = 20;

/// So many tasks are in the page.
const LISTED: usize = 2000;

/// So deep lists lie in each other; what is below stands beside its parent.
const DEEPEST: usize = 12;

pub(super) fn write(html: &mut Html<'_>, page: &Page<'_>) {
    let tasks = page.report.tasks();
    if tasks.is_empty() {
        return;
    }
    html.markup("<section aria-labelledby=\"timeline-is\"><h2 id=\"timeline-is\">Timeline of tasks</h2>\n");
    // What bars of tasks that failed are filled with: lines, for those who do not see the colour.
    html.markup(
        "<svg width=\"0\" height=\"0\" class=\"patterns\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"6\" \
         height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\"/>\
         <path d=\"M0 0v6\"/></pattern></defs></svg>\n",
    );
    let span = Span::of(page);
    if tasks.len() <= AT_ONCE {
        tree(html, tasks.iter().collect(), page, &span);
    } else {
        let mut first = by_weight(tasks.iter().filter(|task| task.operator.is_some()).collect());
        let failed = first.iter().take_while(|task| weight(task).0).count();
        first.truncate(failed.min(LONGEST) + LONGEST);
        html.markup("<p class=\"quiet\">Failed, and those that took longest:</p>\n");
        span.axis(html, page);
        html.markup("<ol class=\"timeline\">\n");
        for task in first {
            html.open("li", &[("class", task.state.word())]);
            row(html, task, task.name.as_str(), times(task), page, &span);
            html.markup("</li>\n");
        }
        html.markup("</ol>\n<details><summary>").text(&format!("All {}", counted(tasks.len(), "task")));
        html.markup("</summary>\n");
        let mut listed: Vec<&TaskRecord> = tasks.iter().collect();
        if listed.len() > LISTED {
            listed = by_weight(listed);
            listed.truncate(LISTED);
            let rest = counted(tasks.len() - LISTED, "shorter task");
            html.markup("<p class=\"quiet\">").text(&format!("Without {rest}.")).markup("</p>\n");
        }
        tree(html, listed, page, &span);
        html.markup("</details>\n");
    }
    html.markup("</section>\n");
}

/// What is looked for first: what failed, then what took long.
fn weight(task: &TaskRecord) -> (bool, f64) {
    let failed = matches!(task.state, TaskState::Error | TaskState::GroupError | TaskState::RetryWaiting);
    (failed, status::task_seconds(task).unwrap_or_default())
}

fn by_weight(mut tasks: Vec<&TaskRecord>) -> Vec<&TaskRecord> {
    tasks.sort_by(|left, right| {
        let ((failed, took), (other_failed, other_took)) = (weight(left), weight(right));
        other_failed.cmp(&failed).then(other_took.total_cmp(&took))
    });
    tasks
}

/// From the first beginning to the last end of what the attempt itself did.
struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl Span {
    fn of(page: &Page<'_>) -> Self {
        let attempt = page.report.attempt();
        let own = page.report.tasks().iter().filter(|task| task.attempt == attempt.id);
        let times = own.flat_map(|task| task.started_at.into_iter().chain(task.finished_at));
        let from = attempt.started_at;
        let to = times.chain(page.report.finished_at()).max().unwrap_or(from).max(from);
        Self { from, to }
    }

    /// Where a time lies, in percent.
    fn place(&self, at: Timestamp) -> f64 {
        let whole = self.to.duration_since(self.from).as_secs_f64();
        let part = at.duration_since(self.from).as_secs_f64();
        if whole <= 0.0 { 0.0 } else { (part / whole * 100.0).clamp(0.0, 100.0) }
    }

    /// What stands over the bars. Each row tells its own times, so it is for the eye alone.
    fn axis(&self, html: &mut Html<'_>, page: &Page<'_>) {
        html.markup("<div class=\"axis\" aria-hidden=\"true\"><span>").text(&clock(self.from, page));
        html.markup("</span><span>").text(&clock(self.to, page)).markup("</span></div>\n");
    }
}

/// Tasks in those that they are parts of, by when they began.
fn tree(html: &mut Html<'_>, tasks: Vec<&TaskRecord>, page: &Page<'_>, span: &Span) {
    span.axis(html, page);
    let places: HashMap<&str, usize> =
        tasks.iter().enumerate().map(|(place, task)| (task.name.as_str(), place)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    let mut roots = Vec::new();
    for (place, task) in tasks.iter().enumerate() {
        match parent(task.name.as_str(), &places) {
            Some(parent) => children[parent].push(place),
            None => roots.push(place),
        }
    }
    let times = with_parts(&tasks, &children);
    let by_start = |places: &mut Vec<usize>| {
        places.sort_by_key(|&place| (times[place].is_none(), times[place].map(|(from, _)| from)));
    };
    by_start(&mut roots);
    children.iter_mut().for_each(by_start);
    html.markup("<ol class=\"timeline\">\n");
    // The next to be shown is the last: how deep it lies, and in whom.
    let mut waiting: Vec<(usize, usize, &str)> = roots.into_iter().rev().map(|root| (root, 0, "")).collect();
    let mut deep = 0;
    while let Some((place, depth, above)) = waiting.pop() {
        let task = tasks[place];
        while deep > depth {
            html.markup("</ol></li>\n");
            deep -= 1;
        }
        html.open("li", &[("class", task.state.word())]);
        let name = task.name.as_str();
        row(html, task, name.strip_prefix(above).unwrap_or(name), times[place], page, span);
        let below = &children[place];
        if !below.is_empty() && depth < DEEPEST {
            html.markup("\n<ol>\n");
            deep += 1;
        } else {
            html.markup("</li>\n");
        }
        waiting.extend(below.iter().rev().map(|&child| (child, deep, name)));
    }
    while deep > 0 {
        html.markup("</ol></li>\n");
        deep -= 1;
    }
    html.markup("</ol>\n");
}

/// When a task began, and when it ended if it has.
type Times = Option<(Timestamp, Option<Timestamp>)>;

fn times(task: &TaskRecord) -> Times {
    task.started_at.map(|from| (from, task.finished_at))
}

/// A group that no operator began lasts from the first to the last of its parts in the same attempt.
fn with_parts(tasks: &[&TaskRecord], children: &[Vec<usize>]) -> Vec<Times> {
    let mut all: Vec<Times> = tasks.iter().map(|task| times(task)).collect();
    let mut inner_first: Vec<usize> = (0..tasks.len()).collect();
    // The name of a part is longer than that of the whole.
    inner_first.sort_by_key(|&place| std::cmp::Reverse(tasks[place].name.as_str().len()));
    for place in inner_first {
        if all[place].is_none() {
            let own = children[place].iter().filter(|&&part| tasks[part].attempt == tasks[place].attempt);
            let parts: Vec<_> = own.filter_map(|&part| all[part]).collect();
            let from = parts.iter().map(|(from, _)| *from).min();
            // Without an end as long as a part has none.
            let to = parts.iter().map(|(_, to)| *to).collect::<Option<Vec<_>>>();
            all[place] = from.map(|from| (from, to.and_then(|to| to.into_iter().max())));
        }
    }
    all
}

/// The nearest task that a name begins with, parts of a name being whole.
fn parent(name: &str, places: &HashMap<&str, usize>) -> Option<usize> {
    let ends = name.char_indices().rev().filter(|(_, c)| matches!(c, '+' | '^')).map(|(end, _)| end);
    ends.filter_map(|end| places.get(&name[..end]).copied()).next()
}

fn row(html: &mut Html<'_>, task: &TaskRecord, label: &str, times: Times, page: &Page<'_>, span: &Span) {
    html.markup("<div><span class=\"name\">").element("bdi", label);
    if let Some(operator) = &task.operator {
        html.markup(" <small>").text(operator).markup("&gt;</small>");
    }
    html.markup("</span><span class=\"state\">").text(&task.state.word().replace('_', " "));
    if task.round > 1 {
        html.markup(" <b>").text(&format!("{} tries", task.round)).markup("</b>");
    }
    html.markup("</span><span class=\"when\">");
    let is_own = task.attempt == page.report.attempt().id;
    match times.filter(|_| is_own) {
        _ if !is_own => html.text(&format!("in attempt {}", task.attempt)),
        Some((from, Some(to))) => html.text(&format!("{} – {}", clock(from, page), clock(to, page))),
        Some((from, None)) => html.text(&format!("{} –", clock(from, page))),
        None => html,
    };
    html.markup("</span><span class=\"took\">");
    if let Some((from, Some(to))) = times {
        html.text(&Duration::try_from(to.duration_since(from)).map(figures::duration).unwrap_or_default());
    }
    html.markup("</span>");
    if let Some((from, to)) = times.filter(|_| is_own) {
        let from = span.place(from);
        // What is too short to be seen is shown all the same.
        let width = (to.map_or(100.0, |to| span.place(to)) - from).max(0.4);
        let (x, width) = (format!("{:.1}%", from.min(100.0 - width)), format!("{width:.1}%"));
        html.markup("<svg aria-hidden=\"true\">").open("rect", &[("x", &x), ("width", &width)]);
        html.markup("</rect></svg>");
    }
    html.markup("</div>");
}

/// The time of day; with the day where it is not that on which the attempt began.
fn clock(at: Timestamp, page: &Page<'_>) -> String {
    let zoned = |at: Timestamp| at.to_zoned(page.zone.clone());
    let (at, began) = (zoned(at), zoned(page.report.attempt().started_at));
    let format = if at.date() == began.date() { "%H:%M:%S" } else { "%m-%d %H:%M:%S" };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::attempt::tests::task;

    #[test]
    fn a_group_lasts_as_long_as_its_parts() {
        let group = |name: &str| {
            let mut group = task(7, name, TaskState::Success);
            (group.started_at, group.finished_at) = (None, None);
            group
        };
        let second = |second: i64| Timestamp::from_second(second).expect("a time");
        let timed = |name: &str, from: i64, to: Option<i64>| {
            let mut task = task(7, name, TaskState::Success);
            (task.started_at, task.finished_at) = (Some(second(from)), to.map(second));
            task
        };
        let mut earlier = timed("+wf+a+0", 1, Some(2));
        earlier.attempt = crate::session::AttemptId(6);
        let tasks = [
            group("+wf"),
            group("+wf+a"),
            earlier,
            timed("+wf+a+1", 30, Some(40)),
            timed("+wf+a+2", 35, Some(60)),
            timed("+wf+b", 70, None),
            group("+wf+c"),
        ];
        let tasks: Vec<&TaskRecord> = tasks.iter().collect();
        let places: HashMap<&str, usize> =
            tasks.iter().enumerate().map(|(place, task)| (task.name.as_str(), place)).collect();
        let parents: Vec<Option<usize>> =
            tasks.iter().map(|task| parent(task.name.as_str(), &places)).collect();
        assert_eq!(parents, [None, Some(0), Some(1), Some(1), Some(1), Some(0), Some(0)]);
        let mut children = vec![Vec::new(); tasks.len()];
        for (place, parent) in parents.into_iter().enumerate() {
            if let Some(parent) = parent {
                children[parent].push(place);
            }
        }
        let times = with_parts(&tasks, &children);
        assert_eq!(times[1], Some((second(30), Some(second(60)))), "another attempt is not this one");
        assert_eq!(times[0], Some((second(30), None)), "a part runs");
        assert_eq!(times[6], None);
    }
}

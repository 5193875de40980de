//! The keys of `schedule:` to a [`Schedule`].

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::kind::{DayRule, Kind};
use super::{Overtime, Schedule};
use crate::diagnostic::{Problem, suggest};
use crate::dig::compile::span_of;
use crate::dig::params;
use crate::yaml::Entry;

const CODE: &str = "schedule";
const KINDS: [&str; 7] =
    ["hourly>", "daily>", "weekly>", "monthly>", "minutes_interval>", "seconds_interval>", "cron>"];

/// The kind's name without `>`, its argument, and the entry to point at.
struct Written<'n> {
    name: String,
    entry: &'n Entry,
    argument: Option<&'n Entry>,
}

impl Schedule {
    /// Reads the value of `schedule:`. All problems are collected; an error leaves no schedule.
    pub(in crate::dig) fn compile(entry: &Entry, zone: &TimeZone) -> (Option<Self>, Vec<Problem>) {
        let Some(entries) = entry.value.as_mapping() else {
            let message = format!("`schedule` must be a mapping, but is {}", entry.value.kind());
            return (None, vec![Problem::error(CODE, message, span_of(entry))]);
        };
        let mut problems = Vec::new();
        let written = match written(entry, entries) {
            Ok(written) => written,
            Err(problem) => return (None, vec![problem]),
        };
        let kind = kind(&written).map_err(|problem| problems.push(problem)).ok();
        let mut schedule = kind.map(|(kind, delay)| Self {
            text: format!("{}> {}", written.name, argument_text(&written).unwrap_or_default()),
            kind,
            delay,
            zone: zone.clone(),
            start: None,
            end: None,
            overtime: Overtime::Start,
            skip_delayed_by: None,
        });
        for option in entries.iter().filter(|option| !is_kind_key(option, &written)) {
            if let Err(problem) = set_option(schedule.as_mut(), option, &written) {
                problems.push(problem);
            }
        }
        problems.extend(schedule.as_ref().and_then(|schedule| impossible(schedule, &written, entries)));
        if problems.is_empty() { (schedule, problems) } else { (None, problems) }
    }
}

/// `x>: argument`, or `_type: x` with `at: argument`.
fn written<'n>(schedule: &Entry, entries: &'n [Entry]) -> Result<Written<'n>, Problem> {
    let mut kinds = entries.iter().filter(|entry| entry.key.ends_with('>'));
    match (kinds.next(), kinds.next()) {
        (Some(first), Some(second)) => Err(Problem::error(CODE, "a schedule has one kind", &second.key_span)
            .also(&first.key_span, "its first kind")),
        (Some(entry), None) => {
            let name = entry.key.trim_end_matches('>').to_owned();
            Ok(Written { name, entry, argument: Some(entry) })
        }
        (None, _) => match entries.iter().find(|entry| entry.key == "_type") {
            Some(entry) => {
                let name = params::to_text("_type", &entry.value.to_json()).unwrap_or_default();
                Ok(Written { name, entry, argument: entries.iter().find(|entry| entry.key == "at") })
            }
            None => {
                let message = "`schedule` needs a kind, such as `daily>: \"07:00:00\"`";
                Err(Problem::error(CODE, message, &schedule.key_span))
            }
        },
    }
}

fn is_kind_key(option: &Entry, written: &Written<'_>) -> bool {
    std::ptr::eq(option, written.entry)
        || written.argument.is_some_and(|argument| std::ptr::eq(option, argument))
}

fn argument_text(written: &Written<'_>) -> Option<String> {
    let value = written.argument?.value.to_json();
    params::to_text("argument", &value).ok().map(|text| text.trim().to_owned())
}

fn kind(written: &Written<'_>) -> Result<(Kind, SignedDuration), Problem> {
    let place = written.argument.map_or(&written.entry.key_span, span_of);
    let wrong = |form: &str| Problem::error(CODE, format!("`{}>` takes {form}", written.name), place);
    let text = argument_text(written).unwrap_or_default();
    let now = SignedDuration::ZERO;
    match written.name.as_str() {
        "hourly" => {
            let delay = clock(&text, 2).ok_or_else(|| wrong("`MM:SS`"))?;
            Ok((Kind::Minutes(60), delay))
        }
        "daily" => {
            let delay = clock(&text, 3).ok_or_else(|| wrong("`HH:MM:SS`"))?;
            Ok((Kind::Days(DayRule::Every), delay))
        }
        "weekly" => {
            let form = "`DAY,HH:MM:SS` with a day from `Sun` to `Sat`";
            let (day, time) = text.split_once(',').ok_or_else(|| wrong(form))?;
            let rule = weekday(day.trim()).map(DayRule::OfWeek).ok_or_else(|| wrong(form))?;
            Ok((Kind::Days(rule), clock(time.trim(), 3).ok_or_else(|| wrong(form))?))
        }
        "monthly" => {
            let form = "`D,HH:MM:SS` with a day from 1 to 31";
            let (day, time) = text.split_once(',').ok_or_else(|| wrong(form))?;
            let day =
                day.trim().parse().ok().filter(|day| (1..=31).contains(day)).ok_or_else(|| wrong(form))?;
            Ok((Kind::Days(DayRule::OfMonth(day)), clock(time.trim(), 3).ok_or_else(|| wrong(form))?))
        }
        "minutes_interval" => {
            let minutes = interval(&text).ok_or_else(|| wrong("a number from 1"))?;
            // Marks lie within each hour, so sixty and more is the hour itself.
            Ok((Kind::Minutes(minutes.min(60)), now))
        }
        "seconds_interval" => {
            Ok((Kind::Seconds(interval(&text).ok_or_else(|| wrong("a number from 1"))?), now))
        }
        "cron" => cron(&text)
            .map(|cron| (Kind::Cron(cron), now))
            .map_err(|message| Problem::error(CODE, message, place)),
        name => {
            let key = format!("{name}>");
            let problem =
                Problem::error(CODE, format!("unknown kind of schedule `{key}`"), &written.entry.key_span);
            Err(match suggest(&key, KINDS) {
                Some(near) => problem.did_you_mean(&key, near),
                None => problem,
            })
        }
    }
}

/// `HH:MM:SS` or `MM:SS`. Digdag does not look at the bounds: `25:00:00` is an hour into the next day.
fn clock(text: &str, parts: usize) -> Option<SignedDuration> {
    let numbers: Option<Vec<i64>> = text
        .split(':')
        .map(|part| {
            let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        })
        .collect();
    let numbers = numbers.filter(|numbers| numbers.len() == parts)?;
    Some(SignedDuration::from_secs(numbers.into_iter().fold(0, |total, number| total * 60 + number)))
}

fn interval(text: &str) -> Option<i64> {
    // A year of seconds is far beyond use and far within the calendar.
    text.parse().ok().filter(|number| (1..=31_536_000).contains(number))
}

fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [&str; 8] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let lower = text.to_ascii_lowercase();
    let number = text
        .parse::<usize>()
        .ok()
        .or_else(|| NAMES.iter().position(|name| *name == lower))
        .filter(|n| *n < 8)?;
    Weekday::from_sunday_zero_offset(i8::try_from(number % 7).ok()?).ok()
}

/// Five fields as cron4j reads them: both day fields must fit, `|` between alternatives, ranges may wrap.
fn cron(text: &str) -> Result<Vec<Cron>, String> {
    let parser =
        CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).dom_and_dow(true).build();
    text.split('|')
        .map(|pattern| {
            let fields: Vec<&str> = pattern.split_whitespace().collect();
            if fields.len() != 5 {
                return Err(
                    "`cron>` takes five fields: minute, hour, day of month, month, day of week".to_owned()
                );
            }
            let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
            let fields: Vec<String> =
                fields.iter().zip(bounds).map(|(field, bounds)| unwrap_ranges(field, bounds)).collect();
            parser.parse(&fields.join(" ")).map_err(|error| {
                format!("`cron>` can't be read: {}", error.to_string().trim_end_matches('.').to_lowercase())
            })
        })
        .collect()
}

/// `22-1` is `22-23,0-1`.
fn unwrap_ranges(field: &str, (low, high): (u32, u32)) -> String {
    let parts = field.split(',').map(|part| {
        let range = part
            .split_once('-')
            .and_then(|(from, to)| Some((from.parse::<u32>().ok()?, to.parse::<u32>().ok()?)));
        match range {
            Some((from, to)) if to < from && from <= high => format!("{from}-{high},{low}-{to}"),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(",")
}

fn set_option(schedule: Option<&mut Schedule>, option: &Entry, written: &Written<'_>) -> Result<(), Problem> {
    let key = option.key.as_str();
    let value = option.value.to_json();
    let wrong = |message: String| Problem::error(CODE, message, span_of(option));
    let is_seconds = written.name == "seconds_interval";
    let delayable = matches!(written.name.as_str(), "cron" | "minutes_interval" | "seconds_interval");
    match key {
        "skip_on_overtime" => {
            let skip = params::to_bool(key, &value).map_err(|error| wrong(error.to_string()))?;
            if let Some(schedule) = schedule {
                schedule.overtime = if skip { Overtime::Skip } else { Overtime::Start };
            }
        }
        "skip_delayed_by" => {
            let limit = params::to_duration(key, &value).map_err(|error| wrong(error.to_string()))?;
            if let Some(schedule) = schedule {
                schedule.skip_delayed_by = Some(limit);
            }
        }
        "start" | "end" if !is_seconds => {
            let day = option
                .value
                .as_str()
                .and_then(day)
                .ok_or_else(|| wrong(format!("`{key}` must be a day `YYYY-MM-DD`")))?;
            match schedule {
                Some(schedule) if key == "start" => schedule.start = Some(day),
                Some(schedule) => schedule.end = Some(day),
                None => {}
            }
        }
        "delay" if delayable => {
            let seconds = params::to_integer(key, &value).map_err(|error| wrong(error.to_string()))?;
            // A month of delay is far beyond use.
            let seconds = Some(seconds).filter(|seconds| (0..=2_678_400).contains(seconds));
            let seconds =
                seconds.ok_or_else(|| wrong("`delay` must be from 0 to 2678400 seconds".to_owned()))?;
            if let Some(schedule) = schedule {
                schedule.delay = SignedDuration::from_secs(seconds);
            }
        }
        _ => {
            let known = ["start", "end", "skip_on_overtime", "skip_delayed_by"];
            let problem =
                Problem::error(CODE, format!("unknown key `{key}` in `schedule`"), &option.key_span);
            return Err(match suggest(key, known) {
                Some(near) if near != key => problem.did_you_mean(key, near),
                _ => problem,
            });
        }
    }
    Ok(())
}

fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// Schedules that never come.
fn impossible(schedule: &Schedule, written: &Written<'_>, entries: &[Entry]) -> Option<Problem> {
    if let (Some(start), Some(end)) = (schedule.start, schedule.end)
        && end < start
    {
        let place = entries.iter().find(|entry| entry.key == "end")?;
        return Some(Problem::error(CODE, "`end` is earlier than `start`", span_of(place)));
    }
    let some_time = jiff::civil::date(2024, 1, 1).to_zoned(TimeZone::UTC).ok()?;
    if matches!(schedule.kind, Kind::Cron(_)) && schedule.next_after(&some_time).is_none() {
        let place = written.argument.map_or(&written.entry.key_span, span_of);
        return Some(Problem::error(CODE, "`cron>` names a time that never comes", place));
    }
    None
}

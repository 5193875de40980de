//! `type: typecast`, `type: timestamp_format`, `type: expand_json`

use crate::embulk::bind::section::{Rules, Section};
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{
    ClockCast, DEFAULT_FORMAT, ExpandJson, Expanded, Invalid, Place, TimeUnit, TimestampFormat, Typecast,
    TypecastColumn,
};
use crate::embulk::json_path::JsonPath;
use crate::embulk::zone::Zone;
use crate::yaml::NodeValue;

const UNITS: [(&str, TimeUnit); 14] = [
    ("second", TimeUnit::Second),
    ("sec", TimeUnit::Second),
    ("ms", TimeUnit::Millisecond),
    ("millisecond", TimeUnit::Millisecond),
    ("milli_second", TimeUnit::Millisecond),
    ("milli", TimeUnit::Millisecond),
    ("us", TimeUnit::Microsecond),
    ("microsecond", TimeUnit::Microsecond),
    ("micro_second", TimeUnit::Microsecond),
    ("micro", TimeUnit::Microsecond),
    ("ns", TimeUnit::Nanosecond),
    ("nanosecond", TimeUnit::Nanosecond),
    ("nano_second", TimeUnit::Nanosecond),
    ("nano", TimeUnit::Nanosecond),
];

/// Format and zone that an option gives, or its default in the filter.
struct Defaults {
    format: String,
    zone: Zone,
}

impl Defaults {
    fn of(section: &Section<'_>) -> Self {
        section.refuse("default_date", "write the date into the format");
        Self {
            format: format(section, "default_timestamp_format").unwrap_or_else(|| DEFAULT_FORMAT.to_owned()),
            zone: section.zone("default_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        }
    }

    fn format(&self, section: &Section<'_>) -> String {
        section.refuse("date", "write the date into the format");
        format(section, "format").unwrap_or_else(|| self.format.clone())
    }

    fn zone(&self, section: &Section<'_>) -> Zone {
        section.zone("timezone", Zone::embulk).unwrap_or_else(|| self.zone.clone())
    }
}

/// A format in Ruby's notation.
fn format(section: &Section<'_>, key: &'static str) -> Option<String> {
    ruby(section, key, section.plain(key)?)
}

fn ruby(section: &Section<'_>, key: &'static str, text: String) -> Option<String> {
    let plain = text.strip_prefix("ruby:").unwrap_or(&text);
    if plain.starts_with("java:") || !plain.contains('%') {
        let message = format!("`{plain}` in `{key}` is a format of Java's, which is not supported");
        section.refuse_value(key, message);
        return None;
    }
    Some(plain.to_owned())
}

fn invalid(section: &Section<'_>) -> Invalid {
    match section.flag("stop_on_invalid_record", Rules::Java) {
        Some(true) => Invalid::Stop,
        _ => Invalid::Tolerate,
    }
}

/// A column, or a part of one.
fn place(section: &Section<'_>) -> Option<Place> {
    let name = section.required("name")?.expose().to_owned();
    if JsonPath::is_path(&name) { path(section, &name).map(Place::Path) } else { Some(Place::Column(name)) }
}

/// A path that begins with a column.
pub(super) fn path(section: &Section<'_>, text: &str) -> Option<JsonPath> {
    let reason = match JsonPath::parse(text) {
        Ok(path) if path.column().is_some() => return Some(path),
        Ok(_) => "does not begin with a column".to_owned(),
        Err(error) => error.to_string(),
    };
    section.refuse_value("name", format!("the path `{text}` {reason}"));
    None
}

pub(super) fn typecast(section: &Section<'_>) -> Option<Typecast> {
    let defaults = Defaults::of(section);
    let columns: Vec<_> = section.sections("columns").iter().map(|column| cast(column, &defaults)).collect();
    Some(Typecast { columns: columns.into_iter().collect::<Option<_>>()?, invalid: invalid(section) })
}

fn cast(section: &Section<'_>, defaults: &Defaults) -> Option<TypecastColumn> {
    let place = place(section);
    let to = column_type(section);
    let (format, zone) = (defaults.format(section), defaults.zone(section));
    section.finish();
    let (place, to) = (place?, to?);
    if matches!(place, Place::Path(_)) && to == EmbulkType::Timestamp {
        section.refuse_value("type", "a part of a JSON column cannot become a timestamp".to_owned());
        return None;
    }
    Some(TypecastColumn { place, to, format, zone })
}

fn column_type(section: &Section<'_>) -> Option<EmbulkType> {
    if section.node("type").is_none() {
        section.missing("type");
    }
    section.word("type", &EmbulkType::NAMES)
}

pub(super) fn timestamp_format(section: &Section<'_>) -> Option<TimestampFormat> {
    let from = formats(section, "default_from_timestamp_format");
    let defaults = ClockCast {
        place: Place::Column(String::new()),
        to: EmbulkType::String,
        from_formats: from.unwrap_or_else(|| vec![DEFAULT_FORMAT.to_owned()]),
        from_zone: section.zone("default_from_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        to_format: format(section, "default_to_timestamp_format")
            .unwrap_or_else(|| DEFAULT_FORMAT.to_owned()),
        to_zone: section.zone("default_to_timezone", Zone::embulk).unwrap_or_else(Zone::utc),
        from_unit: section.word("default_from_timestamp_unit", &UNITS).unwrap_or(TimeUnit::Second),
        to_unit: section.word("default_to_timestamp_unit", &UNITS).unwrap_or(TimeUnit::Second),
    };
    let columns: Vec<_> = section.sections("columns").iter().map(|column| clock(column, &defaults)).collect();
    Some(TimestampFormat { columns: columns.into_iter().collect::<Option<_>>()?, invalid: invalid(section) })
}

fn clock(section: &Section<'_>, defaults: &ClockCast) -> Option<ClockCast> {
    let place = place(section);
    let to = match section.node("type") {
        Some(_) => section.word("type", &EmbulkType::NAMES),
        None => Some(EmbulkType::String),
    };
    let from_formats = formats(section, "from_format").unwrap_or_else(|| defaults.from_formats.clone());
    let from_zone = section.zone("from_timezone", Zone::embulk).unwrap_or_else(|| defaults.from_zone.clone());
    let to_format = format(section, "to_format").unwrap_or_else(|| defaults.to_format.clone());
    let to_zone = section.zone("to_timezone", Zone::embulk).unwrap_or_else(|| defaults.to_zone.clone());
    let from_unit = section.word("from_unit", &UNITS).unwrap_or(defaults.from_unit);
    let to_unit = section.word("to_unit", &UNITS).unwrap_or(defaults.to_unit);
    section.finish();
    let (place, to) = (place?, to?);
    let wrong = match to {
        EmbulkType::Boolean | EmbulkType::Json => Some(format!("a time cannot become a {}", to.word())),
        EmbulkType::Timestamp if matches!(place, Place::Path(_)) => {
            Some("a part of a JSON column cannot become a timestamp".to_owned())
        }
        _ => None,
    };
    if let Some(message) = wrong {
        section.refuse_value("type", message);
        return None;
    }
    Some(ClockCast { place, to, from_formats, from_zone, to_format, to_zone, from_unit, to_unit })
}

/// A list of formats; one alone may stand there without a list.
fn formats(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let texts = match section.node(key)?.value {
        NodeValue::Sequence(_) => section.texts(key),
        _ => vec![section.plain(key)?],
    };
    let formats: Vec<_> = texts.into_iter().map(|text| ruby(section, key, text)).collect();
    formats.into_iter().collect::<Option<Vec<_>>>().filter(|formats| !formats.is_empty())
}

pub(super) fn expand_json(section: &Section<'_>) -> Option<ExpandJson> {
    let column = section.required("json_column_name");
    let root = section.plain("root").unwrap_or_else(|| "$.".to_owned());
    let mut defaults = Defaults::of(section);
    if let Some(zone) = section.zone("time_zone", Zone::embulk) {
        defaults.zone = zone;
    }
    if section.node("expanded_columns").is_none() {
        section.missing("expanded_columns");
    }
    let columns: Vec<_> = section
        .sections("expanded_columns")
        .iter()
        .map(|column| expanded(column, &root, &defaults))
        .collect();
    let keep = section.flag("keep_expanding_json_column", Rules::Java).unwrap_or(false);
    let invalid = invalid(section);
    section.ignore(&["cache_provider"]);
    Some(ExpandJson {
        column: column?.expose().to_owned(),
        columns: columns.into_iter().collect::<Option<_>>()?,
        keep,
        invalid,
    })
}

fn expanded(section: &Section<'_>, root: &str, defaults: &Defaults) -> Option<Expanded> {
    let name = section.required("name");
    let to = column_type(section);
    let (format, zone) = (defaults.format(section), defaults.zone(section));
    section.finish();
    let name = name?.expose().to_owned();
    let text = format!("{root}{name}");
    match JsonPath::parse(&text) {
        Ok(path) => Some(Expanded { name, path, to: to?, format, zone }),
        Err(error) => {
            section.refuse_value("name", format!("the path `{text}` {error}"));
            None
        }
    }
}

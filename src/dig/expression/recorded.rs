//! What Digdag 0.10.6 made of texts with dates, recorded by running it.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Clock, Evaluator, Limits};
use crate::session::Params;

fn results(zone: &str, scope: Value, codes: &[&str]) -> Vec<String> {
    let zone = TimeZone::get(zone).expect("a known zone");
    let now = "2024-03-10T12:00:00Z".parse().expect("a time");
    let evaluator = Evaluator::new(zone, Clock::fixed(now), Limits::default());
    let Value::Object(scope): Value = scope else { panic!("an object") };
    let scope: Params = scope;
    let evaluate = |code: &&str| evaluator.evaluate_text(&format!("${{{code}}}"), &scope);
    codes.iter().map(|code| evaluate(code).unwrap_or_else(|error| error.to_string())).collect()
}

#[test]
fn moments_in_the_common_forms() {
    let pairs = [
        ("moment(session_time).format()", "2024-03-10T12:34:56+00:00"),
        ("moment(session_time).format('YYYY-MM-DD HH:mm:ss')", "2024-03-10 12:34:56"),
        ("moment(session_time).format('YYYYMMDD')", "20240310"),
        ("moment(session_time).add(-1, 'days').format('YYYY-MM-DD')", "2024-03-09"),
        ("moment(session_time).subtract(1, 'month').endOf('month').format('YYYY-MM-DD')", "2024-02-29"),
        ("moment(session_time).startOf('week').format('YYYY-MM-DD')", "2024-03-10"),
        ("moment(session_time).startOf('isoWeek').format('YYYY-MM-DD')", "2024-03-04"),
        ("moment(session_time).unix()", "1710074096"),
        ("moment(session_time).utc().format('YYYY-MM-DDTHH:mm:ssZ')", "2024-03-10T12:34:56+00:00"),
        (
            "moment(session_time).format('ddd, Do MMM YY, h:mm a [W]W E e DDD Q X x SSS ZZ')",
            "Sun, 10th Mar 24, 12:34 pm W10 7 0 70 1 1710074096 1710074096000 000 +0000",
        ),
        ("moment(session_time).diff(moment('2024-03-01'), 'days')", "9"),
        ("moment('2024-02-30').isValid()", "false"),
        ("moment('2024-02-30').format()", "Invalid date"),
        ("moment(session_time).isAfter('2024-01-01')", "true"),
        ("moment(session_time).day()", "0"),
        ("moment('10/03/2024', 'DD/MM/YYYY').format('YYYY-MM-DD')", "2024-03-10"),
        ("moment.duration(90, 'minutes').humanize()", "2 hours"),
        ("moment(session_time).from(moment('2024-03-11T12:34:56Z'))", "a day ago"),
        ("moment.version", "2.21.0"),
        ("moment.locale()", "en"),
        ("moment.utc('2024-03-10T00:00:00+09:00').format()", "2024-03-09T15:00:00Z"),
        ("moment.unix(1451703845).format()", "2016-01-02T03:04:05+00:00"),
        ("moment(session_unixtime * 1000).format()", "2024-03-10T12:34:56+00:00"),
        ("moment({year: 2024, month: 1, day: 29}).add(1, 'year').format('L')", "02/28/2025"),
        ("moment('no date').format()", "Invalid date"),
        ("moment(undefined) != null", "true"),
        ("moment('2024-01-31').add(1, 'month').format('YYYY-MM-DD')", "2024-02-29"),
    ];
    let scope = json!({"session_time": "2024-03-10T12:34:56+00:00", "session_unixtime": 1_710_074_096});
    let (codes, expected): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for ((code, expected), result) in codes.iter().zip(expected).zip(results("UTC", scope, &codes)) {
        assert_eq!(result, expected, "{code}");
    }
}

#[test]
fn moments_live_in_the_zone_of_the_workflow() {
    let codes = [
        "moment(0).format()",
        "new Date(2024, 0, 1).toISOString()",
        "moment('2024-03-10').format()",
        "moment('2024-03-10T00:00:00Z').startOf('day').utc().format()",
        "moment().format()",
        "moment('2024-03-10').utcOffset()",
    ];
    let tokyo = [
        "1970-01-01T09:00:00+09:00",
        "2023-12-31T15:00:00.000Z",
        "2024-03-10T00:00:00+09:00",
        "2024-03-09T15:00:00Z",
        "2024-03-10T21:00:00+09:00",
        "540",
    ];
    assert_eq!(results("Asia/Tokyo", json!({}), &codes), tokyo);
    let angeles = [
        "moment('2024-03-10T01:30:00').add(1, 'hour').format()",
        "moment('2024-03-09T02:30:00').add(1, 'day').format()",
        "moment('2024-11-03T00:30:00').add(2, 'hours').format()",
        "moment('2024-03-10').endOf('day').diff(moment('2024-03-10'), 'hours')",
    ];
    let expected =
        ["2024-03-10T03:30:00-07:00", "2024-03-10T03:30:00-07:00", "2024-11-03T01:30:00-08:00", "22"];
    assert_eq!(results("America/Los_Angeles", json!({}), &angeles), expected);
}

// Names, units and the arithmetic of the calendar. The files beside this one are parts of one function: they share
// its scope, with `Date` (the workflow's), `NativeDate` (the engine's) and `host` (the program's functions) in it.
var SECOND = 1000, MINUTE = 60000, HOUR = 3600000, DAY = 86400000;
var MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October',
  'November', 'December'];
var DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

// ---- Kinds of values -------------------------------------------------------------------------------------------

var toText = Object.prototype.toString;
function isNumber(value) { return typeof value === 'number' || toText.call(value) === '[object Number]'; }
function isDate(value) { return toText.call(value) === '[object Date]'; }
function isPlain(value) { return value != null && toText.call(value) === '[object Object]'; }
function owns(object, key) { return Object.prototype.hasOwnProperty.call(object, key); }

function towardsZero(number) { return number < 0 ? Math.ceil(number) || 0 : Math.floor(number); }
function awayFromZero(number) { return number < 0 ? Math.floor(number) : Math.ceil(number); }
function roundHalfAway(number) { return number < 0 ? -Math.round(-number) : Math.round(number); }
function toInteger(value) {
  var number = +value;
  return isFinite(number) ? towardsZero(number) : 0;
}
// What is no number shows as `-0NaN`.
function pad(number, width, plus) {
  var digits = String(Math.abs(number));
  return (number >= 0 ? plus ? '+' : '' : '-') + '0'.repeat(Math.max(0, width - digits.length)) + digits;
}

// ---- Units -----------------------------------------------------------------------------------------------------

// The order in which `set({...})` goes through them: large ones first, so that a day is held against its own month.
var ORDER = {};
// Every name of a unit, by the one it stands for.
var UNITS = {};
[['year', 'y', 1], ['weekYear', 'gg', 1], ['isoWeekYear', 'GG', 1], ['dayOfYear', 'DDD', 4], ['week', 'w', 5],
  ['isoWeek', 'W', 5], ['quarter', 'Q', 7], ['month', 'M', 8], ['date', 'D', 9], ['day', 'd', 11],
  ['weekday', 'e', 11], ['isoWeekday', 'E', 11], ['hour', 'h', 13], ['minute', 'm', 14], ['second', 's', 15],
  ['millisecond', 'ms', 16]
].forEach(function (unit) {
  var name = unit[0], small = name.toLowerCase();
  UNITS[small] = UNITS[small + 's'] = UNITS[unit[1]] = name;
  ORDER[name] = unit[2];
});
function unitOf(name) {
  return typeof name === 'string' ? UNITS[name] || UNITS[name.toLowerCase()] : undefined;
}
// `{days: 1}` as `{day: 1}`; other keys are left out.
function byUnit(object) {
  var result = {};
  for (var key in object) {
    if (owns(object, key) && unitOf(key)) result[unitOf(key)] = object[key];
  }
  return result;
}

// ---- Days, months and weeks ------------------------------------------------------------------------------------

function isLeap(year) { return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0; }
function daysInYear(year) { return isLeap(year) ? 366 : 365; }
// A month beyond December is one of a later year.
function daysInMonth(year, month) {
  if (isNaN(year) || isNaN(month)) return NaN;
  var inYear = ((month % 12) + 12) % 12;
  if (inYear === 1) return isLeap(year + (month - inYear) / 12) ? 29 : 28;
  return [3, 5, 8, 10].indexOf(inYear) < 0 ? 31 : 30;
}

// Two ways to count weeks: from Sundays, the first has 1 January in it; from Mondays, the first has 4 January in it.
var SUNDAYS = { first: 0, january: 1 };
var ISO_WEEKS = { first: 1, january: 4 };
// Days from 1 January to the first day of the first week; mostly negative.
function firstWeek(year, kind) {
  var day = new NativeDate(new NativeDate(0).setUTCFullYear(year, 0, kind.january));
  return kind.january - 1 - (7 + day.getUTCDay() - kind.first) % 7;
}
function weeksIn(year, kind) {
  return (daysInYear(year) - firstWeek(year, kind) + firstWeek(year + 1, kind)) / 7;
}
function weekOf(m, kind) {
  var year = m.year();
  var week = Math.floor((m.dayOfYear() - firstWeek(year, kind) - 1) / 7) + 1;
  if (week < 1) return { year: year - 1, week: week + weeksIn(year - 1, kind) };
  if (week > weeksIn(year, kind)) return { year: year + 1, week: week - weeksIn(year, kind) };
  return { year: year, week: week };
}
function dayOfWeek(year, week, weekday, kind) {
  var day = 1 + 7 * (week - 1) + (7 + weekday - kind.first) % 7 + firstWeek(year, kind);
  if (day <= 0) return { year: year - 1, day: day + daysInYear(year - 1) };
  if (day > daysInYear(year)) return { year: year + 1, day: day - daysInYear(year) };
  return { year: year, day: day };
}

// ---- Between instants and what a clock shows -------------------------------------------------------------------

// A moment has `_ms` and `_isUTC`: the instant when it is local; else what its clock shows, as if that were UTC.
function shown(m) { return new NativeDate(m._isUTC ? m._ms : m._ms + host.offset(m._ms) * 1000); }
function read(m, field) { return m.isValid() ? shown(m)['getUTC' + field]() : NaN; }
function write(m, field, values) {
  var clock = shown(m), time = clock['setUTC' + field].apply(clock, values);
  m._ms = m._isUTC ? time : host.instant(time);
}
function move(m, milliseconds) { m._ms = new NativeDate(m._ms + milliseconds).getTime(); }

// The time of `[year, month, day, ...]`; the year 5 is the year 5 and not 1905.
function fromList(list, isUTC) {
  var time = NativeDate.UTC.apply(null, list);
  var m = { _ms: isUTC ? time : host.instant(time), _isUTC: isUTC };
  if (list[0] >= 0 && list[0] < 100 && isFinite(m._ms)) write(m, 'FullYear', [list[0]]);
  return m._ms;
}
// What the workflow's zone is ahead of UTC, in minutes, to the quarter of an hour.
function zoneOffset(time) { return -Math.round(-host.offset(time) / 60 / 15) * 15; }

// ---- The module ------------------------------------------------------------------------------------------------

moment.version = '2.21.0';
moment.fn = moment.prototype = P;
moment.defaultFormat = 'YYYY-MM-DDTHH:mm:ssZ';
moment.defaultFormatUtc = 'YYYY-MM-DDTHH:mm:ss[Z]';
moment.HTML5_FMT = { DATETIME_LOCAL: 'YYYY-MM-DDTHH:mm', DATETIME_LOCAL_SECONDS: 'YYYY-MM-DDTHH:mm:ss',
  DATETIME_LOCAL_MS: 'YYYY-MM-DDTHH:mm:ss.SSS', DATE: 'YYYY-MM-DD', TIME: 'HH:mm', TIME_SECONDS: 'HH:mm:ss',
  TIME_MS: 'HH:mm:ss.SSS', WEEK: 'YYYY-[W]WW', MONTH: 'YYYY-MM' };
moment.isMoment = isMoment;
moment.isDate = isDate;
moment.isDuration = isDuration;
moment.duration = duration;
duration.fn = D;
duration.invalid = function () { return duration(NaN); };
moment.normalizeUnits = unitOf;
moment.relativeTimeRounding = function (round) {
  if (round === undefined) return rounding;
  if (typeof round !== 'function') return false;
  rounding = round;
  return true;
};
moment.relativeTimeThreshold = function (unit, limit) {
  if (LIMITS[unit] === undefined) return false;
  if (limit === undefined) return LIMITS[unit];
  LIMITS[unit] = limit;
  if (unit === 's') LIMITS.ss = limit - 1;
  return true;
};

// There is one language.
moment.locale = moment.lang = function () { return 'en'; };
moment.locales = function () { return ['en']; };
moment.localeData = moment.langData = function () { return ENGLISH; };
function names(list, length, index) {
  return function (m) { return m ? cut(list[m[index]()], length) : list.map(function (name) { return cut(name, length); }); };
}
var ENGLISH = {
  months: names(MONTHS, 99, 'month'), monthsShort: names(MONTHS, 3, 'month'),
  weekdays: names(DAYS, 99, 'day'), weekdaysShort: names(DAYS, 3, 'day'), weekdaysMin: names(DAYS, 2, 'day'),
  monthsParse: function (text, format, strict) { return monthNamed(text, strict && format); },
  weekdaysParse: function (text, format, strict) { return dayNamed(text, strict && format); },
  week: function (m) { return weekOf(m, SUNDAYS).week; },
  firstDayOfWeek: function () { return 0; }, firstDayOfYear: function () { return 6; },
  longDateFormat: function (key) { return LONG_FORMATS[key]; },
  calendar: function (key) { return CALENDAR[key] || CALENDAR.sameElse; },
  ordinal: ordinal, meridiem: meridiem, isPM: function (text) { return String(text).toLowerCase()[0] === 'p'; },
  invalidDate: function () { return 'Invalid date'; },
  relativeTime: function (number, withoutSuffix, key) { return WORDS[key].replace('%d', number); },
  pastFuture: function (diff, text) { return diff > 0 ? 'in ' + text : text + ' ago'; }
};
// The name of one month, by its number, or of all; a format before the number changes nothing in English.
function listed(field, unit, count) {
  return function (format, index) {
    if (isNumber(format)) index = format;
    function nameOf(i) { return ENGLISH[field](moment.utc().set(unit, unit === 'day' ? i % 7 : i)); }
    return index != null ? nameOf(index) : Array.from({ length: count }, function (none, i) { return nameOf(i); });
  };
}
function listedDays(field) {
  var list = listed(field, 'day', 7);
  return function (sorted, format, index) {
    // Whether to begin with the first day of the week, Sunday here, may come first. Without it moment takes its
    // first argument for the number, whatever it is.
    if (typeof sorted === 'boolean') return list(format, isNumber(format) ? format : index);
    return list(sorted, sorted);
  };
}
moment.months = listed('months', 'month', 12);
moment.monthsShort = listed('monthsShort', 'month', 12);
moment.weekdays = listedDays('weekdays');
moment.weekdaysShort = listedDays('weekdaysShort');
moment.weekdaysMin = listedDays('weekdaysMin');

// ---- Adding, comparing and telling apart -----------------------------------------------------------------------

function addSpan(m, span, sign) {
  if (!m.isValid()) return m;
  var months = roundHalfAway(span._months), days = roundHalfAway(span._days);
  if (months) setMonth(m, read(m, 'Month') + months * sign);
  if (days) setField(m, 'Date', read(m, 'Date') + days * sign);
  if (span._milliseconds) move(m, span._milliseconds * sign);
  return m;
}
function adder(sign) {
  return function (amount, unit) {
    // The old order of arguments, `add('days', 1)`.
    if (unit !== null && !isNaN(+unit)) return addSpan(this, duration(textToNumber(unit), amount), sign);
    return addSpan(this, duration(textToNumber(amount), unit), sign);
  };
}
function textToNumber(value) { return typeof value === 'string' ? +value : value; }
P.add = adder(1);
P.subtract = adder(-1);

var SMALLER = { year: 'month', quarter: 'date', month: 'date', week: 'hour', isoWeek: 'hour', day: 'hour', date: 'hour',
  hour: 'minute', minute: 'second', second: 'millisecond' };
P.startOf = function (unit) {
  unit = unitOf(unit);
  // Field by field: where clocks change at midnight, the way matters.
  for (var field = SMALLER[unit]; field; field = field === 'month' ? 'date' : field === 'date' ? 'hour' : SMALLER[field]) {
    this[field](field === 'date' ? 1 : 0);
  }
  if (unit === 'week') this.weekday(0);
  if (unit === 'isoWeek') this.isoWeekday(1);
  if (unit === 'quarter') this.month(Math.floor(this.month() / 3) * 3);
  return this;
};
P.endOf = function (unit) {
  unit = unitOf(unit);
  if (unit === undefined || unit === 'millisecond') return this;
  if (unit === 'date') unit = 'day';
  return this.startOf(unit).add(1, unit === 'isoWeek' ? 'week' : unit).subtract(1, 'ms');
};

function monthsBetween(a, b) {
  var whole = (b.year() - a.year()) * 12 + (b.month() - a.month());
  var anchor = a.clone().add(whole, 'months');
  // The part of the month before or after the anchor.
  var part = b - anchor < 0 ? (b - anchor) / (anchor - a.clone().add(whole - 1, 'months')) :
    (b - anchor) / (a.clone().add(whole + 1, 'months') - anchor);
  return -(whole + part) || 0;
}
P.diff = function (input, unit, exact) {
  if (!this.isValid()) return NaN;
  var that = like(input, this);
  if (!that.isValid()) return NaN;
  var apart = this - that, result;
  var days = apart - (that.utcOffset() - this.utcOffset()) * MINUTE;
  switch (unitOf(unit)) {
    case 'year': result = monthsBetween(this, that) / 12; break;
    case 'quarter': result = monthsBetween(this, that) / 3; break;
    case 'month': result = monthsBetween(this, that); break;
    case 'week': result = days / (7 * DAY); break;
    case 'day': result = days / DAY; break;
    case 'hour': result = apart / HOUR; break;
    case 'minute': result = apart / MINUTE; break;
    case 'second': result = apart / SECOND; break;
    default: result = apart;
  }
  return exact ? result : towardsZero(result);
};

// The times of two moments, held against each other where both are valid.
function compared(test) {
  return function (input, unit) {
    var that = isMoment(input) ? input : moment(input);
    if (!(this.isValid() && that.isValid())) return false;
    return test(this, that.valueOf(), unit === undefined ? 'millisecond' : unitOf(unit));
  };
}
function startOf(m, unit) { return unit === 'millisecond' ? m.valueOf() : m.clone().startOf(unit).valueOf(); }
function endOf(m, unit) { return unit === 'millisecond' ? m.valueOf() : m.clone().endOf(unit).valueOf(); }
P.isAfter = compared(function (m, time, unit) { return time < startOf(m, unit); });
P.isBefore = compared(function (m, time, unit) { return endOf(m, unit) < time; });
P.isSame = compared(function (m, time, unit) { return startOf(m, unit) <= time && time <= endOf(m, unit); });
P.isSameOrAfter = function (input, unit) { return this.isSame(input, unit) || this.isAfter(input, unit); };
P.isSameOrBefore = function (input, unit) { return this.isSame(input, unit) || this.isBefore(input, unit); };
P.isBetween = function (from, to, unit, ends) {
  ends = ends || '()';
  return (ends[0] === '(' ? this.isAfter(from, unit) : !this.isBefore(from, unit)) &&
    (ends[1] === ')' ? this.isBefore(to, unit) : !this.isAfter(to, unit));
};
// The limits below and above, as they were meant once: `a.min(b)` is at least `b`.
function limited(keeps) {
  return function () {
    var that = moment.apply(null, arguments);
    if (!(this.isValid() && that.isValid())) return invalid();
    return keeps(this, that) ? this : that;
  };
}
P.min = limited(function (m, that) { return that < m; });
P.max = limited(function (m, that) { return that > m; });
function best(better) {
  return function () {
    var all = arguments.length === 1 && Array.isArray(arguments[0]) ? arguments[0] : Array.from(arguments);
    if (!all.length) return moment();
    return all.reduce(function (chosen, m) { return !m.isValid() || m[better](chosen) ? m : chosen; });
  };
}
moment.min = best('isBefore');
moment.max = best('isAfter');

P.from = function (input, withoutSuffix) { return spoken(this, input, { from: input, to: this }, withoutSuffix); };
P.to = function (input, withoutSuffix) { return spoken(this, input, { from: this, to: input }, withoutSuffix); };
P.fromNow = function (withoutSuffix) { return this.from(moment(), withoutSuffix); };
P.toNow = function (withoutSuffix) { return this.to(moment(), withoutSuffix); };
function spoken(m, input, span, withoutSuffix) {
  var valid = m.isValid() && ((isMoment(input) && input.isValid()) || moment(input).isValid());
  return valid ? duration(span).humanize(!withoutSuffix) : 'Invalid date';
}
var CALENDAR = { sameDay: '[Today at] LT', nextDay: '[Tomorrow at] LT', nextWeek: 'dddd [at] LT',
  lastDay: '[Yesterday at] LT', lastWeek: '[Last] dddd [at] LT', sameElse: 'L' };
moment.calendarFormat = function (m, today) {
  var days = m.diff(today, 'days', true);
  return days < -6 ? 'sameElse' : days < -1 ? 'lastWeek' : days < 0 ? 'lastDay' : days < 1 ? 'sameDay' :
    days < 2 ? 'nextDay' : days < 7 ? 'nextWeek' : 'sameElse';
};
P.calendar = function (time, formats) {
  var now = time || moment(), key = moment.calendarFormat(this, like(now, this).startOf('day')) || 'sameElse';
  var format = formats && formats[key];
  if (typeof format === 'function') format = format.call(this, now);
  return this.format(format || CALENDAR[key] || CALENDAR.sameElse);
};

// ---- Durations -------------------------------------------------------------------------------------------------

var PARTS = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond'];
// Months, days and milliseconds are kept apart: neither a month nor, where clocks change, a day has one length.
function Duration(input) {
  var given = byUnit(input);
  function of(unit) { return given[unit] || 0; }
  this._isValid = isCountable(given);
  this._milliseconds = +of('millisecond') + of('second') * SECOND + of('minute') * MINUTE + of('hour') * 1000 * 60 * 60;
  this._days = +of('day') + of('week') * 7;
  this._months = +of('month') + of('quarter') * 3 + of('year') * 12;
  this._data = spread(this);
}
// Known units with numbers, of which only the smallest has a fraction.
function isCountable(given) {
  var known = Object.keys(given).every(function (unit) {
    return PARTS.indexOf(unit) >= 0 && (given[unit] == null || !isNaN(given[unit]));
  });
  var used = PARTS.filter(function (unit) { return given[unit]; });
  return known && used.every(function (unit, i) {
    return i === used.length - 1 || parseFloat(given[unit]) === toInteger(given[unit]);
  });
}
function monthsOf(days) { return days * 4800 / 146097; }
function daysOf(months) { return months * 146097 / 4800; }
// Carries what is too much for a unit on to the next.
function spread(d) {
  var ms = d._milliseconds, days = d._days, months = d._months;
  if (!((ms >= 0 && days >= 0 && months >= 0) || (ms <= 0 && days <= 0 && months <= 0))) {
    ms += awayFromZero(daysOf(months) + days) * DAY;
    days = months = 0;
  }
  var seconds = towardsZero(ms / 1000), minutes = towardsZero(seconds / 60), hours = towardsZero(minutes / 60);
  days += towardsZero(hours / 24);
  var whole = towardsZero(monthsOf(days));
  months += whole;
  days -= awayFromZero(daysOf(whole));
  return { milliseconds: ms % 1000, seconds: seconds % 60, minutes: minutes % 60, hours: hours % 24, days: days,
    months: months % 12, years: towardsZero(months / 12) };
}

var CLOCK = /^([-+])?(?:(\d*)[. ])?(\d+):(\d+)(?::(\d+)(\.\d*)?)?$/;
var ISO_DURATION = /^([-+])?P(?:([-+]?[0-9,.]*)Y)?(?:([-+]?[0-9,.]*)M)?(?:([-+]?[0-9,.]*)W)?(?:([-+]?[0-9,.]*)D)?(?:T(?:([-+]?[0-9,.]*)H)?(?:([-+]?[0-9,.]*)M)?(?:([-+]?[0-9,.]*)S)?)?$/;
function duration(input, unit) {
  return new Duration(durationParts(input, unit));
}
function durationParts(input, unit) {
  var found, parts = {};
  if (isDuration(input)) return { ms: input._milliseconds, d: input._days, M: input._months };
  if (isNumber(input)) {
    parts[unit || 'ms'] = input;
    return parts;
  }
  if ((found = CLOCK.exec(input))) {
    var sign = found[1] === '-' ? -1 : 1;
    return { d: toInteger(found[2]) * sign, h: toInteger(found[3]) * sign, m: toInteger(found[4]) * sign,
      s: toInteger(found[5]) * sign, ms: toInteger(roundHalfAway(found[6] * 1000)) * sign };
  }
  if ((found = ISO_DURATION.exec(input))) {
    ['y', 'M', 'w', 'd', 'h', 'm', 's'].forEach(function (name, i) {
      var number = parseFloat(String(found[i + 2]).replace(',', '.'));
      parts[name] = (isNaN(number) ? 0 : number) * (found[1] === '-' ? -1 : 1);
    });
    return parts;
  }
  if (input != null && typeof input === 'object' && ('from' in input || 'to' in input)) {
    return between(moment(input.from), moment(input.to));
  }
  return input;
}
function isDuration(value) { return value instanceof Duration; }

// From one moment to another, in months and a rest.
function between(from, to) {
  if (!(from.isValid() && to.isValid())) return {};
  to = like(to, from);
  if (from.isBefore(to)) return ahead(from, to);
  var span = ahead(to, from);
  return { ms: -span.ms, M: -span.M };
}
function ahead(from, to) {
  var months = to.month() - from.month() + (to.year() - from.year()) * 12;
  if (from.clone().add(months, 'M').isAfter(to)) months--;
  return { ms: to - from.clone().add(months, 'M'), M: months };
}

var D = Duration.prototype;
['milliseconds', 'seconds', 'minutes', 'hours', 'days', 'months', 'years'].forEach(function (name) {
  D[name] = function () { return this._isValid ? this._data[name] : NaN; };
});
D.weeks = function () { return towardsZero(this.days() / 7); };
D.get = function (unit) { return this._isValid ? this[unitOf(unit) + 's']() : NaN; };
D.isValid = function () { return this._isValid; };
D.clone = function () { return duration(this); };
D.valueOf = function () {
  if (!this._isValid) return NaN;
  return this._milliseconds + this._days * DAY + (this._months % 12) * 2592e6 + toInteger(this._months / 12) * 31536e6;
};
D.as = function (unit) {
  if (!this._isValid) return NaN;
  var ms = this._milliseconds, days = this._days + Math.round(daysOf(this._months));
  unit = unitOf(unit);
  switch (unit) {
    case 'year': return (this._months + monthsOf(this._days + ms / DAY)) / 12;
    case 'month': return this._months + monthsOf(this._days + ms / DAY);
    case 'week': return days / 7 + ms / (7 * DAY);
    case 'day': return days + ms / DAY;
    case 'hour': return days * 24 + ms / HOUR;
    case 'minute': return days * 1440 + ms / MINUTE;
    case 'second': return days * 86400 + ms / SECOND;
    case 'millisecond': return Math.floor(days * DAY) + ms;
    default: throw new Error('Unknown unit ' + unit);
  }
};
[['Milliseconds', 'ms'], ['Seconds', 's'], ['Minutes', 'm'], ['Hours', 'h'], ['Days', 'd'], ['Weeks', 'w'],
  ['Months', 'M'], ['Years', 'y']].forEach(function (pair) { D['as' + pair[0]] = function () { return this.as(pair[1]); }; });
D.abs = function () {
  var data = this._data;
  ['_milliseconds', '_days', '_months'].forEach(function (key) { this[key] = Math.abs(this[key]); }, this);
  // moment forgets the days here.
  Object.keys(data).forEach(function (key) { if (key !== 'days') data[key] = Math.abs(data[key]); });
  return this;
};
function durationAdder(sign) {
  return function (input, unit) {
    var more = duration(input, unit);
    ['_milliseconds', '_days', '_months'].forEach(function (key) { this[key] += sign * more[key]; }, this);
    this._data = spread(this);
    return this;
  };
}
D.add = durationAdder(1);
D.subtract = durationAdder(-1);
D.locale = P.locale;
D.localeData = P.localeData;
D.lang = P.lang;

// From how many of a unit on the next is spoken of.
var LIMITS = { ss: 44, s: 45, m: 45, h: 22, d: 26, M: 11 };
var rounding = Math.round;
var WORDS = { s: 'a few seconds', ss: '%d seconds', m: 'a minute', mm: '%d minutes', h: 'an hour', hh: '%d hours',
  d: 'a day', dd: '%d days', M: 'a month', MM: '%d months', y: 'a year', yy: '%d years' };
D.humanize = function (withSuffix) {
  if (!this._isValid) return 'Invalid date';
  var d = duration(this).abs();
  var count = {};
  ['s', 'm', 'h', 'd', 'M', 'y'].forEach(function (unit) { count[unit] = rounding(d.as(unit)); });
  var words = count.s <= LIMITS.ss ? 's' : count.s < LIMITS.s ? 'ss' : undefined;
  ['m', 'h', 'd', 'M', 'y'].forEach(function (unit) {
    if (words === undefined && count[unit] <= 1) words = unit;
    if (words === undefined && (unit === 'y' || count[unit] < LIMITS[unit])) words = unit + unit;
  });
  var text = WORDS[words].replace('%d', count[words[0]] || 1);
  return !withSuffix ? text : +this > 0 ? 'in ' + text : text + ' ago';
};
D.toISOString = D.toIsoString = D.toString = D.toJSON = function () {
  if (!this._isValid) return 'Invalid date';
  var total = this.as('s');
  if (!total) return 'P0D';
  // Neither days nor months are carried on: how long they are is not known.
  var years = towardsZero(Math.abs(this._months) / 12), months = Math.abs(this._months) % 12;
  var rest = Math.abs(this._milliseconds) / 1000;
  var minutes = towardsZero(rest / 60), hours = towardsZero(minutes / 60);
  var seconds = rest % 60 ? (rest % 60).toFixed(3).replace(/\.?0+$/, '') : '';
  minutes %= 60;
  function signed(part, number, letter) {
    if (!number) return '';
    return (Math.sign(part) === Math.sign(total) ? '' : '-') + number + letter;
  }
  var ms = this._milliseconds;
  return (total < 0 ? '-' : '') + 'P' + signed(this._months, years, 'Y') + signed(this._months, months, 'M') +
    signed(this._days, Math.abs(this._days), 'D') + (hours || minutes || seconds ? 'T' : '') +
    signed(ms, hours, 'H') + signed(ms, minutes, 'M') + signed(ms, seconds, 'S');
};

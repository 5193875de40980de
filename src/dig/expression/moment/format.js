// ---- Writing texts ---------------------------------------------------------------------------------------------

var LONG_FORMATS = { LT: 'h:mm A', LTS: 'h:mm:ss A', L: 'MM/DD/YYYY', LL: 'MMMM D, YYYY',
  LLL: 'MMMM D, YYYY h:mm A', LLLL: 'dddd, MMMM D, YYYY h:mm A',
  l: 'M/D/YYYY', ll: 'MMM D, YYYY', lll: 'MMM D, YYYY h:mm A', llll: 'ddd, MMM D, YYYY h:mm A' };
// The pieces of a format, also when reading.
var TOKENS = /\[[^\[]*\]|\\?(?:[Hh]mm(?:ss)?|Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|w[o|w]?|W[o|W]?|Qo?|YYYYYY|YYYYY|YYYY|YY|gg(?:ggg?)?|GG(?:GGG?)?|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|.)/g;
function expand(format) {
  var long = /\[[^\[]*\]|\\?(?:LTS|LT|LL?L?L?|l{1,4})/g;
  if (typeof format !== 'string') return format;
  return format.replace(long, function (token) { return owns(LONG_FORMATS, token) ? LONG_FORMATS[token] : token; });
}

function ordinal(number) {
  var last = number % 10;
  if (toInteger(number % 100 / 10) === 1) return number + 'th';
  return number + (last === 1 ? 'st' : last === 2 ? 'nd' : last === 3 ? 'rd' : 'th');
}
function offsetText(m, colon) {
  var minutes = m.utcOffset(), ahead = minutes < 0 ? -minutes : minutes;
  return (minutes < 0 ? '-' : '+') + pad(Math.trunc(ahead / 60) || 0, 2) + colon + pad(Math.trunc(ahead) % 60 || 0, 2);
}
function meridiem(hour, minute, small) {
  var text = hour > 11 ? 'PM' : 'AM';
  return small ? text.toLowerCase() : text;
}

var WRITERS = (function () {
  var table = {};
  // A number as it is, padded, and as the first, second, third, ...
  function number(get, plain, padded, withEnding, width) {
    if (plain) table[plain] = get;
    if (padded) table[padded] = function (m) { return pad(get(m), width || padded.length); };
    if (withEnding) table[withEnding] = function (m) { return ordinal(get(m)); };
  }
  function getter(name) { return function (m) { return m[name](); }; }
  function twelve(m) { return m.hours() % 12 || 12; }
  number(function (m) { return m.month() + 1; }, 'M', 'MM', 'Mo');
  number(getter('quarter'), 'Q', null, 'Qo');
  number(getter('date'), 'D', 'DD', 'Do');
  number(getter('dayOfYear'), 'DDD', 'DDDD', 'DDDo', 3);
  number(getter('day'), 'd', null, 'do');
  number(getter('weekday'), 'e');
  number(getter('isoWeekday'), 'E');
  number(getter('week'), 'w', 'ww', 'wo');
  number(getter('isoWeek'), 'W', 'WW', 'Wo');
  number(getter('hour'), 'H', 'HH');
  number(twelve, 'h', 'hh');
  number(function (m) { return m.hours() || 24; }, 'k', 'kk');
  number(getter('minute'), 'm', 'mm');
  number(getter('second'), 's', 'ss');
  number(function (m) { return m.year() % 100; }, null, 'YY');
  number(function (m) { return m.weekYear() % 100; }, null, 'gg');
  number(function (m) { return m.isoWeekYear() % 100; }, null, 'GG');
  ['YYYY', 'YYYYY'].forEach(function (token) { number(getter('year'), null, token); });
  ['gggg', 'ggggg'].forEach(function (token) { number(getter('weekYear'), null, token); });
  ['GGGG', 'GGGGG'].forEach(function (token) { number(getter('isoWeekYear'), null, token); });
  table.Y = function (m) { return m.year() <= 9999 ? m.year() : '+' + m.year(); };
  table.YYYYYY = function (m) { return pad(m.year(), 6, true); };
  table.MMM = function (m) { return cut(MONTHS[m.month()], 3); };
  table.MMMM = function (m) { return MONTHS[m.month()]; };
  table.dd = function (m) { return cut(DAYS[m.day()], 2); };
  table.ddd = function (m) { return cut(DAYS[m.day()], 3); };
  table.dddd = function (m) { return DAYS[m.day()]; };
  table.a = function (m) { return meridiem(m.hours(), m.minutes(), true); };
  table.A = function (m) { return meridiem(m.hours(), m.minutes(), false); };
  function then(field, m) { return pad(m[field](), 2); }
  table.hmm = function (m) { return twelve(m) + then('minutes', m); };
  table.hmmss = function (m) { return table.hmm(m) + then('seconds', m); };
  table.Hmm = function (m) { return m.hours() + then('minutes', m); };
  table.Hmmss = function (m) { return table.Hmm(m) + then('seconds', m); };
  for (var digits = 1; digits <= 9; digits++) table['S'.repeat(digits)] = fraction(digits);
  function fraction(digits) {
    return function (m) {
      var ms = m.millisecond();
      return pad(digits < 3 ? Math.trunc(ms / Math.pow(10, 3 - digits)) || 0 : ms * Math.pow(10, digits - 3), digits);
    };
  }
  table.Z = function (m) { return offsetText(m, ':'); };
  table.ZZ = function (m) { return offsetText(m, ''); };
  table.z = getter('zoneAbbr');
  table.zz = getter('zoneName');
  table.X = getter('unix');
  table.x = getter('valueOf');
  return table;
})();
function cut(text, length) { return text && text.slice(0, length); }

function writeFormat(m, format) {
  if (!m.isValid()) return 'Invalid date';
  return expand(format).match(TOKENS).map(function (token) {
    if (owns(WRITERS, token)) return String(WRITERS[token](m));
    return token.length > 1 && token[0] === '[' ? token.slice(1, -1) : token.replace(/\\/g, '');
  }).join('');
}

var P = Moment.prototype;
P.format = function (format) {
  return writeFormat(this, format || (this.isUtc() ? moment.defaultFormatUtc : moment.defaultFormat));
};
P.toString = function () { return this.clone().format('ddd MMM DD YYYY HH:mm:ss [GMT]ZZ'); };
P.toISOString = function (keepOffset) {
  if (!this.isValid()) return null;
  var m = keepOffset === true ? this : this.clone().utc(), zone = keepOffset === true ? 'Z' : '[Z]';
  if (m.year() < 0 || m.year() > 9999) return writeFormat(m, 'YYYYYY-MM-DD[T]HH:mm:ss.SSS' + zone);
  // Not a time at all, after an addition that left the calendar: `toISOString` of `Date` refuses it.
  var time = this.valueOf() + (keepOffset === true ? this.utcOffset() * MINUTE : 0);
  return new Date(time).toISOString().replace('Z', writeFormat(m, zone));
};
P.toJSON = function () { return this.isValid() ? this.toISOString() : null; };
P.inspect = function () {
  if (!this.isValid()) return 'moment.invalid(/* ' + this._i + ' */)';
  var name = this.isLocal() ? 'moment' : this.utcOffset() === 0 ? 'moment.utc' : 'moment.parseZone';
  var year = this.year() >= 0 && this.year() <= 9999 ? 'YYYY' : 'YYYYYY';
  return this.format('[' + name + '("]' + year + '-MM-DD[T]HH:mm:ss.SSS' + (this.isLocal() ? '' : 'Z') + '[")]');
};

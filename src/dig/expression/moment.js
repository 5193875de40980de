// `moment`, as workflows use it: written for this program, after the documented behaviour of moment 2.21 in English.
// Times are milliseconds; a moment shows them in the workflow's zone, in UTC, or at a fixed offset.
(function (Date, host) {
  'use strict';
  var SECOND = 1000, MINUTE = 60000, HOUR = 3600000, DAY = 86400000;
  var months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October',
    'November', 'December'];
  var days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  var longFormats = { LT: 'h:mm A', LTS: 'h:mm:ss A', L: 'MM/DD/YYYY', LL: 'MMMM D, YYYY',
    LLL: 'MMMM D, YYYY h:mm A', LLLL: 'dddd, MMMM D, YYYY h:mm A',
    l: 'M/D/YYYY', ll: 'MMM D, YYYY', lll: 'MMM D, YYYY h:mm A', llll: 'ddd, MMM D, YYYY h:mm A' };

  // Unit names in all their forms, by the one they stand for.
  var units = {};
  [['year', 'years', 'y'], ['quarter', 'quarters', 'Q'], ['month', 'months', 'M'], ['week', 'weeks', 'w'],
    ['isoWeek', 'isoWeeks', 'W', 'isoweek', 'isoweeks'], ['day', 'days', 'd'], ['date', 'dates', 'D'],
    ['hour', 'hours', 'h'], ['minute', 'minutes', 'm'], ['second', 'seconds', 's'],
    ['millisecond', 'milliseconds', 'ms'], ['dayOfYear', 'daysOfYear', 'DDD', 'dayofyear'],
    ['weekday', 'weekdays', 'e'], ['isoWeekday', 'isoWeekdays', 'E', 'isoweekday'],
    ['weekYear', 'weekYears', 'gg', 'weekyear'], ['isoWeekYear', 'isoWeekYears', 'GG', 'isoweekyear']
  ].forEach(function (forms) { forms.forEach(function (form) { units[form] = forms[0]; }); });
  function unitOf(name) {
    if (typeof name !== 'string') return undefined;
    return units[name] || units[name.toLowerCase()];
  }

  function pad(number, width, sign) {
    var text = String(Math.abs(number)).padStart(width, '0');
    return (number < 0 ? '-' : sign ? '+' : '') + text;
  }
  function toInteger(value) {
    var number = Number(value);
    return number === number && isFinite(number) ? Math.trunc(number) : 0;
  }
  function floor(number) { return number < 0 ? Math.floor(number) || 0 : Math.floor(number); }
  function towardsZero(number) { return number < 0 ? Math.ceil(number) || 0 : Math.floor(number); }
  // Milliseconds of a civil time, as if it were UTC. Years below 100 are themselves.
  function civil(y, month, d, h, minute, s, ms) {
    // 400 years have the same days.
    return Date.UTC(y + 400, month, d, h || 0, minute || 0, s || 0, ms || 0) - 400 * 365.2425 * DAY;
  }
  function daysInMonth(year, month) {
    return new Date(civil(year + Math.floor(month / 12), ((month % 12) + 12) % 12 + 1, 0)).getUTCDate();
  }
  function isLeap(year) { return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0; }

  // Where a moment is shown: {kind: 'local'} | {kind: 'fixed', minutes, utc}.
  var LOCAL = { kind: 'local' };
  var UTC = { kind: 'fixed', minutes: 0, utc: true };
  function offsetAt(place, time) {
    if (place.kind !== 'local') return place.minutes;
    return Math.round(host.offset(time) / 60) || 0;
  }
  function toLocal(place, time) {
    return place.kind === 'local' ? time + host.offset(time) * 1000 : time + place.minutes * MINUTE;
  }
  function toInstant(place, local) {
    return place.kind === 'local' ? host.instant(local) : local - place.minutes * MINUTE;
  }

  function Moment(time, place, details) {
    this._t = time;
    this._place = place;
    this._i = details && details.input;
    this._f = details && details.format;
    this._shown = new Date(toLocal(place, time));
  }
  function invalid(place, details) { return new Moment(NaN, place || LOCAL, details); }
  function isMoment(value) { return value instanceof Moment; }

  // ---- Reading -------------------------------------------------------------------------------------------------

  var ISO = /^\s*([+-]\d{6}|\d{4})(?:-?W(\d\d)(?:-?(\d))?|-(\d\d)-(\d\d)|(\d\d)(\d\d)|-?(\d{3})|-(\d\d))?(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?\s*$/;
  var RFC = /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s)?(\d{1,2})\s(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s(\d{2,4})\s(\d\d):(\d\d)(?::(\d\d))?\s(?:(UT|GMT|[ECMP][SD]T)|([Zz])|([+-]\d{4}))$/;
  var rfcZones = { UT: 0, GMT: 0, EDT: -240, EST: -300, CDT: -300, CST: -360, MDT: -360, MST: -420, PDT: -420, PST: -480 };

  function minutesOf(text) {
    if (text === 'Z' || text === 'z') return 0;
    var found = /([+-])(\d\d):?(\d\d)?$/.exec(text);
    if (!found) return undefined;
    var minutes = Number(found[2]) * 60 + Number(found[3] || 0);
    return found[1] === '-' ? -minutes : minutes;
  }
  // {time} of checked parts, or nothing.
  function fromParts(p, place) {
    var month = p.month === undefined ? 0 : p.month, day = p.day === undefined ? 1 : p.day;
    var h = p.hour || 0, minute = p.minute || 0, s = p.second || 0, ms = p.millisecond || 0;
    var next = h === 24 && minute === 0 && s === 0 && ms === 0;
    if (month < 0 || month > 11 || day < 1 || day > daysInMonth(p.year, month)) return NaN;
    if (h > 24 || (h === 24 && !next) || minute > 59 || s > 59) return NaN;
    var local = civil(p.year, month, day, h, minute, s, ms);
    return p.offset === undefined ? toInstant(place, local) : local - p.offset * MINUTE;
  }
  function weekStart(year, week, weekday, dow, doy) {
    // The first week holds the day `7 + dow - doy` of January.
    var january = 7 + dow - doy;
    var shift = (7 + new Date(civil(year, 0, january)).getUTCDay() - dow) % 7;
    var dayOfYear = 1 + 7 * (week - 1) + (7 + weekday - dow) % 7 - shift + january - 1;
    return civil(year, 0, dayOfYear);
  }
  function parseISO(text, place) {
    var found = ISO.exec(text);
    if (!found) return undefined;
    // A time needs the day before it.
    var hasDay = found[2] || found[4] || found[6] || found[8];
    if (found[10] && !hasDay) return undefined;
    // A year alone is no date of ISO 8601 to moment, but one in UTC to `Date`.
    if (!hasDay && !found[9]) return undefined;
    var p = { year: Number(found[1]), hour: Number(found[10] || 0), minute: Number(found[11] || 0),
      second: Number(found[12] || 0), millisecond: found[13] ? Math.floor(Number('0.' + found[13]) * 1000 + 1e-6) : 0,
      offset: found[14] ? minutesOf(found[14]) : undefined };
    if (found[2]) {
      var day = new Date(weekStart(p.year, Number(found[2]), found[3] ? Number(found[3]) : 1, 1, 4));
      p.year = day.getUTCFullYear(); p.month = day.getUTCMonth(); p.day = day.getUTCDate();
    } else if (found[8]) {
      var date = new Date(civil(p.year, 0, Number(found[8])));
      if (date.getUTCFullYear() !== p.year) return NaN;
      p.month = date.getUTCMonth(); p.day = date.getUTCDate();
    } else {
      var month = found[4] || found[6] || found[9], d = found[5] || found[7];
      if (month) p.month = Number(month) - 1;
      if (d) p.day = Number(d);
    }
    return fromParts(p, place);
  }
  function parseRFC(text, place) {
    var found = RFC.exec(text.replace(/\([^)]*\)|[\n\t]/g, ' ').replace(/\s\s+/g, ' ').trim());
    if (!found) return undefined;
    var year = Number(found[3]);
    if (found[3].length === 2) year += year <= 49 ? 2000 : 1900;
    var offset = found[7] ? rfcZones[found[7]] : found[8] ? 0 : minutesOf(found[9]);
    return fromParts({ year: year, month: months.findIndex(function (m) { return m.slice(0, 3) === found[2]; }),
      day: Number(found[1]), hour: Number(found[4]), minute: Number(found[5]), second: Number(found[6] || 0),
      offset: offset }, place);
  }
  function parseText(text, place) {
    var net = /^\/?Date\((-?\d+)/i.exec(text);
    if (net) return Number(net[1]);
    var time = parseISO(text, place);
    if (time === undefined) time = parseRFC(text, place);
    if (time !== undefined) return time;
    return new Date(place.utc ? text + ' UTC' : text).getTime();
  }

  var TOKENS = /\[[^\[]*\]|\\.|LTS|LT|LL?L?L?|l{1,4}|Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|w[o|w]?|W[o|W]?|Qo?|YYYYYY|YYYYY|YYYY|YY|Y|gg(?:ggg?)?|GG(?:GGG?)?|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|./g;

  function expand(format) {
    // Long formats hold none themselves.
    return format.replace(/\[[^\[]*\]|\\.|LTS|LT|LL?L?L?|l{1,4}/g, function (token) { return longFormats[token] || token; });
  }
  function startsWithName(text, names, length) {
    for (var i = 0; i < names.length; i++) {
      var name = length ? names[i].slice(0, length) : names[i];
      if (text.slice(0, name.length).toLowerCase() === name.toLowerCase()) return { index: i, length: name.length };
    }
    return undefined;
  }
  var readers = (function () {
    var one = /^\d\d?/, two = /^\d\d/, any = /^[+-]?\d+/, signed = /^[+-]?\d{1,6}/;
    function put(name, change) { return function (p, text) { p[name] = change ? change(text) : Number(text); }; }
    function short(text) { var n = Number(text); return text.length > 2 ? n : n + (n > 68 ? 1900 : 2000); }
    var month = put('month', function (text) { return Number(text) - 1; });
    var fraction = put('millisecond', function (text) { return Math.floor(Number('0.' + text) * 1000 + 1e-6); });
    var table = {
      YYYY: [/^\d{1,4}/, /^\d{4}/, put('year', function (t) { return t.length === 2 ? short(t) : Number(t); })],
      YY: [/^\d\d?/, two, put('year', short)], Y: [any, any, put('year')], YYYYY: [signed, /^[+-]?\d{5}/, put('year')],
      YYYYYY: [signed, /^[+-]?\d{6}/, put('year')],
      M: [one, one, month], MM: [one, two, month], D: [one, one, put('day')], DD: [one, two, put('day')],
      DDD: [/^\d{1,3}/, /^\d{1,3}/, put('dayOfYear')], DDDD: [/^\d{1,3}/, /^\d{3}/, put('dayOfYear')],
      Q: [/^\d/, /^\d/, put('month', function (text) { return (Number(text) - 1) * 3; })],
      H: [one, one, put('hour')], HH: [one, two, put('hour')], h: [one, one, put('hour')], hh: [one, two, put('hour')],
      k: [one, one, put('hour', function (t) { return Number(t) === 24 ? 0 : Number(t); })],
      kk: [one, two, put('hour', function (t) { return Number(t) === 24 ? 0 : Number(t); })],
      m: [one, one, put('minute')], mm: [one, two, put('minute')], s: [one, one, put('second')], ss: [one, two, put('second')],
      a: [/^[ap]m?/i, /^[ap]m/i, put('afternoon', function (t) { return t[0].toLowerCase() === 'p'; })],
      x: [any, any, put('time')],
      X: [/^[+-]?\d+(\.\d{1,3})?/, /^[+-]?\d+(\.\d{1,3})?/, put('time', function (t) { return Number(t) * 1000; })],
      Z: [/^(?:Z|[+-]\d\d:?\d\d)/i, /^(?:Z|[+-]\d\d:?\d\d)/i, put('offset', minutesOf)],
      Do: [/^\d\d?(?:st|nd|rd|th)?/i, /^\d\d?(?:st|nd|rd|th)/i, put('day', function (t) { return parseInt(t, 10); })],
      GGGG: [/^\d{1,4}/, /^\d{4}/, put('isoYear')], W: [one, one, put('isoWeek')], WW: [one, two, put('isoWeek')],
      E: [/^\d/, /^\d/, put('isoWeekday')]
    };
    table.A = table.a; table.ZZ = table.Z;
    for (var digits = 1; digits <= 9; digits++) {
      table['S'.repeat(digits)] = [/^\d+/, new RegExp('^\\d{' + digits + '}'), fraction];
    }
    return table;
  })();
  function isPlain(token) { return !readers[token] && !/^(MMMM?|dddd?|dd)$/.test(token); }

  // Reads by a format; NaN for a text that does not fit.
  function parseFormat(text, format, strict, place) {
    var p = {}, rest = text, named;
    var tokens = expand(format).match(TOKENS) || [];
    for (var i = 0; i < tokens.length; i++) {
      var token = tokens[i];
      if (token === 'MMM' || token === 'MMMM') {
        named = startsWithName(rest, months) || startsWithName(rest, months, 3);
        if (!named) return NaN;
        p.month = named.index; rest = rest.slice(named.length);
      } else if (/^d{2,4}$/.test(token)) {
        named = startsWithName(rest, days) || startsWithName(rest, days, 3) || startsWithName(rest, days, 2);
        if (!named) return NaN;
        rest = rest.slice(named.length);
      } else if (readers[token]) {
        var reader = readers[token], found = reader[strict ? 1 : 0].exec(rest);
        if (!found && !strict) {
          // What stands before the next value is skipped, as moment does.
          var skipped = rest.search(/[0-9+-]/);
          found = skipped > 0 ? reader[0].exec(rest.slice(skipped)) : null;
          if (found) rest = rest.slice(skipped);
        }
        if (!found) {
          if (strict || rest !== '' || i === 0) return NaN;
          break;
        }
        reader[2](p, found[0]);
        rest = rest.slice(found[0].length);
      } else {
        var literal = token.replace(/^\[|\]$/g, '').replace(/^\\/, '');
        if (rest.slice(0, literal.length) === literal) rest = rest.slice(literal.length);
        else if (strict) return NaN;
        else if (isPlain(token) && /^[^0-9A-Za-z]/.test(rest) && /^\W/.test(literal)) rest = rest.slice(1);
      }
    }
    if (strict && rest !== '') return NaN;
    return fromFields(p, place);
  }
  function fromFields(p, place) {
    if (p.time !== undefined) return p.time;
    if (p.afternoon !== undefined) p.hour = (p.hour || 0) % 12 + (p.afternoon ? 12 : 0);
    var now = new Date(toLocal(place, host.now()));
    if (p.isoWeek !== undefined || p.isoYear !== undefined) {
      var day = new Date(weekStart(p.isoYear === undefined ? now.getUTCFullYear() : p.isoYear, p.isoWeek || 1, p.isoWeekday || 1, 1, 4));
      p.year = day.getUTCFullYear(); p.month = day.getUTCMonth(); p.day = day.getUTCDate();
    }
    // What is greater than the greatest given unit is today's.
    if (p.year === undefined) {
      p.year = now.getUTCFullYear();
      if (p.month === undefined && p.dayOfYear === undefined) {
        p.month = now.getUTCMonth();
        if (p.day === undefined) p.day = now.getUTCDate();
      }
    }
    if (p.dayOfYear !== undefined) {
      var date = new Date(civil(p.year, 0, p.dayOfYear));
      if (p.dayOfYear < 1 || date.getUTCFullYear() !== p.year) return NaN;
      p.month = date.getUTCMonth(); p.day = date.getUTCDate();
    }
    return fromParts(p, place);
  }
  function fromList(list, place) {
    var time = civil(list[0], list[1] || 0, list[2] === undefined ? 1 : list[2], list[3], list[4], list[5], list[6]);
    return toInstant(place, time);
  }
  function fromObject(object, place) {
    var p = {};
    Object.keys(object).forEach(function (key) { p[unitOf(key) || key] = Number(object[key]); });
    var now = new Date(toLocal(place, host.now()));
    var day = p.day !== undefined ? p.day : p.date;
    var list = [p.year, p.month, day, p.hour, p.minute, p.second, p.millisecond];
    var todays = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
    for (var i = 0; i < 3 && list[i] === undefined; i++) list[i] = todays[i];
    return fromList(list.map(function (v, i) { return v === undefined ? (i === 2 ? 1 : 0) : v; }), place);
  }

  function make(input, format, locale, strict, place) {
    if (locale === true || locale === false) { strict = locale; }
    var details = { input: input, format: format };
    if (input === null || (format !== undefined && input === undefined)) return invalid(place, details);
    if (format === true || format === false) { strict = format; format = undefined; }
    if (input === undefined) return new Moment(host.now(), place, details);
    if (isMoment(input)) return new Moment(input._t, place === LOCAL ? input._place : place, { input: input._i, format: input._f });
    if (input instanceof Date) return new Moment(input.getTime(), place, details);
    if (Array.isArray(format)) {
      for (var i = 0; i < format.length; i++) {
        var tried = make(input, format[i], locale, strict, place);
        if (tried.isValid()) return tried;
      }
      return invalid(place, details);
    }
    if (format === moment.ISO_8601) {
      var iso = parseISO(String(input), place);
      return iso === undefined ? invalid(place, details) : new Moment(iso, place, details);
    }
    if (format !== undefined && format !== null) return new Moment(parseFormat(String(input), String(format), strict === true, place), place, details);
    if (typeof input === 'string') return new Moment(parseText(input, place), place, details);
    if (typeof input === 'number') return new Moment(input, place, details);
    if (Array.isArray(input)) return new Moment(input.length ? fromList(input.map(Number), place) : host.now(), place, details);
    if (typeof input === 'object') {
      return new Moment(Object.keys(input).length ? fromObject(input, place) : host.now(), place, details);
    }
    return invalid(place, details);
  }
  function moment(input, format, locale, strict) { return make(input, format, locale, strict, LOCAL); }
  function other(value, like) {
    return isMoment(value) ? value : make(value, undefined, undefined, undefined, like._place.utc ? UTC : LOCAL);
  }

  // ---- Showing -------------------------------------------------------------------------------------------------

  function ordinal(number) {
    var tens = number % 100 - number % 10, last = number % 10;
    return number + (tens === 10 ? 'th' : last === 1 ? 'st' : last === 2 ? 'nd' : last === 3 ? 'rd' : 'th');
  }
  function weekOf(m, dow, doy) {
    var year = m.year(), start = weekStart(year, 1, dow, dow, doy), next = weekStart(year + 1, 1, dow, dow, doy);
    var today = civil(year, m.month(), m.date());
    if (today < start) { year--; start = weekStart(year, 1, dow, dow, doy); }
    else if (today >= next) { year++; start = next; }
    return { year: year, week: Math.floor((today - start) / DAY / 7) + 1 };
  }
  function offsetText(minutes, colon) {
    var ahead = Math.abs(minutes);
    return (minutes < 0 ? '-' : '+') + pad(Math.floor(ahead / 60), 2) + colon + pad(ahead % 60, 2);
  }
  function yearText(year) { return year <= 9999 && year >= 0 ? pad(year, 4) : year < 0 ? pad(year, 4) : '+' + year; }
  var writers = {
    M: function (m) { return m.month() + 1; }, Mo: function (m) { return ordinal(m.month() + 1); },
    MM: function (m) { return pad(m.month() + 1, 2); }, MMM: function (m) { return months[m.month()].slice(0, 3); },
    MMMM: function (m) { return months[m.month()]; },
    Q: function (m) { return m.quarter(); }, Qo: function (m) { return ordinal(m.quarter()); },
    D: function (m) { return m.date(); }, Do: function (m) { return ordinal(m.date()); }, DD: function (m) { return pad(m.date(), 2); },
    DDD: function (m) { return m.dayOfYear(); }, DDDo: function (m) { return ordinal(m.dayOfYear()); },
    DDDD: function (m) { return pad(m.dayOfYear(), 3); },
    d: function (m) { return m.day(); }, 'do': function (m) { return ordinal(m.day()); },
    dd: function (m) { return days[m.day()].slice(0, 2); }, ddd: function (m) { return days[m.day()].slice(0, 3); },
    dddd: function (m) { return days[m.day()]; },
    e: function (m) { return m.weekday(); }, E: function (m) { return m.isoWeekday(); },
    w: function (m) { return m.week(); }, wo: function (m) { return ordinal(m.week()); }, ww: function (m) { return pad(m.week(), 2); },
    W: function (m) { return m.isoWeek(); }, Wo: function (m) { return ordinal(m.isoWeek()); }, WW: function (m) { return pad(m.isoWeek(), 2); },
    YY: function (m) { return pad(m.year() % 100, 2); }, YYYY: function (m) { return yearText(m.year()); },
    Y: function (m) { return m.year() <= 9999 ? m.year() : '+' + m.year(); },
    YYYYY: function (m) { return pad(m.year(), 5); }, YYYYYY: function (m) { return pad(m.year(), 6, true); },
    gg: function (m) { return pad(m.weekYear() % 100, 2); }, gggg: function (m) { return pad(m.weekYear(), 4); },
    GG: function (m) { return pad(m.isoWeekYear() % 100, 2); }, GGGG: function (m) { return pad(m.isoWeekYear(), 4); },
    A: function (m) { return m.hour() < 12 ? 'AM' : 'PM'; }, a: function (m) { return m.hour() < 12 ? 'am' : 'pm'; },
    H: function (m) { return m.hour(); }, HH: function (m) { return pad(m.hour(), 2); },
    h: function (m) { return m.hour() % 12 || 12; }, hh: function (m) { return pad(m.hour() % 12 || 12, 2); },
    k: function (m) { return m.hour() || 24; }, kk: function (m) { return pad(m.hour() || 24, 2); },
    m: function (m) { return m.minute(); }, mm: function (m) { return pad(m.minute(), 2); },
    s: function (m) { return m.second(); }, ss: function (m) { return pad(m.second(), 2); },
    X: function (m) { return m.unix(); }, x: function (m) { return m.valueOf(); },
    Z: function (m) { return offsetText(m.utcOffset(), ':'); }, ZZ: function (m) { return offsetText(m.utcOffset(), ''); },
    z: function (m) { return m._place.utc ? 'UTC' : ''; }, zz: function (m) { return m._place.utc ? 'Coordinated Universal Time' : ''; }
  };
  function write(m, token) {
    if (/^S+$/.test(token)) return (pad(m.millisecond(), 3) + '000000').slice(0, token.length);
    if (Object.prototype.hasOwnProperty.call(writers, token)) return String(writers[token](m));
    return token.replace(/^\[([\s\S]*)\]$/, '$1').replace(/^\\/, '');
  }

  // ---- The moment itself ---------------------------------------------------------------------------------------

  var P = Moment.prototype;
  // The same object with another time or place: moments change in place.
  function set(m, time, place) {
    m._t = time;
    if (place) m._place = place;
    m._shown = new Date(toLocal(m._place, time));
    return m;
  }
  function setLocal(m, local) { return set(m, toInstant(m._place, local)); }
  function parts(m) {
    var d = m._shown;
    return [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds(), d.getUTCMilliseconds()];
  }

  P.isValid = function () { return !isNaN(this._t); };
  P.clone = function () { return new Moment(this._t, this._place, { input: this._i, format: this._f }); };
  P.valueOf = function () { return this._t; };
  P.unix = function () { return Math.floor(this._t / 1000); };
  P.toDate = function () { return new Date(this._t); };
  P.format = function (format) {
    if (!this.isValid()) return 'Invalid date';
    if (!format) format = this.isUtc() ? 'YYYY-MM-DDTHH:mm:ss[Z]' : 'YYYY-MM-DDTHH:mm:ssZ';
    var m = this;
    return (expand(String(format)).match(TOKENS) || []).map(function (token) { return write(m, token); }).join('');
  };
  P.toISOString = function (keepOffset) {
    if (!this.isValid()) return null;
    if (keepOffset === true) return this.format('YYYY-MM-DD[T]HH:mm:ss.SSSZ');
    return new Date(this._t).toISOString();
  };
  P.toJSON = function () { return this.isValid() ? this.toISOString() : null; };
  P.toString = function () { return this.format('ddd MMM DD YYYY HH:mm:ss [GMT]ZZ'); };
  P.inspect = function () {
    if (!this.isValid()) return 'moment.invalid(/* ' + this._i + ' */)';
    var local = this._place.kind === 'local', name = local ? 'moment' : this.utcOffset() === 0 ? 'moment.utc' : 'moment.parseZone';
    return name + '("' + this.format('YYYY-MM-DD[T]HH:mm:ss.SSS' + (local ? '' : name === 'moment.utc' ? '[+00:00]' : 'Z')) + '")';
  };
  P.toArray = function () { return parts(this); };
  P.toObject = function () {
    var p = parts(this);
    return { years: p[0], months: p[1], date: p[2], hours: p[3], minutes: p[4], seconds: p[5], milliseconds: p[6] };
  };
  P.locale = function (name) { return name === undefined ? 'en' : this; };
  P.lang = P.locale;
  P.localeData = function () { return moment.localeData(); };
  P.creationData = function () { return { input: this._i, format: this._f, locale: moment.localeData(), isUTC: !!this._place.utc, strict: false }; };
  P.parsingFlags = function () { return { overflow: this.isValid() ? -1 : 0, invalidFormat: !this.isValid() }; };

  P.utc = function (keepTime) { return keepTime ? set(this, this._shown.getTime(), UTC) : set(this, this._t, UTC); };
  P.local = function (keepTime) { return set(this, keepTime ? host.instant(this._shown.getTime()) : this._t, LOCAL); };
  P.isLocal = function () { return this.isValid() && this._place.kind === 'local'; };
  P.isUTC = P.isUtc = function () { return this.isValid() && this._place.kind === 'fixed' && this._place.minutes === 0; };
  P.isUtcOffset = function () { return this.isValid() && this._place.kind !== 'local'; };
  P.utcOffset = function (input, keepTime) {
    if (input === undefined) return this.isValid() ? offsetAt(this._place, this._t) : NaN;
    var minutes = typeof input === 'string' ? minutesOf(input) : Math.abs(input) < 16 ? input * 60 : Number(input);
    if (minutes === undefined || !this.isValid()) return this;
    var place = { kind: 'fixed', minutes: minutes, utc: false };
    return set(this, keepTime ? this._shown.getTime() - minutes * MINUTE : this._t, place);
  };
  P.zone = function (input) { return input === undefined ? -this.utcOffset() : this.utcOffset(typeof input === 'string' ? input : -input); };
  P.parseZone = function () {
    if (typeof this._i !== 'string') return this;
    var found = this._i.match(/Z|[+-]\d\d:?\d\d/gi);
    return found ? this.utcOffset(minutesOf(found[found.length - 1])) : this.utcOffset(0, true);
  };
  P.zoneAbbr = function () { return writers.z(this); };
  P.zoneName = function () { return writers.zz(this); };
  P.isDST = function () {
    return this.utcOffset() > this.clone().month(0).utcOffset() || this.utcOffset() > this.clone().month(5).utcOffset();
  };

  // Getters and setters of one field of the civil time.
  [['year', 0], ['hour', 3], ['minute', 4], ['second', 5], ['millisecond', 6]].forEach(function (field) {
    P[field[0]] = P[field[0] + 's'] = function (value) {
      var p = parts(this);
      if (value === undefined || value === null) return p[field[1]];
      p[field[1]] = toInteger(value);
      if (field[1] === 0) p[2] = Math.min(p[2], daysInMonth(p[0], p[1]));
      return setLocal(this, civil.apply(null, p));
    };
  });
  P.month = P.months = function (value) {
    var p = parts(this);
    if (value === undefined || value === null) return p[1];
    if (typeof value === 'string' && !/^-?\d+$/.test(value)) {
      var named = startsWithName(value, months) || startsWithName(value, months, 3);
      if (!named) return this;
      value = named.index;
    }
    p[1] = toInteger(value);
    p[2] = Math.min(p[2], daysInMonth(p[0], p[1]));
    return setLocal(this, civil.apply(null, p));
  };
  P.date = P.dates = function (value) {
    var p = parts(this);
    if (value === undefined || value === null) return p[2];
    p[2] = toInteger(value);
    return setLocal(this, civil.apply(null, p));
  };
  P.day = P.days = function (value) {
    var day = this._shown.getUTCDay();
    if (value === undefined || value === null) return day;
    if (typeof value === 'string' && !/^-?\d+$/.test(value)) {
      var named = startsWithName(value, days) || startsWithName(value, days, 3) || startsWithName(value, days, 2);
      if (!named) return this;
      value = named.index;
    }
    return this.add(toInteger(value) - day, 'day');
  };
  P.weekday = function (value) { return value === undefined ? this.day() : this.day(value); };
  P.isoWeekday = function (value) {
    if (value === undefined || value === null) return this.isValid() ? this.day() || 7 : NaN;
    if (typeof value === 'string' && !/^-?\d+$/.test(value)) {
      var named = startsWithName(value, days) || startsWithName(value, days, 3);
      value = named ? named.index || 7 : this.isoWeekday();
    }
    return this.day(this.day() % 7 ? toInteger(value) : toInteger(value) - 7);
  };
  P.dayOfYear = function (value) {
    var day = Math.round((civil(this.year(), this.month(), this.date()) - civil(this.year(), 0, 1)) / DAY) + 1;
    return value === undefined ? day : this.add(value - day, 'day');
  };
  P.quarter = P.quarters = function (value) {
    return value === undefined ? Math.ceil((this.month() + 1) / 3) : this.month((value - 1) * 3 + this.month() % 3);
  };
  P.week = P.weeks = function (value) {
    var week = weekOf(this, 0, 6).week;
    return value === undefined ? week : this.add((value - week) * 7, 'day');
  };
  P.isoWeek = P.isoWeeks = function (value) {
    var week = weekOf(this, 1, 4).week;
    return value === undefined ? week : this.add((value - week) * 7, 'day');
  };
  function weekYear(dow, doy, weekday) {
    return function (value) {
      var now = weekOf(this, dow, doy);
      if (value === undefined) return now.year;
      var weeks = Math.round((weekStart(value + 1, 1, dow, dow, doy) - weekStart(value, 1, dow, dow, doy)) / DAY / 7);
      var p = parts(this), day = new Date(weekStart(value, Math.min(now.week, weeks), this[weekday]() % 7, dow, doy));
      return setLocal(this, civil(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), p[3], p[4], p[5], p[6]));
    };
  }
  P.weekYear = weekYear(0, 6, 'weekday');
  P.isoWeekYear = weekYear(1, 4, 'isoWeekday');
  function weeksIn(year, dow, doy) { return Math.round((weekStart(year + 1, 1, dow, dow, doy) - weekStart(year, 1, dow, dow, doy)) / DAY / 7); }
  P.weeksInYear = function () { return weeksIn(this.year(), 0, 6); };
  P.isoWeeksInYear = function () { return weeksIn(this.year(), 1, 4); };
  P.daysInMonth = function () { return daysInMonth(this.year(), this.month()); };
  P.isLeapYear = function () { return isLeap(this.year()); };

  P.get = function (unit) {
    unit = unitOf(unit) || unit;
    return typeof this[unit] === 'function' ? this[unit]() : this;
  };
  P.set = function (unit, value) {
    var m = this;
    if (unit && typeof unit === 'object') {
      // Years first, so that a day is held against its own month.
      var order = ['year', 'quarter', 'month', 'week', 'isoWeek', 'date', 'day', 'hour', 'minute', 'second', 'millisecond'];
      Object.keys(unit).map(function (key) { return [unitOf(key) || key, unit[key]]; })
        .sort(function (a, b) { return order.indexOf(a[0]) - order.indexOf(b[0]); })
        .forEach(function (pair) { m.set(pair[0], pair[1]); });
      return m;
    }
    unit = unitOf(unit) || unit;
    return typeof m[unit] === 'function' ? m[unit](value) : m;
  };

  // ---- Counting ------------------------------------------------------------------------------------------------

  function Duration(months, days, milliseconds) {
    this._months = months; this._days = days; this._milliseconds = milliseconds;
  }
  function isDuration(value) { return value instanceof Duration; }
  var clock = /^(-|\+)?(?:(\d*)[. ])?(\d+):(\d+)(?::(\d+)(\.\d*)?)?$/;
  var isoDuration = /^(-|\+)?P(?:([-+]?[0-9,.]*)Y)?(?:([-+]?[0-9,.]*)M)?(?:([-+]?[0-9,.]*)W)?(?:([-+]?[0-9,.]*)D)?(?:T(?:([-+]?[0-9,.]*)H)?(?:([-+]?[0-9,.]*)M)?(?:([-+]?[0-9,.]*)S)?)?$/;
  function duration(input, unit) {
    if (isDuration(input)) return new Duration(input._months, input._days, input._milliseconds);
    var given = {}, found;
    if (typeof input === 'number' || (typeof input === 'string' && unit !== undefined) || /^[-+]?\d+(\.\d+)?$/.test(input)) {
      given[unitOf(unit) || 'millisecond'] = Number(input);
    } else if (typeof input === 'string' && (found = clock.exec(input))) {
      var sign = found[1] === '-' ? -1 : 1;
      given = { day: sign * (found[2] || 0), hour: sign * found[3], minute: sign * found[4], second: sign * (found[5] || 0),
        millisecond: sign * Math.round(Number(found[6] || 0) * 1000) };
    } else if (typeof input === 'string' && (found = isoDuration.exec(input))) {
      var way = found[1] === '-' ? -1 : 1;
      ['year', 'month', 'week', 'day', 'hour', 'minute', 'second'].forEach(function (name, i) {
        given[name] = way * (Number(String(found[i + 2] || 0).replace(',', '.')) || 0);
      });
    } else if (input && typeof input === 'object') {
      if ('from' in input || 'to' in input) return between(moment(input.from), moment(input.to));
      Object.keys(input).forEach(function (key) { given[unitOf(key) || key] = Number(input[key]) || 0; });
    }
    function of(name) { return given[name] || 0; }
    return new Duration(of('month') + of('quarter') * 3 + of('year') * 12,
      of('day') + of('date') + (of('week') + of('isoWeek')) * 7,
      of('millisecond') + of('second') * SECOND + of('minute') * MINUTE + of('hour') * HOUR);
  }
  function between(from, to) {
    var whole = to.month() - from.month() + (to.year() - from.year()) * 12;
    if (to >= from && from.clone().add(whole, 'M').isAfter(to)) whole--;
    if (to < from && from.clone().add(whole, 'M').isBefore(to)) whole++;
    return new Duration(whole, 0, to - from.clone().add(whole, 'M'));
  }
  function addDuration(m, span, sign) {
    if (!m.isValid()) return m;
    var monthCount = Math.round(span._months) * sign, dayCount = Math.round(span._days) * sign;
    if (monthCount) m.month(m.month() + monthCount);
    if (dayCount) m.date(m.date() + dayCount);
    var rest = Math.round(span._milliseconds) * sign;
    return rest ? set(m, m._t + rest) : m;
  }
  function adder(sign) {
    return function (value, unit) {
      // The old order of arguments, `add('days', 1)`.
      if (unit !== undefined && unit !== null && isNaN(+unit) === false && typeof value === 'string' && isNaN(+value)) {
        var swapped = value; value = unit; unit = swapped;
      }
      return addDuration(this, duration(typeof value === 'string' && unit !== undefined ? +value : value, unit), sign);
    };
  }
  P.add = adder(1);
  P.subtract = adder(-1);

  P.startOf = function (unit) {
    unit = unitOf(unit);
    var p = parts(this), d = this._shown.getUTCDay();
    switch (unit) {
      case 'year': p[1] = 0; p[2] = 1; break;
      case 'quarter': p[1] -= p[1] % 3; p[2] = 1; break;
      case 'month': p[2] = 1; break;
      case 'week': p[2] -= d; break;
      case 'isoWeek': p[2] -= (d + 6) % 7; break;
      case 'day': case 'date': case 'hour': case 'minute': case 'second': break;
      default: return this;
    }
    var level = { hour: 4, minute: 5, second: 6 }[unit] || 3;
    for (var i = level; i < 7; i++) p[i] = 0;
    if (level > 3) return set(this, this._t - (this._shown.getTime() - civil.apply(null, p)));
    return setLocal(this, civil.apply(null, p));
  };
  P.endOf = function (unit) {
    unit = unitOf(unit);
    if (unit === undefined || unit === 'millisecond') return this;
    if (unit === 'date') unit = 'day';
    return this.startOf(unit).add(1, unit === 'isoWeek' ? 'week' : unit).subtract(1, 'ms');
  };

  function monthDiff(a, b) {
    var whole = (b.year() - a.year()) * 12 + (b.month() - a.month());
    var anchor = a.clone().add(whole, 'months'), second, part;
    if (b - anchor < 0) {
      second = a.clone().add(whole - 1, 'months');
      part = (b - anchor) / (anchor - second);
    } else {
      second = a.clone().add(whole + 1, 'months');
      part = (b - anchor) / (second - anchor);
    }
    return -(whole + part) || 0;
  }
  P.diff = function (value, unit, exact) {
    var that = other(value, this);
    if (!this.isValid() || !that.isValid()) return NaN;
    that = set(that.clone(), that._t, this._place);
    var shift = (that.utcOffset() - this.utcOffset()) * MINUTE, result;
    switch (unitOf(unit)) {
      case 'year': result = monthDiff(this, that) / 12; break;
      case 'quarter': result = monthDiff(this, that) / 3; break;
      case 'month': result = monthDiff(this, that); break;
      case 'week': case 'isoWeek': result = (this - that - shift) / (7 * DAY); break;
      case 'day': case 'date': result = (this - that - shift) / DAY; break;
      case 'hour': result = (this - that) / HOUR; break;
      case 'minute': result = (this - that) / MINUTE; break;
      case 'second': result = (this - that) / SECOND; break;
      default: result = this - that;
    }
    return exact ? result : towardsZero(result);
  };
  P.isAfter = function (value, unit) {
    var that = other(value, this);
    if (!(this.isValid() && that.isValid())) return false;
    unit = unitOf(unit) || 'millisecond';
    return unit === 'millisecond' ? this._t > that._t : that._t < this.clone().startOf(unit)._t;
  };
  P.isBefore = function (value, unit) {
    var that = other(value, this);
    if (!(this.isValid() && that.isValid())) return false;
    unit = unitOf(unit) || 'millisecond';
    return unit === 'millisecond' ? this._t < that._t : this.clone().endOf(unit)._t < that._t;
  };
  P.isSame = function (value, unit) {
    var that = other(value, this);
    if (!(this.isValid() && that.isValid())) return false;
    unit = unitOf(unit) || 'millisecond';
    if (unit === 'millisecond') return this._t === that._t;
    return this.clone().startOf(unit)._t <= that._t && that._t <= this.clone().endOf(unit)._t;
  };
  P.isSameOrAfter = function (value, unit) { return this.isSame(value, unit) || this.isAfter(value, unit); };
  P.isSameOrBefore = function (value, unit) { return this.isSame(value, unit) || this.isBefore(value, unit); };
  P.isBetween = function (from, to, unit, ends) {
    ends = ends || '()';
    return (ends[0] === '(' ? this.isAfter(from, unit) : !this.isBefore(from, unit)) &&
      (ends[1] === ')' ? this.isBefore(to, unit) : !this.isAfter(to, unit));
  };
  P.max = function (value) { var that = other(value, this); return that > this ? that : this; };
  P.min = function (value) { var that = other(value, this); return that < this ? that : this; };

  P.from = function (value, withoutSuffix) {
    var that = other(value, this);
    if (!this.isValid() || !that.isValid()) return 'Invalid date';
    return between(that, this).humanize(!withoutSuffix);
  };
  P.to = function (value, withoutSuffix) { return other(value, this).from(this, withoutSuffix); };
  P.fromNow = function (withoutSuffix) { return this.from(moment(), withoutSuffix); };
  P.toNow = function (withoutSuffix) { return this.to(moment(), withoutSuffix); };
  P.calendar = function (reference) {
    var now = reference === undefined ? moment() : other(reference, this);
    var diff = this.diff(set(now.clone(), now._t, this._place).startOf('day'), 'days', true);
    return this.format(diff < -6 ? 'L' : diff < -1 ? '[Last] dddd [at] LT' : diff < 0 ? '[Yesterday at] LT' :
      diff < 1 ? '[Today at] LT' : diff < 2 ? '[Tomorrow at] LT' : diff < 7 ? 'dddd [at] LT' : 'L');
  };

  // ---- Durations -----------------------------------------------------------------------------------------------

  var D = Duration.prototype;
  function monthsOfDays(count) { return count * 4800 / 146097; }
  function daysOfMonths(count) { return count * 146097 / 4800; }
  // Carries what is too much for a unit on to the next.
  function spread(d) {
    var ms = d._milliseconds, dayCount = d._days, monthCount = d._months;
    if (!((ms >= 0 && dayCount >= 0 && monthCount >= 0) || (ms <= 0 && dayCount <= 0 && monthCount <= 0))) {
      var up = daysOfMonths(monthCount) + dayCount;
      ms += (up < 0 ? Math.floor(up) : Math.ceil(up)) * DAY;
      dayCount = 0; monthCount = 0;
    }
    var seconds = towardsZero(ms / 1000), minutes = towardsZero(seconds / 60), hours = towardsZero(minutes / 60);
    dayCount += towardsZero(hours / 24);
    var carried = towardsZero(monthsOfDays(dayCount));
    var less = daysOfMonths(carried);
    dayCount -= less < 0 ? Math.floor(less) : Math.ceil(less);
    monthCount += carried;
    return { milliseconds: ms % 1000, seconds: seconds % 60, minutes: minutes % 60, hours: hours % 24,
      days: dayCount, months: monthCount % 12, years: towardsZero(monthCount / 12) };
  }
  ['milliseconds', 'seconds', 'minutes', 'hours', 'days', 'months', 'years'].forEach(function (name) {
    D[name] = function () { return spread(this)[name] || 0; };
  });
  D.weeks = function () { return towardsZero(this.days() / 7); };
  D.isValid = function () { return !isNaN(this.valueOf()); };
  D.valueOf = function () {
    return this._milliseconds + this._days * DAY + (this._months % 12) * 2592e6 + toInteger(this._months / 12) * 31536e6;
  };
  D.as = function (unit) {
    unit = unitOf(unit);
    if (unit === 'month' || unit === 'year' || unit === 'quarter') {
      var count = this._months + monthsOfDays(this._days + this._milliseconds / DAY);
      return unit === 'month' ? count : unit === 'quarter' ? count / 3 : count / 12;
    }
    var dayCount = this._days + Math.round(daysOfMonths(this._months)), ms = this._milliseconds;
    switch (unit) {
      case 'week': return dayCount / 7 + ms / (7 * DAY);
      case 'day': return dayCount + ms / DAY;
      case 'hour': return dayCount * 24 + ms / HOUR;
      case 'minute': return dayCount * 1440 + ms / MINUTE;
      case 'second': return dayCount * 86400 + ms / SECOND;
      case 'millisecond': return Math.floor(dayCount * DAY) + ms;
      default: throw new Error('Unknown unit ' + unit);
    }
  };
  [['asMilliseconds', 'ms'], ['asSeconds', 's'], ['asMinutes', 'm'], ['asHours', 'h'], ['asDays', 'd'], ['asWeeks', 'w'],
    ['asMonths', 'M'], ['asYears', 'y']].forEach(function (pair) { D[pair[0]] = function () { return this.as(pair[1]); }; });
  D.get = function (unit) { return this[unitOf(unit) + 's'](); };
  D.clone = function () { return duration(this); };
  D.abs = function () {
    this._months = Math.abs(this._months); this._days = Math.abs(this._days); this._milliseconds = Math.abs(this._milliseconds);
    return this;
  };
  function durationAdder(sign) {
    return function (value, unit) {
      var more = duration(value, unit);
      this._months += sign * more._months; this._days += sign * more._days; this._milliseconds += sign * more._milliseconds;
      return this;
    };
  }
  D.add = durationAdder(1);
  D.subtract = durationAdder(-1);
  D.locale = P.locale;
  D.humanize = function (withSuffix) {
    var d = duration(this).abs();
    var s = Math.round(d.as('s')), m = Math.round(d.as('m')), h = Math.round(d.as('h')), day = Math.round(d.as('d')),
      month = Math.round(d.as('M')), year = Math.round(d.as('y'));
    var text = s <= 44 ? 'a few seconds' : m <= 1 ? 'a minute' : m < 45 ? m + ' minutes' : h <= 1 ? 'an hour' :
      h < 22 ? h + ' hours' : day <= 1 ? 'a day' : day < 26 ? day + ' days' : month <= 1 ? 'a month' :
      month < 11 ? month + ' months' : year <= 1 ? 'a year' : year + ' years';
    if (!withSuffix) return text;
    return +this > 0 ? 'in ' + text : text + ' ago';
  };
  D.toISOString = D.toJSON = D.toString = function () {
    var total = this.as('s');
    if (!total && !this._months) return 'P0D';
    // Months, days and the rest as they were given.
    function abs(number) { return Math.abs(number); }
    var years = Math.floor(abs(this._months) / 12), monthCount = abs(this._months) % 12, dayCount = abs(this._days);
    var all = abs(this._milliseconds) / 1000, minutes = Math.floor(all / 60), hours = Math.floor(minutes / 60);
    var seconds = Math.round((all - minutes * 60) * 1000) / 1000, negative = total < 0;
    minutes %= 60;
    var date = (years ? years + 'Y' : '') + (monthCount ? monthCount + 'M' : '') + (dayCount ? dayCount + 'D' : '');
    var time = (hours ? hours + 'H' : '') + (minutes ? minutes + 'M' : '') + (seconds ? seconds + 'S' : '');
    return (negative ? '-' : '') + 'P' + date + (time ? 'T' + time : '');
  };

  // ---- The module ----------------------------------------------------------------------------------------------

  moment.fn = P;
  P.constructor = Moment;
  moment.version = '2.21.0';
  moment.ISO_8601 = function () {};
  moment.RFC_2822 = function () {};
  moment.defaultFormat = 'YYYY-MM-DDTHH:mm:ssZ';
  moment.defaultFormatUtc = 'YYYY-MM-DDTHH:mm:ss[Z]';
  moment.utc = function (input, format, locale, strict) {
    var made = make(input, format, locale, strict, UTC);
    return made._place === UTC ? made : made.utc();
  };
  moment.unix = function (seconds) { return new Moment(Number(seconds) * 1000, LOCAL); };
  moment.parseZone = function (input, format, locale, strict) { return make(input, format, locale, strict, LOCAL).parseZone(); };
  moment.now = function () { return host.now(); };
  moment.isMoment = isMoment;
  moment.isDate = function (value) { return value instanceof Date; };
  moment.isDuration = isDuration;
  moment.invalid = function () { return invalid(LOCAL); };
  moment.duration = duration;
  duration.fn = D;
  moment.normalizeUnits = function (name) { return unitOf(name); };
  moment.locale = moment.lang = function () { return 'en'; };
  moment.locales = function () { return ['en']; };
  moment.localeData = function () {
    return { months: function (m) { return m ? months[m.month()] : months.slice(); },
      weekdays: function (m) { return m ? days[m.day()] : days.slice(); },
      firstDayOfWeek: function () { return 0; }, firstDayOfYear: function () { return 6; },
      ordinal: ordinal, longDateFormat: function (key) { return longFormats[key]; } };
  };
  function cut(names, length) { return function (i) { var all = names.map(function (n) { return length ? n.slice(0, length) : n; }); return i === undefined ? all : all[i]; }; }
  moment.months = cut(months); moment.monthsShort = cut(months, 3);
  moment.weekdays = cut(days); moment.weekdaysShort = cut(days, 3); moment.weekdaysMin = cut(days, 2);
  function pick(better) {
    return function () {
      var list = Array.isArray(arguments[0]) ? arguments[0] : Array.prototype.slice.call(arguments);
      return list.reduce(function (best, m) { return best === undefined || !m.isValid() || better(m, best) ? m : best; }, undefined) || moment();
    };
  }
  moment.min = pick(function (a, b) { return a < b; });
  moment.max = pick(function (a, b) { return a > b; });
  return moment;
})

// ---- Reading texts ---------------------------------------------------------------------------------------------

// What is known of a text while it is read, and asked for later by `parsingFlags()`.
function newFlags() {
  return { empty: false, unusedTokens: [], unusedInput: [], overflow: -2, charsLeftOver: 0, nullInput: false,
    invalidMonth: null, invalidFormat: false, userInvalidated: false, iso: false, parsedDateParts: [],
    meridiem: null, rfc2822: false, weekdayMismatch: false };
}
var YEAR = 0, MONTH = 1, DATE = 2, HOURS = 3, MINUTES = 4, SECONDS = 5, MILLISECONDS = 6, WEEK = 7, WEEKDAY = 8;

// A month by the first three letters of its name, or by the whole of one of its names.
function monthNamed(text, exact) {
  return named(MONTHS, text, exact ? exact === 'MMM' ? 3 : 9 : 0, 3);
}
function dayNamed(text, exact) {
  return named(DAYS, text, exact ? { dd: 2, ddd: 3 }[exact] || 9 : 0, 2);
}
function named(names, text, exactLength, letters) {
  text = String(text).toLowerCase();
  var found = names.findIndex(function (name) {
    name = name.toLowerCase();
    return exactLength ? name.slice(0, exactLength) === text : text.slice(0, letters) === name.slice(0, letters);
  });
  return found < 0 ? undefined : found;
}

// `+09:00`, `-0330`, `+09` or `Z`, in minutes. Of several in a text the last counts.
var OFFSET = /Z|[+-]\d\d:?\d\d/gi, SHORT_OFFSET = /Z|[+-]\d\d(?::?\d\d)?/gi;
function minutesOf(form, text) {
  var found = text.match(form);
  if (!found) return null;
  var digits = found[found.length - 1].replace(':', '');
  var minutes = (+digits.slice(1, 3) || 0) * 60 + (+digits.slice(3, 5) || 0);
  return digits[0] === '-' ? -minutes || 0 : minutes;
}

// What a piece of a format finds (leniently, strictly) and does with it.
var READERS = (function () {
  var upTo2 = /\d\d?/, two = /\d\d/, four = /\d{4}/, upTo4 = /\d{1,4}/, upTo6 = /[+-]?\d{1,6}/, six = /[+-]?\d{6}/;
  var signed = /[+-]?\d+/, threeOrFour = /\d{3,4}/, fiveOrSix = /\d{5,6}/;
  var word = /[0-9]{0,256}['a-z\u00A0-\u05FF\u0700-\uD7FF\uF900-\uFDCF\uFDF0-\uFF07\uFF10-\uFFEF]{1,256}|[\u0600-\u06FF\/]{1,256}(\s*?[\u0600-\u06FF]{1,256}){1,2}/i;
  var table = {};
  function add(tokens, lenient, strict, act) {
    tokens.split(' ').forEach(function (token) { table[token] = [lenient, strict, act]; });
  }
  function put(at, change) { return function (p, text) { p._a[at] = (change || toInteger)(text); }; }
  function inWeek(change) {
    return function (p, text, token) {
      p._w = p._w || {};
      change(p, p._w, text, token);
    };
  }
  function twoDigits(text) { return moment.parseTwoDigitYear(text); }
  function hourAndMore(twelve, withSeconds) {
    return function (p, text) {
      var end = text.length - (withSeconds ? 4 : 2);
      p._a[HOURS] = toInteger(text.slice(0, end));
      p._a[MINUTES] = toInteger(text.slice(end, end + 2));
      if (withSeconds) p._a[SECONDS] = toInteger(text.slice(end + 2));
      if (twelve) p._pf.bigHour = true;
    };
  }
  add('Y', signed, signed, put(YEAR, function (text) { return parseInt(text, 10); }));
  add('YY', upTo2, two, put(YEAR, twoDigits));
  add('YYYY', upTo4, four, put(YEAR, function (text) { return text.length === 2 ? twoDigits(text) : toInteger(text); }));
  add('YYYYY YYYYYY', upTo6, six, put(YEAR));
  add('Q', /\d/, /\d/, put(MONTH, function (text) { return (toInteger(text) - 1) * 3; }));
  add('M', upTo2, upTo2, put(MONTH, function (text) { return toInteger(text) - 1; }));
  add('MM', upTo2, two, table.M[2]);
  add('MMM MMMM', word, word, function (p, text, token) {
    var month = monthNamed(text, p._strict && token);
    if (month === undefined) p._pf.invalidMonth = text; else p._a[MONTH] = month;
  });
  add('D', upTo2, upTo2, put(DATE));
  add('DD', upTo2, two, put(DATE));
  add('Do', /\d{1,2}(?:th|st|nd|rd)|\d{1,2}/, /\d{1,2}(?:th|st|nd|rd)/, put(DATE, function (text) { return parseInt(text, 10); }));
  add('DDD', /\d{1,3}/, /\d{1,3}/, function (p, text) { p._dayOfYear = toInteger(text); });
  add('DDDD', /\d{3}/, /\d{3}/, table.DDD[2]);
  add('H', upTo2, upTo2, put(HOURS));
  add('HH', upTo2, two, put(HOURS));
  add('k', upTo2, upTo2, put(HOURS, function (text) { return toInteger(text) === 24 ? 0 : toInteger(text); }));
  add('kk', upTo2, two, table.k[2]);
  add('h', upTo2, upTo2, function (p, text) { p._a[HOURS] = toInteger(text); p._pf.bigHour = true; });
  add('hh', upTo2, two, table.h[2]);
  add('Hmm', threeOrFour, threeOrFour, hourAndMore(false, false));
  add('Hmmss', fiveOrSix, fiveOrSix, hourAndMore(false, true));
  add('hmm', threeOrFour, threeOrFour, hourAndMore(true, false));
  add('hmmss', fiveOrSix, fiveOrSix, hourAndMore(true, true));
  add('a A', /[ap]\.?m?\.?/i, /[ap]\.?m?\.?/i, function (p, text) { p._meridiem = text; });
  add('m', upTo2, upTo2, put(MINUTES));
  add('mm', upTo2, two, put(MINUTES));
  add('s', upTo2, upTo2, put(SECONDS));
  add('ss', upTo2, two, put(SECONDS));
  var fraction = put(MILLISECONDS, function (text) { return toInteger(('0.' + text) * 1000); });
  add('S', /\d{1,3}/, /\d/, fraction);
  add('SS', /\d{1,3}/, two, fraction);
  add('SSS', /\d{1,3}/, /\d{3}/, fraction);
  add('SSSS SSSSS SSSSSS SSSSSSS SSSSSSSS SSSSSSSSS', /\d+/, /\d+/, fraction);
  add('Z ZZ', SHORT_OFFSET, SHORT_OFFSET, function (p, text) { p._useUTC = true; p._tzm = minutesOf(SHORT_OFFSET, text); });
  add('x', signed, signed, function (p, text) { p._ms = new NativeDate(toInteger(text)).getTime(); });
  add('X', /[+-]?\d+(\.\d{1,3})?/, /[+-]?\d+(\.\d{1,3})?/, function (p, text) { p._ms = new NativeDate(parseFloat(text) * 1000).getTime(); });
  add('gg GG', upTo2, two, inWeek(function (p, week, text, token) { week[token] = twoDigits(text); }));
  add('gggg GGGG', upTo4, four, inWeek(function (p, week, text, token) { week[token.slice(0, 2)] = toInteger(text); }));
  add('ggggg GGGGG', upTo6, six, table.gggg[2]);
  add('w W', upTo2, upTo2, inWeek(function (p, week, text, token) { week[token[0]] = toInteger(text); }));
  add('ww WW', upTo2, two, table.w[2]);
  add('d e E', upTo2, upTo2, inWeek(function (p, week, text, token) { week[token] = toInteger(text); }));
  add('dd ddd dddd', word, word, inWeek(function (p, week, text, token) {
    var day = dayNamed(text, p._strict && token);
    if (day === undefined) p._pf.invalidWeekday = text; else week.d = day;
  }));
  // They take digits away and mean nothing.
  add('g G', signed, signed, null);
  return table;
})();

// What stands in a format for itself.
function literalOf(token) {
  var text = token.replace('\\', '').replace(/\\([\[\]])|\[([^\]\[]*)\]|\\(.)/g, function (all, bracket, quoted, escaped) {
    return bracket || quoted || escaped;
  });
  return new RegExp(text.replace(/[-\/\\^$*+?.()|[\]{}]/g, '\\$&'));
}

// Every piece of the format takes the first thing that fits it, wherever that stands in the rest of the text.
function readFormat(p) {
  if (p._f === moment.ISO_8601) return readISO(p);
  if (p._f === moment.RFC_2822) return readRFC(p);
  p._a = [];
  p._pf.empty = true;
  var text = String(p._i), taken = 0, length = text.length;
  (expand(p._f).match(TOKENS) || []).forEach(function (token) {
    var reader = owns(READERS, token) ? READERS[token] : null;
    var found = (text.match(reader ? reader[p._strict ? 1 : 0] : literalOf(token)) || [])[0];
    if (found) {
      var at = text.indexOf(found);
      if (at > 0) p._pf.unusedInput.push(text.slice(0, at));
      text = text.slice(at + found.length);
      taken += found.length;
    }
    if (owns(WRITERS, token)) {
      if (found) p._pf.empty = false; else p._pf.unusedTokens.push(token);
      if (found && reader && reader[2]) reader[2](p, found, token);
    } else if (p._strict && !found) {
      p._pf.unusedTokens.push(token);
    }
  });
  p._pf.charsLeftOver = length - taken;
  if (text.length > 0) p._pf.unusedInput.push(text);
  if (p._pf.bigHour === true && p._a[HOURS] > 0 && p._a[HOURS] <= 12) p._pf.bigHour = undefined;
  p._pf.parsedDateParts = p._a.slice(0);
  p._pf.meridiem = p._meridiem;
  p._a[HOURS] = hourOfDay(p._a[HOURS], p._meridiem);
  fill(p);
  findOverflow(p);
}
function hourOfDay(hour, meridiem) {
  if (meridiem == null) return hour;
  if (meridiem[0].toLowerCase() === 'p') return hour < 12 ? hour + 12 : hour;
  return hour === 12 ? 0 : hour;
}

// The first of several formats that leaves the least of the text.
function readFormats(p) {
  var best, least, last;
  if (p._f.length === 0) {
    p._pf.invalidFormat = true;
    p._ms = NaN;
    return;
  }
  p._f.forEach(function (format) {
    last = { _i: p._i, _f: format, _strict: p._strict, _isUTC: p._isUTC, _useUTC: p._useUTC, _pf: newFlags() };
    readFormat(last);
    if (!judge(last)) return;
    var left = last._pf.charsLeftOver + last._pf.unusedTokens.length * 10;
    last._pf.score = left;
    if (least === undefined || left < least) {
      least = left;
      best = last;
    }
  });
  Object.assign(p, best || last);
}

// ISO 8601: the forms of the day, whether a time may follow, and the forms of the time.
var ISO_LONG = /^\s*((?:[+-]\d{6}|\d{4})-(?:\d\d-\d\d|W\d\d-\d|W\d\d|\d\d\d|\d\d))(?:(T| )(\d\d(?::\d\d(?::\d\d(?:[.,]\d+)?)?)?)([+-]\d\d(?::?\d\d)?|\s*Z)?)?$/;
var ISO_SHORT = /^\s*((?:[+-]\d{6}|\d{4})(?:\d\d\d\d|W\d\d\d|W\d\d|\d\d\d|\d\d))(?:(T| )(\d\d(?:\d\d(?:\d\d(?:[.,]\d+)?)?)?)([+-]\d\d(?::?\d\d)?|\s*Z)?)?$/;
var ISO_DAYS = [['YYYYYY-MM-DD', /[+-]\d{6}-\d\d-\d\d/], ['YYYY-MM-DD', /\d{4}-\d\d-\d\d/],
  ['GGGG-[W]WW-E', /\d{4}-W\d\d-\d/], ['GGGG-[W]WW', /\d{4}-W\d\d/, 'no time'], ['YYYY-DDD', /\d{4}-\d{3}/],
  ['YYYY-MM', /\d{4}-\d\d/, 'no time'], ['YYYYYYMMDD', /[+-]\d{10}/], ['YYYYMMDD', /\d{8}/],
  ['GGGG[W]WWE', /\d{4}W\d{3}/], ['GGGG[W]WW', /\d{4}W\d\d/, 'no time'], ['YYYYDDD', /\d{7}/]];
function isoTime(text) {
  var colon = text[2] === ':' ? ':' : '', digits = text.split(/[.,]/)[0].replace(/:/g, '').length;
  var format = ['HH', 'mm', 'ss'].slice(0, digits / 2).join(colon);
  return /[.,]/.test(text) ? format + text.match(/[.,]/)[0] + 'SSSS' : format;
}
function readISO(p) {
  var found = ISO_LONG.exec(p._i) || ISO_SHORT.exec(p._i);
  var day = found && ISO_DAYS.find(function (form) { return form[1].test(found[1]); });
  if (found) p._pf.iso = true;
  if (!day || (found[3] && day[2])) {
    p._isValid = false;
    return;
  }
  p._f = day[0] + (found[3] ? found[2] + isoTime(found[3]) : '') + (found[4] ? 'Z' : '');
  readFormat(p);
}

// RFC 2822, as in the headers of mails.
var RFC = /^(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s)?(\d{1,2})\s(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s(\d{2,4})\s(\d\d):(\d\d)(?::(\d\d))?\s(?:(UT|GMT|[ECMP][SD]T)|([Zz])|([+-]\d{4}))$/;
var RFC_ZONES = { UT: 0, GMT: 0, EDT: -240, EST: -300, CDT: -300, CST: -360, MDT: -360, MST: -420, PDT: -420, PST: -480 };
function readRFC(p) {
  var found = RFC.exec(String(p._i).replace(/\([^)]*\)|[\n\t]/g, ' ').replace(/\s\s+/g, ' ').trim());
  if (!found) {
    p._isValid = false;
    return;
  }
  var year = +found[4];
  var list = [year <= 49 ? year + 2000 : year <= 999 ? year + 1900 : year, monthNamed(found[3]), +found[2], +found[5], +found[6]];
  if (found[7]) list.push(+found[7]);
  if (found[1] && new NativeDate(NativeDate.UTC(list[0], list[1], list[2])).getUTCDay() !== dayNamed(found[1])) {
    p._pf.weekdayMismatch = true;
    p._isValid = false;
    return;
  }
  p._a = list;
  var digits = +found[10] || 0;
  p._tzm = found[8] ? RFC_ZONES[found[8]] : (digits - digits % 100) / 100 * 60 + digits % 100;
  p._ms = fromList(list, true) - p._tzm * MINUTE;
  p._pf.rfc2822 = true;
}

function readText(p) {
  var net = /^\/?Date\((-?\d+)/i.exec(p._i);
  if (net) {
    p._ms = new NativeDate(+net[1]).getTime();
    return;
  }
  [readISO, readRFC].every(function (form) {
    delete p._isValid;
    form(p);
    return p._isValid === false;
  });
  if (p._isValid !== false) return;
  delete p._isValid;
  moment.createFromInputFallback(p);
}

// ---- From the fields of a text to a time -----------------------------------------------------------------------

function today(isUTC) {
  var now = shown({ _ms: moment.now(), _isUTC: isUTC });
  return [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
}
// What is greater than the greatest given unit is today's, what is smaller than the smallest is the first.
function fill(p) {
  if (p._ms !== undefined) return;
  var a = p._a, now = today(p._useUTC);
  if (p._w && a[DATE] == null && a[MONTH] == null) fillFromWeek(p);
  if (p._dayOfYear != null) {
    var year = a[YEAR] == null ? now[YEAR] : a[YEAR];
    if (p._dayOfYear > daysInYear(year) || p._dayOfYear === 0) p._pf._overflowDayOfYear = true;
    var day = new NativeDate(fromList([year, 0, p._dayOfYear], true));
    a[MONTH] = day.getUTCMonth();
    a[DATE] = day.getUTCDate();
  }
  var i = 0;
  for (; i < 3 && a[i] == null; i++) a[i] = now[i];
  for (; i < 7; i++) if (a[i] == null) a[i] = i === DATE ? 1 : 0;
  p._ms = fromList(a.slice(0, 7), p._useUTC);
  var weekday = shown({ _ms: p._ms, _isUTC: p._useUTC }).getUTCDay();
  if (p._tzm != null) p._ms -= p._tzm * MINUTE;
  if (p._w && p._w.d !== undefined && p._w.d !== weekday) p._pf.weekdayMismatch = true;
}
function fillFromWeek(p) {
  var w = p._w, iso = w.GG != null || w.W != null || w.E != null;
  var kind = iso ? ISO_WEEKS : SUNDAYS, now = weekOf(moment(), kind);
  function first(value, otherwise) { return value == null ? otherwise : value; }
  var year = first(iso ? w.GG : w.gg, first(p._a[YEAR], now.year));
  var week = iso ? first(w.W, 1) : first(w.w, now.week);
  var weekday = iso ? first(w.E, 1) : first(w.d, first(w.e, 0));
  var least = iso ? 1 : 0;
  if (week < 1 || week > weeksIn(year, kind)) p._pf._overflowWeeks = true;
  else if (weekday < least || weekday > least + 6) p._pf._overflowWeekday = true;
  else {
    var day = dayOfWeek(year, week, weekday, kind);
    p._a[YEAR] = day.year;
    p._dayOfYear = day.day;
  }
}
// The first field that is out of its range, or -1.
function findOverflow(p) {
  var a = p._a, flags = p._pf;
  if (!a || flags.overflow !== -2) return;
  var midnight = a[HOURS] === 24 && a[MINUTES] === 0 && a[SECONDS] === 0 && a[MILLISECONDS] === 0;
  var least = [], most = [];
  least[MONTH] = 0; least[DATE] = 1; least[HOURS] = least[MINUTES] = least[SECONDS] = least[MILLISECONDS] = 0;
  most[MONTH] = 11; most[DATE] = daysInMonth(a[YEAR], a[MONTH]); most[HOURS] = midnight ? 24 : 23;
  most[MINUTES] = most[SECONDS] = 59; most[MILLISECONDS] = 999;
  var overflow = -1;
  for (var i = MONTH; i <= MILLISECONDS && overflow < 0; i++) if (a[i] < least[i] || a[i] > most[i]) overflow = i;
  if (flags._overflowDayOfYear && (overflow < YEAR || overflow > DATE)) overflow = DATE;
  if (flags._overflowWeeks && overflow === -1) overflow = WEEK;
  if (flags._overflowWeekday && overflow === -1) overflow = WEEKDAY;
  flags.overflow = overflow;
}
// Whether what was read is a time. Said once, and kept.
function judge(p) {
  if (p._isValid != null) return p._isValid;
  var flags = p._pf, some = flags.parsedDateParts.some(function (part) { return part != null; });
  p._isValid = !isNaN(p._ms) && flags.overflow < 0 && !flags.empty && !flags.invalidMonth && !flags.invalidWeekday &&
    !flags.weekdayMismatch && !flags.nullInput && !flags.invalidFormat && !flags.userInvalidated &&
    (!flags.meridiem || some) &&
    (!p._strict || (flags.charsLeftOver === 0 && flags.unusedTokens.length === 0 && flags.bigHour === undefined));
  return p._isValid;
}

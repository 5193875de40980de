// ---- Making moments --------------------------------------------------------------------------------------------

function Moment(p) {
  ['_i', '_f', '_strict', '_tzm', '_isUTC', '_offset', '_pf'].forEach(function (key) {
    if (p[key] !== undefined) this[key] = p[key];
  }, this);
  this._ms = p._ms == null ? NaN : p._ms;
  // Judged anew: an addition that left the calendar shows in a clone.
  if (!judge(this)) this._ms = NaN;
}
function isMoment(value) { return value instanceof Moment; }

function invalid(flags) {
  var m = moment.utc(NaN);
  Object.assign(m._pf, flags || { userInvalidated: true });
  return m;
}
function make(input, format, locale, strict, isUTC) {
  if (locale === true || locale === false) strict = locale;
  if ((isPlain(input) && Object.getOwnPropertyNames(input).length === 0) || (Array.isArray(input) && input.length === 0)) {
    input = undefined;
  }
  var p = { _i: input, _f: format, _strict: strict, _isUTC: isUTC, _useUTC: isUTC, _pf: newFlags() };
  if (input === null || (format === undefined && input === '')) return new Moment(invalid({ nullInput: true }));
  if (isMoment(input)) return new Moment(input);
  if (isDate(input)) p._ms = input.getTime();
  else if (Array.isArray(format)) readFormats(p);
  else if (format) readFormat(p);
  else readValue(p);
  if (!judge(p)) p._ms = NaN;
  findOverflow(p);
  return new Moment(p);
}
function readValue(p) {
  var input = p._i;
  if (input === undefined) p._ms = moment.now();
  else if (typeof input === 'string') readText(p);
  else if (Array.isArray(input)) {
    p._a = Array.from(input, function (value) { return parseInt(value, 10); });
    fill(p);
  } else if (isPlain(input)) {
    var given = byUnit(input);
    p._a = [given.year, given.month, given.day || given.date, given.hour, given.minute, given.second, given.millisecond]
      .map(function (value) { return value && parseInt(value, 10); });
    fill(p);
  } else if (isNumber(input)) p._ms = new NativeDate(+input).getTime();
  else moment.createFromInputFallback(p);
}

function moment(input, format, locale, strict) { return make(input, format, locale, strict, false); }
moment.utc = function (input, format, locale, strict) { return make(input, format, locale, strict, true).utc(); };
moment.unix = function (seconds) { return moment(seconds * 1000); };
moment.parseZone = function () { return moment.apply(null, arguments).parseZone(); };
moment.invalid = invalid;
moment.now = function () { return host.now(); };
moment.ISO_8601 = function () {};
moment.RFC_2822 = function () {};
moment.parseTwoDigitYear = function (text) {
  var year = toInteger(text);
  return year + (year > 68 ? 1900 : 2000);
};
// What no known form fits is left to `Date`.
moment.createFromInputFallback = function (p) {
  p._ms = new Date(p._i + (p._useUTC ? ' UTC' : '')).getTime();
};

// As a moment that shows the same kind of clock as another.
function like(input, model) {
  if (!model._isUTC) return moment(input).local();
  var m = model.clone();
  move(m, (isMoment(input) || isDate(input) ? input.valueOf() : moment(input).valueOf()) - m.valueOf());
  return m;
}

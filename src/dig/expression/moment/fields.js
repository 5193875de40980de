// ---- Fields of a moment: getters and setters -------------------------------------------------------------------

P.isValid = function () { return judge(this); };
P.clone = function () { return new Moment(this); };
P.valueOf = function () { return this._ms - (this._offset || 0) * MINUTE; };
P.unix = function () { return Math.floor(this.valueOf() / SECOND); };
P.toDate = function () { return new Date(this.valueOf()); };
P.toArray = function () {
  return [this.year(), this.month(), this.date(), this.hour(), this.minute(), this.second(), this.millisecond()];
};
P.toObject = function () {
  var a = this.toArray();
  return { years: a[0], months: a[1], date: a[2], hours: a[3], minutes: a[4], seconds: a[5], milliseconds: a[6] };
};
P.locale = function (name) { return name === undefined ? 'en' : this; };
P.localeData = function () { return moment.localeData(); };
P.lang = function (name) { return name === undefined ? this.localeData() : this; };
P.creationData = function () {
  return { input: this._i, format: this._f, locale: this.localeData(), isUTC: this._isUTC, strict: this._strict };
};
P.parsingFlags = function () { return Object.assign({}, this._pf); };
P.invalidAt = function () { return this._pf.overflow; };

function setField(m, field, value) {
  if (!m.isValid() || isNaN(value)) return;
  var leapDay = field === 'FullYear' && isLeap(m.year()) && m.month() === 1 && m.date() === 29;
  write(m, field, leapDay ? [value, 1, daysInMonth(value, 1)] : [value]);
}
function setMonth(m, value) {
  if (!m.isValid()) return;
  if (typeof value === 'string') value = /^\d+$/.test(value) ? +value : monthNamed(value);
  if (value === undefined) return;
  write(m, 'Month', [value, Math.min(m.date(), daysInMonth(m.year(), value))]);
}
[['year', 'FullYear'], ['date', 'Date'], ['hour', 'Hours'], ['minute', 'Minutes'], ['second', 'Seconds'],
  ['millisecond', 'Milliseconds']].forEach(function (pair) {
  P[pair[0]] = P[pair[0] + 's'] = function (value) {
    if (value == null) return read(this, pair[1]);
    setField(this, pair[1], value);
    return this;
  };
});
P.month = P.months = function (value) {
  if (value == null) return read(this, 'Month');
  setMonth(this, value);
  return this;
};
P.quarter = P.quarters = function (value) {
  return value == null ? Math.ceil((this.month() + 1) / 3) : this.month((value - 1) * 3 + this.month() % 3);
};
P.day = P.days = function (value) {
  if (!this.isValid()) return value == null ? NaN : this;
  var day = shown(this).getUTCDay();
  if (value == null) return day;
  if (typeof value === 'string') {
    var name = value;
    value = isNaN(name) ? dayNamed(name) : parseInt(name, 10);
  }
  return this.add((value === undefined ? 0 : value) - day, 'd');
};
P.weekday = function (value) { return value == null ? this.day() : this.isValid() ? this.add(value - this.day(), 'd') : this; };
P.isoWeekday = function (value) {
  if (!this.isValid()) return value == null ? NaN : this;
  if (value == null) return this.day() || 7;
  if (typeof value === 'string') value = dayNamed(value) % 7 || 7;
  else if (isNaN(value)) value = null;
  return this.day(this.day() % 7 ? value : value - 7);
};
P.dayOfYear = function (value) {
  var day = Math.round((this.clone().startOf('day') - this.clone().startOf('year')) / DAY) + 1;
  return value == null ? day : this.add(value - day, 'd');
};
function weeks(kind) {
  return function (value) {
    var week = weekOf(this, kind).week;
    return value == null ? week : this.add((value - week) * 7, 'd');
  };
}
P.week = P.weeks = weeks(SUNDAYS);
P.isoWeek = P.isoWeeks = weeks(ISO_WEEKS);
function weekYear(kind, weekday) {
  return function (value) {
    var now = weekOf(this, kind), day = this[weekday]();
    if (value == null) return now.year;
    var most = weeksIn(value, kind);
    var at = dayOfWeek(value, now.week > most ? most : now.week, day, kind);
    var date = new NativeDate(fromList([at.year, 0, at.day], true));
    return this.year(date.getUTCFullYear()).month(date.getUTCMonth()).date(date.getUTCDate());
  };
}
P.weekYear = weekYear(SUNDAYS, 'weekday');
P.isoWeekYear = weekYear(ISO_WEEKS, 'isoWeekday');
P.weeksInYear = function () { return weeksIn(this.year(), SUNDAYS); };
P.isoWeeksInYear = function () { return weeksIn(this.year(), ISO_WEEKS); };
P.daysInMonth = function () { return daysInMonth(this.year(), this.month()); };
P.isLeapYear = function () { return isLeap(this.year()); };

P.get = function (unit) {
  unit = unitOf(unit);
  return typeof this[unit] === 'function' ? this[unit]() : this;
};
P.set = function (unit, value) {
  var m = this;
  if (typeof unit === 'object') {
    var given = byUnit(unit);
    Object.keys(given).sort(function (a, b) { return ORDER[a] - ORDER[b]; })
      .forEach(function (key) { m[key](given[key]); });
    return m;
  }
  unit = unitOf(unit);
  return typeof m[unit] === 'function' ? m[unit](value) : m;
};

// ---- The clock that a moment shows -----------------------------------------------------------------------------

P.utcOffset = function (input, keepTime, exact) {
  var before = this._offset || 0;
  if (!this.isValid()) return input == null ? NaN : this;
  if (input == null) return this._isUTC ? before : zoneOffset(this._ms);
  if (typeof input === 'string') input = minutesOf(SHORT_OFFSET, input);
  // Small numbers are hours.
  else if (Math.abs(input) < 16 && !exact) input *= 60;
  if (input === null) return this;
  var shift = !this._isUTC && keepTime ? zoneOffset(this._ms) : null;
  this._offset = input;
  this._isUTC = true;
  if (shift !== null) this.add(shift, 'm');
  if (before !== input && !keepTime) move(this, (input - before) * MINUTE || 0);
  return this;
};
P.utc = function (keepTime) { return this.utcOffset(0, keepTime); };
P.local = function (keepTime) {
  if (!this._isUTC) return this;
  this.utcOffset(0, keepTime);
  this._isUTC = false;
  return keepTime ? this.subtract(zoneOffset(this._ms), 'm') : this;
};
P.parseZone = function () {
  if (this._tzm != null) return this.utcOffset(this._tzm, false, true);
  if (typeof this._i !== 'string') return this;
  var minutes = minutesOf(OFFSET, this._i);
  return minutes === null ? this.utcOffset(0, true) : this.utcOffset(minutes);
};
P.zone = function (input, keepTime) {
  return input == null ? -this.utcOffset() : this.utcOffset(typeof input === 'string' ? input : -input, keepTime);
};
P.hasAlignedHourOffset = function (input) {
  return this.isValid() && (this.utcOffset() - (input ? moment(input).utcOffset() : 0)) % 60 === 0;
};
P.isLocal = function () { return this.isValid() ? !this._isUTC : false; };
P.isUtcOffset = function () { return this.isValid() ? this._isUTC : false; };
P.isUtc = P.isUTC = function () { return this.isValid() ? this._isUTC && this._offset === 0 : false; };
P.zoneAbbr = function () { return this._isUTC ? 'UTC' : ''; };
P.zoneName = function () { return this._isUTC ? 'Coordinated Universal Time' : ''; };
P.isDST = function () {
  var now = this.utcOffset();
  return now > this.clone().month(0).utcOffset() || now > this.clone().month(5).utcOffset();
};

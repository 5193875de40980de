// `Date` in the workflow's zone: the engine's own lives in the zone of the process.
(function (NativeDate, host) {
  'use strict';
  function local(instant) { return instant + host.offset(instant) * 1000; }
  // Times without a zone are local; a date alone, and what names a zone, is not.
  function parse(text) {
    text = String(text);
    var iso = /^(?:[+-]\d{6}|\d{4})(?:-\d\d(?:-\d\d)?)?(?:([T ])\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?$/.exec(text);
    var zoned = /(?:Z|GMT|UTC?|\b[ECMP][SD]T|[+-]\d\d:?\d\d)\s*(?:\(.*\))?\s*$/i.test(text);
    if (iso ? !iso[1] : zoned) return NativeDate.parse(text);
    return host.instant(NativeDate.parse(text + (iso ? 'Z' : ' GMT')));
  }
  function clip(time) { return new NativeDate(time).getTime(); }
  function fromArguments(list) {
    if (list.length === 0) return host.now();
    if (list.length > 1) return host.instant(NativeDate.UTC.apply(null, list));
    var value = list[0];
    if (value instanceof NativeDate) return value.getTime();
    if (value !== null && typeof value === 'object') {
      value = value[Symbol.toPrimitive] ? value[Symbol.toPrimitive]('default') : value.valueOf();
      if (value !== null && typeof value === 'object') value = String(value);
    }
    return typeof value === 'string' ? parse(value) : clip(Number(value));
  }
  function Zoned() {
    if (new.target === undefined) return new Zoned().toString();
    return Reflect.construct(NativeDate, [fromArguments(arguments)], new.target);
  }
  Object.defineProperty(Zoned, 'name', { value: 'Date' });
  Object.defineProperty(Zoned, 'length', { value: 7 });
  Zoned.prototype = Object.create(NativeDate.prototype, {
    constructor: { value: Zoned, writable: true, configurable: true }
  });
  Zoned.now = function now() { return host.now(); };
  Zoned.UTC = NativeDate.UTC;
  Zoned.parse = parse;

  function method(name, body) {
    Object.defineProperty(Zoned.prototype, name, { value: body, writable: true, configurable: true });
  }
  var fields = ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
  fields.concat('Day').forEach(function (field) {
    method('get' + field, function () { return new NativeDate(local(this.getTime()))['getUTC' + field](); });
  });
  fields.forEach(function (field) {
    method('set' + field, function () {
      // What is no time can still be given a year, and is its first moment then.
      var start = this.getTime();
      var shifted = new NativeDate(isNaN(start) && field === 'FullYear' ? 0 : local(start));
      return this.setTime(host.instant(shifted['setUTC' + field].apply(shifted, arguments)));
    });
    // The engine's own leaves the time as it was when a part is no number.
    method('setUTC' + field, function () {
      return this.setTime(NativeDate.prototype['setUTC' + field].apply(this, arguments));
    });
  });
  method('getYear', function () { return this.getFullYear() - 1900; });
  method('setYear', function (year) {
    year = Math.trunc(year);
    return this.setFullYear(year >= 0 && year < 100 ? year + 1900 : year);
  });
  method('getTimezoneOffset', function () {
    var seconds = host.offset(this.getTime());
    return seconds === 0 ? 0 : -seconds / 60;
  });

  var days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  var months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  function two(number) { return String(number).padStart(2, '0'); }
  function zone(date) {
    var behind = date.getTimezoneOffset(), ahead = Math.floor(Math.abs(behind));
    return 'GMT' + (behind > 0 ? '-' : '+') + two(Math.floor(ahead / 60)) + two(ahead % 60);
  }
  function texts(name, body) {
    method(name, function () { return isNaN(this.getTime()) ? 'Invalid Date' : body.call(this); });
  }
  texts('toDateString', function () {
    var year = this.getFullYear();
    year = (year < 0 ? '-' : '') + String(Math.abs(year)).padStart(4, '0');
    return days[this.getDay()] + ' ' + months[this.getMonth()] + ' ' + two(this.getDate()) + ' ' + year;
  });
  texts('toTimeString', function () {
    return two(this.getHours()) + ':' + two(this.getMinutes()) + ':' + two(this.getSeconds()) + ' ' + zone(this);
  });
  texts('toString', function () { return this.toDateString() + ' ' + this.toTimeString(); });
  texts('toLocaleDateString', function () {
    return (this.getMonth() + 1) + '/' + this.getDate() + '/' + this.getFullYear();
  });
  texts('toLocaleTimeString', function () {
    var hours = this.getHours();
    return (hours % 12 || 12) + ':' + two(this.getMinutes()) + ':' + two(this.getSeconds()) + (hours < 12 ? ' AM' : ' PM');
  });
  texts('toLocaleString', function () { return this.toLocaleDateString() + ', ' + this.toLocaleTimeString(); });
  return Zoned;
})

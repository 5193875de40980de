// What Digdag's engine lets texts do beside JavaScript: the methods that strings have in Java, where JavaScript had none
// of that name (ES5). Of those, `replaceAll` came to JavaScript later, for plain texts; it stays Java's for two texts: the
// first is a pattern.
(function () {
  'use strict';
  var native = String.prototype.replaceAll;
  // `(?i)` and its like in front are flags.
  function pattern(source, flags, whole) {
    var inline = /^\(\?([ims]+)\)/.exec(source);
    if (inline) source = source.slice(inline[0].length);
    return new RegExp(whole ? '^(?:' + source + ')$' : source, flags + (inline ? inline[1] : ''));
  }
  // `$1` and `${name}` are groups, a backslash takes the meaning from what follows it.
  function filled(template) {
    return function () {
      var found = Array.from(arguments), named = found[found.length - 1], count = found.length - 3;
      if (typeof named === 'object') count -= 1; else named = {};
      return template.replace(/\\([\s\S])|\$(\d+)|\$\{(\w+)\}/g, function (all, plain, digits, name) {
        if (plain !== undefined) return plain;
        if (name !== undefined) return named[name] === undefined ? '' : named[name];
        // As many digits as make a group.
        for (var length = digits.length; length > 1 && +digits.slice(0, length) > count; length--);
        if (+digits.slice(0, length) > count) throw new RangeError('no group ' + digits);
        var text = found[+digits.slice(0, length)];
        return (text === undefined ? '' : text) + digits.slice(length);
      });
    };
  }
  function compare(a, b) {
    for (var i = 0; i < a.length && i < b.length; i++) {
      if (a[i] !== b[i]) return a.charCodeAt(i) - b.charCodeAt(i);
    }
    return a.length - b.length;
  }
  var methods = {
    replaceAll: function (what, replacement) {
      if (typeof what !== 'string' || typeof replacement !== 'string') return native.call(this, what, replacement);
      return String(this).replace(pattern(what, 'g'), filled(replacement));
    },
    replaceFirst: function (what, replacement) { return String(this).replace(pattern(what, ''), filled(replacement)); },
    matches: function (what) { return pattern(what, '', true).test(this); },
    contains: function (text) { return this.indexOf(text) >= 0; },
    equals: function (text) { return String(this) === text; },
    equalsIgnoreCase: function (text) {
      if (typeof text !== 'string' || text.length !== this.length) return false;
      return this.toUpperCase().toLowerCase() === text.toUpperCase().toLowerCase();
    },
    compareTo: function (text) { return compare(String(this), String(text)); },
    compareToIgnoreCase: function (text) {
      return compare(this.toUpperCase().toLowerCase(), String(text).toUpperCase().toLowerCase());
    },
    hashCode: function () {
      var hash = 0;
      for (var i = 0; i < this.length; i++) hash = (Math.imul(hash, 31) + this.charCodeAt(i)) | 0;
      return hash;
    },
    isEmpty: function () { return this.length === 0; },
    isBlank: function () { return this.trim() === ''; },
    strip: function () { return this.trim(); },
    stripLeading: function () { return this.trimStart(); },
    stripTrailing: function () { return this.trimEnd(); }
  };
  Object.keys(methods).forEach(function (name) {
    Object.defineProperty(String.prototype, name, { value: methods[name], writable: true, configurable: true });
  });
})();

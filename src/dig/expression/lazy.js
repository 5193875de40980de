// Makes `Date` and `moment` appear in the global scope when they are first used: most texts use neither, and reading
// their source costs more than such a text. `host` has the functions of the program.
(function (host) {
  var NativeDate = Date;
  var read = eval;
  var loaded = {};
  function load(name) {
    if (!(name in loaded)) {
      var make = read(host.source(name));
      loaded[name] = name === 'date' ? make(NativeDate, host) : make(load('date'), NativeDate, host);
    }
    return loaded[name];
  }
  function get(name) { return load(name === 'Date' ? 'date' : 'moment'); }
  ['Date', 'moment'].forEach(function (name) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get: function () { return get(name); },
      set: function (value) {
        Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: value });
      }
    });
  });
})

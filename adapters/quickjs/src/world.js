// What a script finds beside the module: `console` and timers.
(function (native) {
  'use strict';

  // A script may replace these later.
  const { apply } = Reflect;
  const { call } = Function.prototype;
  const unbound = (method) => call.bind(method);
  const mapGet = unbound(Map.prototype.get);
  const mapSet = unbound(Map.prototype.set);
  const mapHas = unbound(Map.prototype.has);
  const mapDelete = unbound(Map.prototype.delete);
  const trimEnd = unbound(String.prototype.trimEnd);
  const classOf = unbound(Object.prototype.toString);
  const { isView } = ArrayBuffer;
  const { stringify } = JSON;
  const { max, min } = Math;
  const [Buffer, Failure, Invalid, toNumber, toText] =
    [ArrayBuffer, Error, TypeError, Number, String];
  const DELAY_MAX = 0x7fffffff;

  function describe(value) {
    if (typeof value === 'string') return value;
    if (value instanceof Failure) return trimEnd(`${value}\n${value.stack ?? ''}`);
    if (typeof value === 'function') return `[function ${value.name || 'anonymous'}]`;
    if (typeof value !== 'object' || value === null) return toText(value);
    if (value instanceof Buffer) return `ArrayBuffer(${value.byteLength})`;
    if (isView(value)) return `${value.constructor.name}(${value.byteLength} bytes)`;
    try {
      return stringify(value) ?? toText(value);
    } catch {
      return classOf(value);
    }
  }

  const printer = (toError) => (...values) => {
    let line = '';
    for (let i = 0; i < values.length; i++) line += (i === 0 ? '' : ' ') + describe(values[i]);
    native.print(toError, line);
  };
  const [log, error] = [printer(false), printer(true)];
  globalThis.console = { log, info: log, debug: log, warn: error, error };

  /// What is called, with what, and how often, by number.
  const timers = new Map();
  let last = 0;

  function set(callback, delay, args, repeats) {
    if (typeof callback !== 'function') throw new Invalid('a timer needs a function');
    // As elsewhere, less than a millisecond is one.
    const wait = min(max(toNumber(delay) || 0, 1), DELAY_MAX);
    do last = (last + 1) >>> 0; while (last === 0 || mapHas(timers, last));
    mapSet(timers, last, { callback, args, wait, repeats });
    native.set(last, wait);
    return last;
  }

  function clear(id) {
    if (mapDelete(timers, id)) native.clear(id);
  }

  globalThis.setTimeout = (callback, delay, ...args) => set(callback, delay, args, false);
  globalThis.setInterval = (callback, delay, ...args) => set(callback, delay, args, true);
  globalThis.clearTimeout = clear;
  globalThis.clearInterval = clear;

  /// Is called when a timer is due.
  return function fire(id) {
    const { callback, args, wait, repeats } = mapGet(timers, id);
    if (repeats) {
      native.set(id, wait);
    } else {
      mapDelete(timers, id);
    }
    apply(callback, undefined, args);
  };
})

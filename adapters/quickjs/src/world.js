// What a script finds beside the module: `console` and timers.
(function (native) {
  'use strict';

  const { apply } = Reflect;
  const DELAY_MAX = 0x7fffffff;

  function describe(value) {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return `${value}\n${value.stack ?? ''}`.trimEnd();
    if (typeof value === 'function') return `[function ${value.name || 'anonymous'}]`;
    if (typeof value !== 'object' || value === null) return String(value);
    if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
    if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength} bytes)`;
    try {
      return JSON.stringify(value) ?? String(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  }

  const printer = (toError) => (...values) => native.print(toError, values.map(describe).join(' '));
  const [log, error] = [printer(false), printer(true)];
  globalThis.console = { log, info: log, debug: log, warn: error, error };

  /// What is called, with what, and how often, by number.
  const timers = new Map();
  let last = 0;

  function set(callback, delay, args, repeats) {
    if (typeof callback !== 'function') throw new TypeError('a timer needs a function');
    // As elsewhere, less than a millisecond is one.
    const wait = Math.min(Math.max(Number(delay) || 0, 1), DELAY_MAX);
    do last = (last + 1) >>> 0; while (last === 0 || timers.has(last));
    timers.set(last, { callback, args, wait, repeats });
    native.set(last, wait);
    return last;
  }

  function clear(id) {
    if (timers.delete(id)) native.clear(id);
  }

  globalThis.setTimeout = (callback, delay, ...args) => set(callback, delay, args, false);
  globalThis.setInterval = (callback, delay, ...args) => set(callback, delay, args, true);
  globalThis.clearTimeout = clear;
  globalThis.clearInterval = clear;

  /// Is called when a timer is due.
  return function fire(id) {
    const { callback, args, wait, repeats } = timers.get(id);
    if (repeats) {
      native.set(id, wait);
    } else {
      timers.delete(id);
    }
    apply(callback, undefined, args);
  };
})

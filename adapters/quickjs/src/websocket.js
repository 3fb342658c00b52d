// The module's JavaScript half. What objects hold of each other is held here, where the engine's
// own collector sees it. `native` is the other half, which knows a connection by its number.
(function (native) {
  'use strict';

  // A script may replace these later; the module goes on with those that it knows. For the same
  // reason it uses no iterators (`for`-`of`, spread arguments, patterns for arrays) after its start.
  const { call: callOf } = Function.prototype;
  const unbound = (method) => callOf.bind(method);
  const wellFormed = unbound(String.prototype.toWellFormed);
  const toBase64 = unbound(Uint8Array.prototype.toBase64);
  const mapGet = unbound(Map.prototype.get);
  const mapSet = unbound(Map.prototype.set);
  const mapDelete = unbound(Map.prototype.delete);
  const register = unbound(FinalizationRegistry.prototype.register);
  const { isView } = ArrayBuffer;
  const { create: objectOf, defineProperty, entries } = Object;
  const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const getter = (object, name) => unbound(getOwnPropertyDescriptor(object, name).get);
  const TypedArray = getPrototypeOf(Uint8Array.prototype);
  const kindOf = getter(TypedArray, Symbol.toStringTag);
  const [ofTypedArray, ofDataView] = [TypedArray, DataView.prototype].map((views) => ({
    buffer: getter(views, 'buffer'),
    byteOffset: getter(views, 'byteOffset'),
    byteLength: getter(views, 'byteLength'),
  }));
  const { isInteger } = Number;
  const { isArray } = Array;
  const toText = String;
  const Invalid = TypeError;
  const Bytes = Uint8Array;
  const Buffer = ArrayBuffer;
  const { apply } = Reflect;
  const enqueue = queueMicrotask;

  const [OPEN, MESSAGE, CLOSE, ERROR, SUCCESS, FAIL] = [0, 1, 2, 3, 4, 5];
  const ARGUMENT = 202;

  /// Objects that may still be called back, by number: they are not collected.
  const held = new Map();
  /// The callbacks of sends and closes whose outcome is not known, by number.
  const outcomes = new Map();
  let lastOutcome = 0;

  /// An object that nobody holds takes its connection with it.
  const abandoned = new FinalizationRegistry((id) => native.release(id));

  /// Adds a property or an element, whatever a script has put into prototypes.
  function define(object, name, value) {
    const kind = { writable: true, enumerable: true, configurable: true };
    defineProperty(object, name, { __proto__: null, value, ...kind });
  }

  /// The bytes that a view shows.
  function shownBy(view) {
    const { buffer, byteOffset, byteLength } = kindOf(view) ? ofTypedArray : ofDataView;
    return new Bytes(buffer(view), byteOffset(view), byteLength(view));
  }

  function call(callback, self, args) {
    try {
      apply(callback, self, args);
    } catch (error) {
      native.report(error);
    }
  }

  function invalid(message) {
    const error = new Invalid(message);
    define(error, 'code', ARGUMENT);
    return error;
  }

  function checkOptions(options) {
    if (typeof options !== 'object' || options === null) {
      throw invalid('the argument is not an object');
    }
  }

  /// `undefined` and `null` are both what was left out.
  function optionalFunction(value, name) {
    if (value !== undefined && value !== null && typeof value !== 'function') {
      throw invalid(`${name} is not a function`);
    }
    return value ?? undefined;
  }

  /// The number by which the outcome of a call is told; 0 if nobody wants to know.
  function watch(success, fail) {
    if (!success && !fail) return 0;
    lastOutcome += 1;
    mapSet(outcomes, lastOutcome, { success, fail });
    return lastOutcome;
  }

  function failLater(fail, message) {
    if (fail) enqueue(() => call(fail, undefined, [message, ARGUMENT]));
  }

  const secret = Symbol();
  let handlerOf;
  let setHandler;

  class WebSocket {
    #id;
    #handlers = [null, null, null, null];

    constructor(key, id) {
      if (key !== secret) throw new Invalid('it is made by websocketfactory.create');
      this.#id = id;
      register(abandoned, this, id);
    }

    send(options) {
      checkOptions(options);
      const { data } = options;
      const success = optionalFunction(options.success, 'success');
      const fail = optionalFunction(options.fail, 'fail');
      if (typeof data === 'string') {
        native.sendText(this.#id, wellFormed(data), watch(success, fail));
        return;
      }
      let bytes;
      try {
        if (isView(data)) {
          bytes = toBase64(shownBy(data));
        } else if (data instanceof Buffer) {
          bytes = toBase64(new Bytes(data));
        }
      } catch {
        // What it was made of is gone.
      }
      if (bytes === undefined) {
        failLater(fail, 'data is not a string, nor an ArrayBuffer, nor a view of one');
      } else {
        native.sendBinary(this.#id, bytes, watch(success, fail));
      }
    }

    close(options = {}) {
      checkOptions(options);
      const { code, reason } = options;
      const success = optionalFunction(options.success, 'success');
      const fail = optionalFunction(options.fail, 'fail');
      if (code != null && !(isInteger(code) && code >= 0 && code <= 0xffff)) {
        failLater(fail, 'code is not a close code');
      } else if (reason != null && typeof reason !== 'string') {
        failLater(fail, 'reason is not a string');
      } else {
        const text = reason == null ? undefined : wellFormed(reason);
        native.close(this.#id, code ?? undefined, text, watch(success, fail));
      }
    }

    get readyState() { return native.readyState(this.#id); }
    get bufferedAmount() { return native.bufferedAmount(this.#id); }
    get url() { return native.url(this.#id); }
    get protocol() { return native.protocol(this.#id); }
    get extensions() { return native.extensions(this.#id); }

    /// The server's response headers as an object with names in lower case and no prototype; `null`
    /// before the response came.
    get responseHeaders() {
      const headers = objectOf(null);
      const came = native.responseHeaders(this.#id, (name, value) => {
        headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
      });
      return came ? headers : null;
    }

    get [Symbol.toStringTag]() { return 'WebSocket'; }

    static {
      handlerOf = (socket, kind) => socket.#handlers[kind];
      setHandler = (socket, kind, value) => {
        // As in browsers, what cannot be called is as good as null.
        const handler = typeof value === 'function' ? value : null;
        const before = socket.#handlers[kind];
        socket.#handlers[kind] = handler;
        if (handler && !before) {
          mapSet(held, socket.#id, socket);
          native.listen(socket.#id, kind);
        } else if (!handler && before) {
          native.ignore(socket.#id, kind);
        }
      };
    }
  }

  ['Open', 'Message', 'Close', 'Error'].forEach((name, kind) => {
    const property = {
      get() { return handlerOf(this, kind); },
      set(value) { setHandler(this, kind, value); },
      enumerable: true,
      configurable: true,
    };
    Object.defineProperty(WebSocket.prototype, `on${name}`, property);
    Object.defineProperty(WebSocket.prototype, `on${name.toLowerCase()}`, property);
  });

  function checkUrl(url) {
    if (typeof url !== 'string') throw invalid('url is not a string');
    return wellFormed(url);
  }

  function checkHeader(header) {
    if (header === undefined || header === null) return [];
    if (typeof header !== 'object' || isArray(header)) throw invalid('header is not an object');
    const lines = entries(header);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i];
      const { 0: name, 1: value } = line;
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        throw invalid(`the header ${name} is not a string`);
      }
      line[0] = wellFormed(name);
      line[1] = wellFormed(toText(value));
    }
    return lines;
  }

  function checkProtocols(protocols) {
    if (protocols === undefined || protocols === null) return [];
    if (!isArray(protocols)) throw invalid('protocols is not an array');
    const names = [];
    const count = protocols.length;
    for (let i = 0; i < count; i++) {
      const protocol = protocols[i];
      if (typeof protocol !== 'string') throw invalid('a protocol is not a string');
      define(names, i, wellFormed(protocol));
    }
    return names;
  }

  function create(options) {
    checkOptions(options);
    const url = checkUrl(options.url);
    const header = checkHeader(options.header);
    const protocols = checkProtocols(options.protocols);
    let id;
    try {
      id = native.create(url, header, protocols);
    } catch (error) {
      throw invalid(error.message);
    }
    return new WebSocket(secret, id);
  }

  /// Is called by the native half with each event.
  function dispatch(kind, id, ...args) {
    if (kind === SUCCESS || kind === FAIL) {
      const { success, fail } = mapGet(outcomes, id);
      mapDelete(outcomes, id);
      const callback = kind === SUCCESS ? success : fail;
      if (callback) call(callback, undefined, args);
      return;
    }
    const socket = mapGet(held, id);
    const callback = socket && handlerOf(socket, kind);
    if (!callback) return;
    if (kind === OPEN) {
      call(callback, socket, []);
    } else if (kind === CLOSE) {
      const { 0: code, 1: reason, 2: wasClean } = args;
      call(callback, socket, [{ code, reason, wasClean }]);
    } else {
      const { 0: data } = args;
      call(callback, socket, [{ data }]);
    }
  }

  return { factory: Object.freeze({ create }), dispatch, unhold: (id) => mapDelete(held, id) };
})

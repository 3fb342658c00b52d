// A script that replaces what the language comes with confuses only itself.
import websocketfactory from '@blueos.network.webSocket';
import { url } from './lib.js';

const [print, later, every, stop] = [console.log, setTimeout, setInterval, clearInterval];
const { defineProperty, getOwnPropertyDescriptor: descriptorOf } = Object;
const { ownKeys } = Reflect;
const bytes = new Uint8Array([1, 2, 3]);
const replaced = () => { throw new Error('a replaced intrinsic was called'); };

/// Replaces all methods of an object, its accessors and those by symbols too.
function replace(object) {
  const keys = ownKeys(object);
  for (let i = 0; i < keys.length; i++) {
    const property = descriptorOf(object, keys[i]);
    if (!property.configurable || keys[i] === 'constructor') continue;
    if (typeof property.value === 'function') {
      defineProperty(object, keys[i], { __proto__: null, value: replaced });
    } else if (property.get) {
      defineProperty(object, keys[i], { __proto__: null, get: replaced, set: replaced });
    }
  }
}

const all = [
  Map, Set, WeakMap, WeakSet, WeakRef, FinalizationRegistry, Array, ArrayBuffer, DataView, String,
  Number, Boolean, Symbol, BigInt, Function, Error, TypeError, Promise, RegExp, Date, Object,
  Uint8Array,
];
const prototypes = [];
for (let i = 0; i < all.length; i++) prototypes[i] = all[i].prototype;
prototypes[all.length] = Object.getPrototypeOf(Uint8Array.prototype);
prototypes[all.length + 1] = Object.getPrototypeOf([][Symbol.iterator]());
prototypes[all.length + 2] = Object.getPrototypeOf(new Map().entries());
for (let i = 0; i < prototypes.length; i++) replace(prototypes[i]);
for (let i = 0; i < all.length; i++) replace(all[i]);
replace(JSON);
replace(Math);
replace(Reflect);
// What assignments and descriptors look up on their way.
for (let i = 0; i < 4; i++) {
  defineProperty(Array.prototype, i, { __proto__: null, set: replaced, configurable: true });
}
const names = ['get', 'set', 'value', 'code'];
for (let i = 0; i < names.length; i++) {
  defineProperty(Object.prototype, names[i], { __proto__: null, set: replaced, get: replaced });
}
const globals = ['Map', 'Array', 'String', 'TypeError', 'Error', 'Uint8Array', 'ArrayBuffer',
  'queueMicrotask', 'FinalizationRegistry', 'Object', 'Reflect', 'JSON', 'Math', 'Number'];
for (let i = 0; i < globals.length; i++) globalThis[globals[i]] = replaced;

try {
  websocketfactory.create({ url: 1 });
} catch (error) {
  print('refused');
}
const socket = websocketfactory.create({
  url,
  header: { name: 'value', number: 1 },
  protocols: ['other', 'protocol'],
});
socket.onOpen = () => {
  print('open', socket.protocol, socket.responseHeaders.upgrade);
  socket.send({ data: 'text', success: () => print('sent') });
  socket.send({ data: bytes });
  socket.send({ data: 1, fail: () => print('failed') });
};
let count = 0;
socket.onMessage = (event) => {
  count += 1;
  print('message', typeof event.data);
  if (count === 2) {
    later((word) => print(word), 1, 'later');
    let times = 0;
    const interval = every(() => {
      times += 1;
      if (times < 2) return;
      stop(interval);
      print('interval');
      socket.close({ code: 1000, reason: 'done', success: () => print('closed') });
    }, 5);
  }
};
socket.onClose = (event) => print('close', event.reason, event.wasClean);
//= refused
//= open protocol websocket
//= failed
//= sent
//= message string
//= message object
//= later
//= interval
//= closed
//= close done true

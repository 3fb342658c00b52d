// An ArrayBuffer, and views of one, by offset and length; and what is none of them.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
const buffer = Uint8Array.from({ length: 16 }, (_, i) => i).buffer;
const changed = buffer.slice(0);
socket.send({ data: changed });
// It was copied.
new Uint8Array(changed).fill(99);
socket.send({ data: new ArrayBuffer(0) });
socket.send({ data: new Uint8Array(buffer) });
socket.send({ data: new DataView(buffer, 4, 8) });
socket.send({ data: new Uint8Array(buffer, 2, 3) });
socket.send({ data: new Uint8Array(buffer).subarray(15) });
for (const View of [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  Float32Array, Float64Array, BigInt64Array, BigUint64Array,
]) {
  socket.send({ data: new View(buffer, 8, 8 / View.BYTES_PER_ELEMENT) });
}
const gone = buffer.slice(0);
const view = new Uint8Array(gone);
gone.transfer();
const thrower = { get data() { return undefined; } };
for (const data of [gone, view, undefined, null, 1, true, {}, [], [1, 2], () => {}, new Date(0)]) {
  equal(await outcome(socket, 'send', { data }), 202);
  socket.send({ data });
}
equal(await outcome(socket, 'send', thrower), 202);
// Lone surrogates have no UTF-8 form.
equal(await outcome(socket, 'send', { data: 'a\ud800b\udc00👋\0' }), undefined);
socket.close();
equal((await next(socket, 'onClose')).wasClean, true);
console.log('done');
//= done

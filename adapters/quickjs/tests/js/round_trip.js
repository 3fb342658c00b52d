// Exact, whatever it is: empty, beyond the basic plane, 16 MiB.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');

async function echo(data) {
  const sent = outcome(socket, 'send', { data });
  const came = (await next(socket, 'onMessage')).data;
  equal(await sent, undefined);
  return came;
}

const LEN_MAX = 16 * 1024 * 1024;
for (const text of [
  '',
  'x',
  '\0',
  'a\0b',
  'grüße',
  '\u0080\u07ff\u0800\uffff',
  '👋🌍',
  '\ud800\udc00\udbff\udfff',
  'x'.repeat(125),
  'x'.repeat(126),
  'x'.repeat(65535),
  'x'.repeat(65536),
  'x'.repeat(LEN_MAX),
  '👋'.repeat(LEN_MAX / 4),
]) {
  const came = await echo(text);
  equal([typeof came, came.length, came === text], ['string', text.length, true]);
}
for (const len of [0, 1, 2, 3, 125, 126, 65535, 65536, LEN_MAX]) {
  const bytes = new Uint8Array(len);
  for (let i = 0; i < len; i += 1 + (len >> 12)) bytes[i] = i * 31 + 255;
  const came = await echo(bytes.buffer);
  equal([came instanceof ArrayBuffer, came.byteLength], [true, len]);
  // Whole, and quickly.
  equal(new Uint8Array(came).toBase64() === bytes.toBase64(), true);
}
socket.close();
equal((await next(socket, 'onClose')).wasClean, true);
console.log('done');
//= done

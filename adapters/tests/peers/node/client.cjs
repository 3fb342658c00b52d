// A client that has an echo server echo what it sends, and prints how its connections closed.
// With --deflate it insists on compression.
'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const { WebSocket } = require('ws');

const compresses = process.argv.includes('--deflate');

async function open(url) {
  const perMessageDeflate = compresses && { threshold: 0 };
  const socket = new WebSocket(url, ['other', 'echo'], { perMessageDeflate });
  await once(socket, 'open');
  assert.strictEqual(socket.extensions, compresses ? 'permessage-deflate' : '');
  return socket;
}

async function received(socket) {
  const [data, isBinary] = await once(socket, 'message');
  return isBinary ? data : data.toString();
}

async function closed(socket) {
  const [code, reason] = await once(socket, 'close');
  console.log(`${code} ${reason}`);
}

async function main(url) {
  let socket = await open(url);
  assert.strictEqual(socket.protocol, 'echo');
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const samples = [
    '', 'Hello', 'κόσμε 🌍', Buffer.alloc(0), bytes, 'x'.repeat(70_000), Buffer.alloc(1 << 21, 'y'),
  ];
  for (const sent of samples) {
    socket.send(sent);
    assert.deepStrictEqual(await received(socket), sent);
  }
  // A ping between fragments.
  socket.send('frag', { fin: false });
  socket.send('', { fin: false });
  const pong = once(socket, 'pong');
  socket.ping('are you there');
  const [payload] = await pong;
  assert.strictEqual(payload.toString(), 'are you there');
  socket.send('ments', { fin: true });
  assert.strictEqual(await received(socket), 'fragments');
  socket.close(4321, 'that is all');
  await closed(socket);

  socket = await open(url);
  socket.send('please close');
  await closed(socket);
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});

// An echo server on a loopback port of the system's choice, which it prints. With --deflate it
// insists on compression.
'use strict';

const assert = require('node:assert');
const { WebSocketServer } = require('ws');

const compresses = process.argv.includes('--deflate');
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: compresses && { threshold: 0 },
  handleProtocols: (offered) => (offered.has('echo') ? 'echo' : false),
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', (socket) => {
  assert.strictEqual(socket.extensions, compresses ? 'permessage-deflate' : '');
  socket.on('message', (data, isBinary) => {
    if (!isBinary && data.toString() === 'please close') {
      socket.close(3999, 'going');
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
});

// Until the test closes our standard input.
process.stdin.resume().on('end', () => process.exit());

// An echo server on a loopback port of the system's choice, which it prints, or behind the Unix
// socket that `--unix PATH` names. With --deflate it insists on compression.
'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { WebSocketServer } = require('ws');

const compresses = process.argv.includes('--deflate');
const unix = process.argv.indexOf('--unix');
const where = unix < 0 ? { host: '127.0.0.1', port: 0 } : { path: process.argv[unix + 1] };
const behind = http.createServer().listen(where);
const server = new WebSocketServer({
  server: behind,
  perMessageDeflate: compresses && { threshold: 0 },
  handleProtocols: (offered) => (offered.has('echo') ? 'echo' : false),
});
server.on('listening', () => console.log(behind.address().port ?? where.path));
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

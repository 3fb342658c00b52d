// An echo server on a loopback port of the system's choice, which it prints.
'use strict';

const { WebSocketServer } = require('ws');

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has('echo') ? 'echo' : false),
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', (socket) => {
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

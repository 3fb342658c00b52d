// Sends each message back, by Bun (uWebSockets): echo.js [--tls CHAIN KEY] [--deflate].
const args = process.argv.slice(2);
const tls = args.indexOf("--tls");
const deflate = args.includes("--deflate");
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  tls: tls < 0 ? undefined : { cert: Bun.file(args[tls + 1]), key: Bun.file(args[tls + 2]) },
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("", { status: 400 });
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: deflate,
    message(socket, message) {
      socket.send(message, deflate);
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);

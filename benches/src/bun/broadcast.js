// Sends each message that comes to everyone who is connected, by Bun's publish (uWebSockets).
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("", { status: 400 });
  },
  websocket: {
    idleTimeout: 0,
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe("all");
    },
    message(_, message) {
      server.publish("all", message);
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);

// 100,000 messages, some on their way at any time; every tenth is a buffer.
import websocketfactory from '@blueos.network.webSocket';
import { next, sleep, url } from './lib.js';

const [EARLY, ALL, WINDOW] = [10000, 100000, 16];
const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
let [sent, came, succeeded] = [0, 0, 0];
function send() {
  if (sent === ALL) return;
  const text = `message ${sent}`;
  const data = sent % 10 === 0 ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : text;
  sent += 1;
  socket.send({ data, success: () => (succeeded += 1), fail: (data) => console.log(data) });
}
await new Promise((done) => {
  socket.onMessage = async ({ data }) => {
    const text = typeof data === 'string' ? data : String.fromCharCode(...new Uint8Array(data));
    if (text !== `message ${came}`) throw new Error(`${text} came for ${came}`);
    came += 1;
    if (came === EARLY) {
      console.log('mark', came);
      await sleep(500);
    }
    if (came === ALL) done();
    send();
  };
  for (let i = 0; i < WINDOW; i++) send();
});
console.log('mark', came, succeeded);
await sleep(500);
socket.close();
//= mark 10000
//= mark 100000 100000

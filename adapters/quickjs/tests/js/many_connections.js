// 10,000 connections, which end in one of several ways.
import websocketfactory from '@blueos.network.webSocket';
import { next, outcome, sleep, url } from './lib.js';

const [EARLY, ALL] = [1000, 10000];

const ways = [
  // In order.
  async () => {
    const socket = websocketfactory.create({ url });
    socket.onOpen = () => socket.send({ data: 'x' });
    socket.onMessage = () => socket.close({ code: 1000 });
    socket.onError = ({ data }) => console.log(data);
    await new Promise((done) => (socket.onClose = done));
  },
  // While connecting.
  async () => {
    const socket = websocketfactory.create({ url });
    socket.onOpen = () => console.log(socket);
    const told = outcome(socket, 'close', {});
    await next(socket, 'onClose');
    await told;
  },
  // Without anybody who would listen to the end.
  async () => {
    const socket = websocketfactory.create({ url });
    socket.onOpen = () => {};
    socket.close();
    await null;
  },
  // Without a word.
  async () => void websocketfactory.create({ url, protocols: ['protocol'] }),
];

for (let round = 0; round < ALL; round++) {
  await ways[round % ways.length]();
  if (round === EARLY) {
    await sleep(500);
    console.log('mark');
    await sleep(500);
  }
}
await sleep(500);
console.log('mark');
await sleep(500);
//= mark
//= mark

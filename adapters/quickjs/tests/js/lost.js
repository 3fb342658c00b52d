// An object without callbacks that the script has lost takes its connection with it.
import websocketfactory from '@blueos.network.webSocket';
import { collect, sleep, until, url } from './lib.js';

async function open() {
  const socket = websocketfactory.create({ url });
  // A callback that was cleared does not hold it, nor does a cycle of its own.
  socket.onMessage = () => console.log(socket);
  socket.onMessage = null;
  socket.self = socket;
  await until(() => socket.readyState === 1);
}
async function connect() {
  const socket = websocketfactory.create({ url });
  await sleep(100);
  return socket.readyState;
}
await open();
collect();
console.log(await connect());
//= 0

// Messages wait until somebody wants them; past a bound, so does the peer.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, sleep, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
await sleep(1500);
socket.send({ data: 'nothing was taken yet' });
let messages = 0;
await new Promise((done) => {
  socket.onMessage = ({ data }) => {
    equal(data.byteLength, 1024 * 1024);
    messages += 1;
    if (messages === 100) done();
  };
});
socket.close();
console.log(await next(socket, 'onClose'));
//= {"code":1000,"reason":"","wasClean":true}

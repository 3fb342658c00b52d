// What the peer does not take waits, up to a bound; its end fails what waits.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
const data = new ArrayBuffer(12 * 1024 * 1024);
const sends = [1, 2, 3].map(() => outcome(socket, 'send', { data }));
equal(socket.bufferedAmount >= 2 * data.byteLength, true);
equal(socket.bufferedAmount < 3 * data.byteLength, true);
equal(await sends[2], 205);
equal(socket.readyState, 1);
// The peer takes this as the sign to go away.
const sign = websocketfactory.create({ url });
await next(sign, 'onOpen');
equal(await sends[1], 300);
equal((await next(socket, 'onClose')).code, 1006);
console.log('done');
//= done

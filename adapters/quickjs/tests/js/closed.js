// After the end, and before the opening.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url });
// Nothing is queued behind the user's back.
equal(await outcome(socket, 'send', { data: 'too early' }), 200);
await next(socket, 'onOpen');
socket.send({ data: 'first' });
equal((await next(socket, 'onMessage')).data, 'first');
equal(await outcome(socket, 'close', {}), undefined);
equal((await next(socket, 'onClose')).code, 1000);
equal(await outcome(socket, 'send', { data: 'too late' }), 200);
equal(await outcome(socket, 'close', {}), 200);
console.log('done');
//= done

// What an object has beyond the page.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url: `${url}/chat?room=1`, protocols: ['v2', 'v1'] });
equal([socket.readyState, socket.url], [0, `${url}/chat?room=1`]);
equal([socket.protocol, socket.extensions, socket.bufferedAmount], ['', '', 0]);
equal(socket.responseHeaders, null);
await next(socket, 'onOpen');
equal([socket.readyState, socket.protocol, socket.extensions], [1, 'v2', '']);
equal(socket.responseHeaders['x-served-by'], 'peer');
equal(socket.responseHeaders.upgrade, 'websocket');
equal(String(socket), '[object WebSocket]');
const closed = outcome(socket, 'close', { code: 1000 });
equal(socket.readyState, 2);
equal(await closed, undefined);
equal(await next(socket, 'onClose'), { code: 1000, reason: '', wasClean: true });
equal([socket.readyState, socket.bufferedAmount], [3, 0]);
console.log('done');
//= done

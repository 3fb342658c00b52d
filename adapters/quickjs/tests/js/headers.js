// Response headers whose names an object would have by itself.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
const headers = socket.responseHeaders;
equal(Object.getPrototypeOf(headers), null);
equal(headers.constructor, 'one, four');
equal(headers.__proto__, 'two');
equal(headers.tostring, 'three');
equal(headers.toString, undefined);
equal(Object.hasOwn(headers, '__proto__'), true);
equal(headers['x-served-by'], 'peer');
socket.close();
equal((await next(socket, 'onClose')).code, 1000);
console.log('done');
//= done

// `fail` when the closing handshake does not complete.
import websocketfactory from '@blueos.network.webSocket';
import { args, equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
equal(String(await outcome(socket, 'close', { code: 1000 })), args[0]);
equal(await next(socket, 'onClose'), { code: 1006, reason: '', wasClean: false });
console.log('done');
//= done

// With the host's leave, a script reaches a server behind a Unix socket.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, url } from './lib.js';

const socket = websocketfactory.create({ url });
equal((await next(socket, 'onClose')).code, 1006);
console.log('done');
//= done

// 1000 to 1003, 1007 to 1014, 3000 to 4999.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999];
for (const code of codes) {
  const socket = websocketfactory.create({ url });
  await next(socket, 'onOpen');
  equal(await outcome(socket, 'close', { code, reason: 'lone \ud83d' }), undefined);
  equal(await next(socket, 'onClose'), { code, reason: 'lone \ufffd', wasClean: true });
}
console.log('done');
//= done

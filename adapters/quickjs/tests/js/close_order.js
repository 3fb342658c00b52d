// What was sent before a close goes out first; a second close fails, and so does a send.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
const outcomes = [];
for (let number = 0; number < 100; number++) {
  outcomes.push(outcome(socket, 'send', { data: String(number) }));
}
outcomes.push(outcome(socket, 'close', { code: 3001 }));
outcomes.push(outcome(socket, 'close', { code: 3002 }));
outcomes.push(outcome(socket, 'send', { data: 'too late' }));
equal(socket.readyState, 2);
const told = await Promise.all(outcomes.map((it) => it.then((code) => code ?? 0)));
equal(told, [...Array(101).fill(0), 205, 200]);
equal(await next(socket, 'onClose'), { code: 3001, reason: '', wasClean: true });
console.log('done');
//= done

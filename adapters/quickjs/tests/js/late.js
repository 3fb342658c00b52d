// A callback that is set after its event still gets it.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, sleep, until, url } from './lib.js';

const socket = websocketfactory.create({ url });
await until(() => socket.readyState === 1);
await sleep(50);
// Open, and messages of both types.
equal(await next(socket, 'onopen'), undefined);
equal((await next(socket, 'onmessage')).data, 'one');
equal(Array.from(new Uint8Array((await next(socket, 'onmessage')).data)), [116, 119, 111]);
socket.send({ data: 'go' });
await until(() => socket.readyState === 3);
equal(await next(socket, 'onclose'), { code: 3000, reason: 'bye', wasClean: true });
// Each comes once.
for (const name of ['onOpen', 'onMessage', 'onClose', 'onError']) {
  socket[name] = () => console.log('again', name);
}
await sleep(50);
// Error, then close, of one that never opened.
const failed = websocketfactory.create({ url: 'ws://127.0.0.1:9' });
failed.close();
await until(() => failed.readyState === 3);
await sleep(50);
equal(Object.keys(await next(failed, 'onerror')), ['data']);
equal(await next(failed, 'onclose'), { code: 1006, reason: '', wasClean: false });
console.log('done');
//= done

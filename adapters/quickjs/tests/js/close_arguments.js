// A violation calls `fail`, and leaves the connection open.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, outcome, thrown, url } from './lib.js';

const socket = websocketfactory.create({ url });
await next(socket, 'onOpen');
for (const options of [
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code) => ({ code })),
  ...[-1, 65536, 66536, 1000.5, NaN, Infinity, '1000', true, {}, []].map((code) => ({ code })),
  { code: 1000, reason: 'x'.repeat(124) },
  { code: 1000, reason: 'ü'.repeat(62) },
  { code: 1000, reason: 1 },
  { code: 1000, reason: {} },
  { reason: 'no code' },
]) {
  let inside = true;
  const told = outcome(socket, 'close', options).then((code) => {
    equal(inside, false);
    return code;
  });
  inside = false;
  equal(await told, 202, JSON.stringify(options));
  equal(socket.readyState, 1);
  // Nor without `fail`.
  socket.close(options);
  equal(socket.readyState, 1);
}
for (const call of ['send', 'close']) {
  for (const options of [null, 'text', 1]) {
    equal(thrown(() => socket[call](options)).code, 202);
  }
  for (const name of ['success', 'fail']) {
    const error = thrown(() => socket[call]({ data: '', [name]: 'function' }));
    equal([error instanceof TypeError, error.code], [true, 202]);
  }
}
equal(thrown(() => socket.send()).code, 202);
socket.send({ data: 'still open' });
equal((await next(socket, 'onMessage')).data, 'still open');
equal(await outcome(socket, 'close', { code: 1000, reason: 'x'.repeat(123) }), undefined);
const { code, reason, wasClean } = await next(socket, 'onClose');
equal([code, reason.length, wasClean], [1000, 123, true]);
console.log('done');
//= done

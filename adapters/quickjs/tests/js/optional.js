// `url` alone; `send` without callbacks; `close` without anything.
import websocketfactory from '@system.websocketfactory';
import { equal, next, url } from './lib.js';

for (const rest of [
  {},
  { header: undefined, protocols: undefined },
  { header: null, protocols: null },
  { header: {}, protocols: [] },
  { header: { 'X-Number': 1, 'X-Boolean': true, 'X-Text': 'text' }, protocols: ['other', 'protocol'] },
]) {
  const socket = websocketfactory.create({ url, ...rest });
  equal(await next(socket, 'onopen'), undefined);
  equal(socket.protocol, rest.protocols?.length ? 'protocol' : '');
  equal(socket.send({ data: 'one' }), undefined);
  equal((await next(socket, 'onmessage')).data, 'one');
  socket.send({ data: 'two', success: null, fail: undefined });
  equal((await next(socket, 'onmessage')).data, 'two');
  await new Promise((success) => socket.send({ data: 'three', success }));
  socket.send({ data: 'three', fail: (data) => console.log(data) });
  equal((await next(socket, 'onmessage')).data, 'three');
  equal((await next(socket, 'onmessage')).data, 'three');
  equal(socket.close(), undefined);
  // The default code.
  equal(await next(socket, 'onclose'), { code: 1000, reason: '', wasClean: true });
}
for (const [options, code, reason] of [
  [{}, 1000, ''],
  [{ code: undefined, reason: null, success: null, fail: null }, 1000, ''],
  [{ code: 3000 }, 3000, ''],
  [{ code: 3000, reason: 'reason' }, 3000, 'reason'],
]) {
  const socket = websocketfactory.create({ url });
  await next(socket, 'onOpen');
  socket.close(options);
  equal(await next(socket, 'onClose'), { code, reason, wasClean: true });
}
console.log('done');
//= done

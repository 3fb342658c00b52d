// What `create` refuses at once.
import websocketfactory from '@blueos.network.webSocket';
import { equal, thrown, url } from './lib.js';

const host = url.slice('ws://'.length);
for (const options of [
  undefined,
  null,
  'ws://test',
  {},
  { url: undefined },
  { url: null },
  { url: 1 },
  // Malformed, another scheme, a fragment.
  { url: '' },
  { url: host },
  { url: '//test' },
  { url: 'ws://' },
  { url: `ftp://${host}` },
  { url: `${url}/#fragment` },
  { url: `${url}/#` },
  // Header names and values, `Referer`, and what the handshake owns.
  { url, header: 'header' },
  { url, header: ['header'] },
  { url, header: { '': 'value' } },
  { url, header: { 'a b': 'value' } },
  { url, header: { name: 'a\r\nb' } },
  { url, header: { name: {} } },
  { url, header: { name: null } },
  { url, header: { Referer: url } },
  { url, header: { referer: url } },
  { url, header: { Host: 'host' } },
  { url, header: { Upgrade: 'websocket' } },
  { url, header: { connection: 'close' } },
  { url, header: { 'Sec-WebSocket-Key': 'key' } },
  { url, header: { 'sec-websocket-protocol': 'protocol' } },
  // Empty, malformed or repeated subprotocols.
  { url, protocols: 'protocol' },
  { url, protocols: [1] },
  { url, protocols: [''] },
  { url, protocols: ['a b'] },
  { url, protocols: ['a', 'a'] },
  { url, protocols: ['\ud800'] },
]) {
  const error = thrown(() => websocketfactory.create(options));
  equal([error instanceof TypeError, error.code], [true, 202], JSON.stringify(options));
  equal(error.message.length > 0, true);
}
// Browsers take `http:` for `ws:`, and so does `create`.
websocketfactory.create({ url: `http://127.0.0.1:9` }).close();
// An object is made by the factory alone.
const socket = websocketfactory.create({ url: 'ws://127.0.0.1:9' });
socket.close();
equal(thrown(() => new socket.constructor()) instanceof TypeError, true);
console.log('done');
//= done

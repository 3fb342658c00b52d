// Without the host's leave, no script reaches a Unix socket, however it writes the URL.
import websocketfactory from '@blueos.network.webSocket';
import { equal, thrown, url } from './lib.js';

const path = url.slice('ws+unix://'.length);
for (const refused of [url, `WS+UNIX://${path}`, ` ${url}`, `ws+unix:${path}`, `w\ts+unix:${path}`]) {
  const error = thrown(() => websocketfactory.create({ url: refused, header: { a: 'b' } }));
  equal([error instanceof TypeError, error.code], [true, 202], refused);
}
console.log('done');
//= done

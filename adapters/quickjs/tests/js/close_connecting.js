// Closing while connecting: `fail`, then error, then close with 1006.
import websocketfactory from '@blueos.network.webSocket';
import { url } from './lib.js';

const socket = websocketfactory.create({ url });
socket.onOpen = () => console.log('open');
socket.onError = ({ data }) => console.log('error', data.length > 0);
socket.onClose = (event) => console.log('close', event);
// So that the peer sees it.
setTimeout(() => {
  console.log(socket.readyState);
  socket.close({
    code: 1000,
    success: () => console.log('success'),
    fail: (data, code) => console.log('fail', code),
  });
  console.log(socket.readyState);
}, 100);
//= 0
//= 3
//= fail 200
//= error true
//= close {"code":1006,"reason":"","wasClean":false}

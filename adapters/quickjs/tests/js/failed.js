// An attempt that fails never throws: error, then close.
import websocketfactory from '@blueos.network.webSocket';
import { url } from './lib.js';

// The same with TLS, which nobody speaks there.
const secure = websocketfactory.create({ url: 'wss://127.0.0.1:9' });
secure.onClose = ({ code }) => {
  if (code !== 1006) throw new Error(String(code));
};

const socket = websocketfactory.create({ url });
console.log(socket.readyState);
socket.onOpen = () => console.log('open');
socket.onError = ({ data }) => console.log('error', typeof data, data.length > 0, socket.readyState);
socket.onClose = (event) => console.log('close', event);
//= 0
//= error string true 3
//= close {"code":1006,"reason":"","wasClean":false}

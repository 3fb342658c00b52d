// While a callback is set and may be called, the connection lives.
import websocketfactory from '@blueos.network.webSocket';
import { collect, url } from './lib.js';

function open() {
  const socket = websocketfactory.create({ url });
  socket.onOpen = function () {
    const data = 'collected';
    setTimeout(() => {
      collect();
      this.send({ data });
    }, 1);
  };
  socket.onMessage = ({ data }) => console.log(data);
  socket.onClose = ({ code }) => console.log(code);
}
open();
collect();
//= still there
//= 1000

// An exception in a callback is reported, and the connection goes on.
import websocketfactory from '@blueos.network.webSocket';
import { url } from './lib.js';

const socket = websocketfactory.create({ url });
socket.onOpen = () => {
  console.log('open');
  socket.send({ data: 'one', success: () => { throw new Error('in success'); } });
  socket.close({ code: 1, fail: () => { throw new Error('in fail'); } });
  socket.close({ code: 'code', fail: () => { throw new Error('in argument'); } });
  throw new Error('in open');
};
socket.onMessage = async ({ data }) => {
  console.log(data);
  socket.onMessage = ({ data }) => {
    console.log(data);
    socket.onMessage = ({ data }) => {
      console.log(data);
      socket.close({ success: () => { throw new Error('in success'); } });
    };
    socket.send({ data: 'three' });
    throw new Error('in message');
  };
  socket.send({ data: 'two' });
  throw new Error('in promise');
};
socket.onClose = ({ code, wasClean }) => {
  console.log('close', code, wasClean);
  throw new Error('in close');
};
socket.onError = ({ data }) => console.log('error', data);
//= open
//= one
//= two
//= three
//= close 1000 true

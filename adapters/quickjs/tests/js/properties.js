// Two spellings of one property; read back, replaced, cleared.
import websocketfactory from '@blueos.network.webSocket';
import { equal, next, until, url } from './lib.js';

const socket = websocketfactory.create({ url });
for (const [one, other] of [
  ['onOpen', 'onopen'],
  ['onMessage', 'onmessage'],
  ['onClose', 'onclose'],
  ['onError', 'onerror'],
]) {
  equal([socket[one], socket[other]], [null, null]);
  const [first, second] = [() => {}, () => {}];
  socket[one] = first;
  equal(socket[other] === first, true);
  socket[other] = second;
  equal(socket[one] === second, true);
  for (const nothing of [null, undefined, 1, 'text', {}]) {
    socket[one] = second;
    socket[one] = nothing;
    equal([socket[one], socket[other]], [null, null]);
  }
  equal(one in socket && other in socket, true);
}
socket.onOpen = () => console.log('replaced');
let open = false;
socket.onopen = () => {
  console.log('open');
  open = true;
};
await until(() => open);
socket.onOpen = null;
// From inside itself.
socket.onMessage = ({ data }) => {
  console.log('first', data);
  socket.onMessage = ({ data }) => {
    console.log('second', data);
    socket.onMessage = null;
    setTimeout(() => {
      console.log('later');
      socket.onMessage = ({ data }) => {
        console.log('third', data);
        socket.close();
      };
    }, 50);
  };
};
// What comes while none is set waits.
for (const data of ['one', 'two', 'three']) socket.send({ data });
equal((await next(socket, 'onclose')).wasClean, true);
//= open
//= first one
//= second two
//= later
//= third three

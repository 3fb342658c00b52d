// Open, messages, one error, one close, nothing; and never two callbacks at a time.
import websocketfactory from '@blueos.network.webSocket';
import { equal, sleep, url } from './lib.js';

const socket = websocketfactory.create({ url });
const told = [];
let inside = false;
function note(what) {
  equal(inside, false);
  inside = true;
  told.push(what);
  // What is due is not called inside a call.
  socket.send({ data: 'x', success() {}, fail() { equal(inside, false); } });
  inside = false;
}
await new Promise((done) => {
  socket.onOpen = () => note('open');
  socket.onMessage = ({ data }) => note(data);
  socket.onError = ({ data }) => {
    note('error');
    console.log(typeof data, data.length > 0);
  };
  socket.onClose = (event) => {
    note(event);
    setTimeout(done, 100);
  };
});
const numbers = Array.from({ length: 1000 }, (_, number) => String(number));
equal(told, ['open', ...numbers, 'error', { code: 1006, reason: '', wasClean: false }]);
await sleep(1);
console.log('done');
//= string true
//= done

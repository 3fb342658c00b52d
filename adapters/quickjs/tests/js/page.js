// The examples of the page, in order.
import websocketfactory from '@blueos.network.webSocket';

const [, url] = scriptArgs;
const socket = websocketfactory.create({
  url,
  header: { 'content-type': 'application/json' },
  protocols: ['protocol'],
});
socket.onOpen = function (...args) {
  console.log('open', args.length, this === socket);
  socket.send({
    data: 'send message',
    success: (...args) => console.log('send success', args.length),
    fail: (data, code) => console.log('send fail', data, code),
  });
};
let messages = 0;
socket.onMessage = (...args) => {
  const [event] = args;
  const isText = typeof event.data === 'string';
  console.log('message', args.length, Object.keys(event), isText ? event.data : Array.from(new Uint8Array(event.data)));
  console.log(Object.prototype.toString.call(event.data));
  messages += 1;
  if (messages < 2) return;
  socket.close({
    code: 1000,
    reason: 'close as normal',
    success: (...args) => console.log('close success', args.length),
    fail: (data, code) => console.log('close fail', data, code),
  });
};
socket.onClose = (...args) => console.log('close', args.length, args[0]);
socket.onError = ({ data }) => console.log('error', data);
//= open 0 true
//= send success 0
//= message 1 ["data"] hello
//= [object String]
//= message 1 ["data"] [1,2,3]
//= [object ArrayBuffer]
//= close success 0
//= close 1 {"code":1000,"reason":"","wasClean":true}

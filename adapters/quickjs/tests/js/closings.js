// What `onClose` is called with.
import websocketfactory from '@blueos.network.webSocket';
import { next, url } from './lib.js';

for (let i = 0; i < 5; i++) {
  console.log(await next(websocketfactory.create({ url }), 'onClose'));
}
//= {"code":1000,"reason":"","wasClean":true}
//= {"code":1001,"reason":"going away","wasClean":true}
//= {"code":4999,"reason":"grüße 👋","wasClean":true}
//= {"code":1005,"reason":"","wasClean":true}
//= {"code":1006,"reason":"","wasClean":false}

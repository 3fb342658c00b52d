// What a script finds beside the module.
import { equal, thrown } from './lib.js';

console.log('text', 1, true, null, undefined, [1, 'a'], { a: { b: 1 } });
console.info(new ArrayBuffer(3), new Uint8Array(2), new DataView(new ArrayBuffer(4)));
console.debug(10n, Symbol('s'), function named() {});
console.log();
const circle = {};
circle.self = circle;
console.log(circle);
console.warn('warn');
console.error('error', 1);
equal(scriptArgs[1], 'argument');

const order = [];
setTimeout((...args) => order.push(args), 30, 'a', 'b');
setTimeout(() => order.push('first'), 1);
setTimeout(() => order.push('second'));
const cleared = setTimeout(() => order.push('never'), 2);
clearTimeout(cleared);
clearTimeout(cleared);
clearTimeout(undefined);
let times = 0;
await new Promise((done) => {
  const interval = setInterval(() => {
    times += 1;
    if (times < 3) return;
    clearInterval(interval);
    done();
  }, 5);
});
await new Promise((done) => setTimeout(done, 60));
equal([times, order.slice(0, 2), order[2]], [3, ['first', 'second'], ['a', 'b']]);
equal(thrown(() => setTimeout('code', 1)) instanceof TypeError, true);
await null;
queueMicrotask(() => console.log('job'));
//= text 1 true null undefined [1,"a"] {"a":{"b":1}}
//= ArrayBuffer(3) Uint8Array(2 bytes) DataView(4 bytes)
//= 10 Symbol(s) [function named]
//= 
//= [object Object]
//= job

// An end that nobody wants to hear of, and a message that nobody took, keep nothing running.
import websocketfactory from '@blueos.network.webSocket';
import { url } from './lib.js';

const socket = websocketfactory.create({ url });
socket.onOpen = () => console.log('open');
globalThis.kept = socket;
//= open

// Both names, and both ways to get the module.
import imported from '@blueos.network.webSocket';
import alliance from '@system.websocketfactory';
import { equal, thrown } from './lib.js';

const websocketfactory = require('@blueos.network.webSocket');
equal(imported === websocketfactory, true);
equal(alliance === websocketfactory, true);
equal(require('@system.websocketfactory') === websocketfactory, true);
equal((await import('@blueos.network.webSocket')).default === websocketfactory, true);
equal(typeof websocketfactory.create, 'function');
console.log(thrown(() => require('@system.storage')).message);
const missing = await import('@system.storage').catch((error) => error);
console.log(missing instanceof Error);
//= there is no module @system.storage
//= true

// What the scripts share.

export const [, url, ...args] = scriptArgs;

/// Throws unless both are the same in JSON.
export function equal(actual, expected, what = '') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what} expected ${b}, got ${a}`);
}

/// What a call throws.
export function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/// Waits until a property has a function's next call: its argument.
export function next(socket, name) {
  return new Promise((resolve) => {
    socket[name] = (event) => {
      socket[name] = null;
      resolve(event);
    };
  });
}

/// What a send or close comes to: nothing, or the code of its failure.
export function outcome(socket, call, options) {
  return new Promise((resolve) => {
    let told = false;
    const tell = (code) => {
      if (told) throw new Error('told twice');
      told = true;
      resolve(code);
    };
    socket[call]({
      ...options,
      success: () => tell(undefined),
      fail: (data, code) => {
        if (typeof data !== 'string' || data === '') throw new Error('a failure without a sentence');
        tell(code);
      },
    });
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/// Waits for what nobody tells.
export async function until(condition) {
  for (let i = 0; i < 60000; i++) {
    if (condition()) return;
    await sleep(1);
  }
  throw new Error('waited for too long');
}

/// Makes so much garbage that it is collected, cycles too.
export function collect() {
  for (let i = 0; i < 200000; i++) {
    const circle = {};
    circle.self = circle;
  }
}

/** What tests written for Node take from it, for those that run in the page. */
const waiting: (() => void)[] = [];
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => waiting.shift()?.();

/** A macrotask without the delay that browsers give timers. */
Object.assign(globalThis, {
  setImmediate: (task: () => void): void => {
    waiting.push(task);
    port2.postMessage(undefined);
  },
});

/** The page of {@link ./frames.ts}: the time from frame to frame, and streams that run through guests meanwhile. */
import { createHost, type Host } from "../../host/browser/index.ts";

type Bytes = Uint8Array<ArrayBuffer>;
interface Guest {
  exports: { shout(text: Iterable<Bytes>): Promise<AsyncIterable<Bytes>> };
}

/** What the bench calls. */
export interface FramesPage {
  /** Milliseconds between one frame and the next. */
  frames(count: number): Promise<number[]>;
  /** Has streams run as fast as they go. @param component of the module shout, in base64 */
  start(component: string, modules: number, streams: number): Promise<void>;
  /** @returns bytes that have come out in a second */
  stop(): Promise<number>;
  /** Has the page's thread do something in tasks of that many milliseconds, one after the other. */
  spin(ms: number): void;
  rest(): void;
}

const CHUNK = 65_536;

const { port1, port2 } = new MessageChannel();

let host: Host | undefined;
let running: Promise<void>[] = [];
let isOver = false;
let bytes = 0;
let began = 0;

function* endless(): Generator<Bytes> {
  const chunk = new TextEncoder().encode("it holds without glue, and comes apart clean ".repeat(CHUNK / 45)) as Bytes;
  while (!isOver) yield chunk;
}

async function run(module: Guest): Promise<void> {
  for await (const chunk of await module.exports.shout(endless())) bytes += chunk.length;
}

const page: FramesPage = {
  async frames(count) {
    // The time that a callback is given is that at which its frame was due: here it counts when it ran.
    const next = (): Promise<number> =>
      new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now())));
    const intervals: number[] = [];
    for (let before = await next(); intervals.length < count;) {
      const now = await next();
      intervals.push(now - before);
      before = now;
    }
    return intervals;
  },
  async start(component, modules, streams) {
    host = createHost();
    isOver = false;
    bytes = 0;
    const source = Uint8Array.from(atob(component), (character) => character.charCodeAt(0));
    const names = Array.from({ length: modules }, (_, i) => `shout-${i}`);
    const loaded = await Promise.all(names.map((name) => host!.load<Guest & { imports: {} }>(source, { name })));
    began = performance.now();
    running = Array.from({ length: streams }, (_, i) => run(loaded[i % modules]!));
  },
  async stop() {
    const rate = bytes / ((performance.now() - began) / 1000);
    isOver = true;
    await Promise.all(running);
    await host!.close();
    return rate;
  },
  spin(ms) {
    port1.onmessage = () => {
      const until = performance.now() + ms;
      while (performance.now() < until);
      port2.postMessage(undefined);
    };
    port2.postMessage(undefined);
  },
  rest() {
    port1.onmessage = null;
  },
};

Object.assign(globalThis, { page });

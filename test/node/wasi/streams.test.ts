/** `wasi:io` on plain sources and sinks: what the WIT says of each function, and of what a guest may not do. */
import { describe, expect, test } from "vitest";
import { clocksOf } from "../../../host/wasi/clocks/clocks.ts";
import { IoError } from "../../../host/wasi/io/error.ts";
import { Pollable, pollFaces } from "../../../host/wasi/io/poll.ts";
import { CLOSED, InputStream, OutputStream, type Sink, type Source } from "../../../host/wasi/io/streams.ts";
import { Waiting } from "../../../host/wasi/waiting.ts";
import type { Face, WasiState } from "../../../host/wasi/state.ts";

const clocks = clocksOf({ monotonic: 0n }, () => 0n);
const stuck = new Waiting("m", false, clocks, undefined);
const patient = new Waiting("m", true, clocks, undefined);

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** What a function of WASI ended with: its payload, or the trap's message. */
function ended(run: () => unknown): unknown {
  try {
    return ["returned", run()];
  } catch (error) {
    return told(error);
  }
}

function told(error: unknown): unknown {
  if (error instanceof Error) return error.message;
  const { payload } = error as { payload: { tag: string; val?: IoError } };
  return payload.val === undefined ? payload.tag : [payload.tag, payload.val.toDebugString()];
}

/** A source that gives one thing after the other: bytes, promises of bytes, errors. */
function sourceOf(...steps: unknown[]): Source & { closed: number } {
  return {
    closed: 0,
    read() {
      const step = steps.shift();
      if (step instanceof Error || step === CLOSED) throw step;
      return step as never;
    },
    close() {
      this.closed++;
    },
  };
}

describe("an input stream", () => {
  test("gives no more than was asked for, and keeps the rest of what came", async () => {
    const stream = new InputStream(patient, sourceOf(Promise.resolve(bytes(1, 2, 3, 4, 5))));
    expect(stream.read(2n)).toEqual(bytes());
    expect(await stream.blockingRead(2n)).toEqual(bytes(1, 2));
    expect(stream.skip(1n)).toBe(1n);
    expect(stream.read(2n ** 64n - 1n)).toEqual(bytes(4, 5));
    expect(ended(() => stream.read(1n))).toBe("closed");
    expect(ended(() => stream.read(0n))).toBe("closed");
    expect(ended(() => stream.blockingRead(1n))).toBe("closed");
  });

  test("tells once what its source threw, as an error that can be read, and is closed from then on", async () => {
    for (const step of [new TypeError("no disk"), Promise.reject(new TypeError("no disk"))]) {
      const stream = new InputStream(patient, sourceOf(bytes(1), step));
      expect(stream.read(5n)).toEqual(bytes(1));
      const found = await (async () => stream.blockingRead(5n))().catch(told);
      expect(found).toEqual(["last-operation-failed", "TypeError: no disk"]);
      expect(ended(() => stream.read(5n))).toBe("closed");
      expect(ended(() => stream.skip(5n))).toBe("closed");
    }
    expect(ended(() => new InputStream(patient, sourceOf(CLOSED)).read(1n))).toBe("closed");
  });

  test("does not ask a source again that gives neither bytes nor a promise of some", () => {
    const stream = new InputStream(stuck, { read: () => bytes() });
    expect(ended(() => stream.blockingRead(1n))).toEqual([
      "last-operation-failed",
      "UsageError: The source gave no bytes, and no promise of some",
    ]);
  });

  test("is closed with its resource, and its source with it", () => {
    const source = sourceOf(bytes(1));
    const stream = new InputStream(stuck, source);
    stream[Symbol.dispose]();
    expect(source.closed).toBe(1);
    expect(ended(() => stream.read(1n))).toBe("closed");
  });

  test("says what to turn on where the guest would have to wait and cannot", () => {
    const stream = new InputStream(stuck, sourceOf(new Promise(() => undefined)));
    expect(ended(() => stream.blockingRead(1n))).toMatch(
      /^Module m would have to wait in wasi:io\/streams#\[method\]input-stream.blocking-read, .* jspi: true or with isolation: "worker"$/,
    );
    expect(stream.read(1n)).toEqual(bytes());
  });
});

/** A sink that keeps what it is given. */
function kept(sink: Partial<Sink> = {}): Sink & { readonly got: number[] } {
  const got: number[] = [];
  return { got, write: (chunk) => void got.push(...chunk), ...sink };
}

describe("an output stream", () => {
  test("takes what check-write has permitted, and traps for a byte more", () => {
    const sink = kept({ permit: 4 });
    const stream = new OutputStream(stuck, sink);
    expect(ended(() => stream.write(bytes(1)))).toBe(
      "Expected a write of at most the 0 bytes that check-write has permitted, got 1",
    );
    expect(stream.checkWrite()).toBe(4n);
    stream.write(bytes(1, 2, 3));
    expect(ended(() => stream.write(bytes(4, 5)))).toMatch(/the 1 bytes that check-write has permitted, got 2$/);
    stream.write(bytes(4));
    expect(stream.checkWrite()).toBe(4n);
    stream.writeZeroes(2n);
    expect(ended(() => stream.writeZeroes(2n ** 63n))).toMatch(/the 2 bytes that check-write has permitted/);
    expect(sink.got).toEqual([1, 2, 3, 4, 0, 0]);
  });

  test("permits nothing while its sink has not taken what was written, and a guest that can wait may wait for it", async () => {
    let take!: () => void;
    const sink = kept({ write: () => new Promise<void>((resolve) => (take = resolve)) });
    const stream = new OutputStream(patient, sink);
    stream.checkWrite();
    stream.write(bytes(1));
    expect(stream.checkWrite()).toBe(0n);
    expect(stream.subscribe().ready()).toBe(false);
    const flushed = stream.blockingFlush();
    take();
    await flushed;
    expect(stream.checkWrite()).toBeGreaterThan(0n);
  });

  test("flushes what it writes at once, of which 4,096 bytes are the most", async () => {
    let flushes = 0;
    const sink = kept({ flush: async () => void flushes++ });
    const stream = new OutputStream(patient, sink);
    await stream.blockingWriteAndFlush(bytes(1, 2));
    await stream.blockingWriteZeroesAndFlush(2n);
    expect([sink.got, flushes]).toEqual([[1, 2, 0, 0], 2]);
    for (const run of [
      () => stream.blockingWriteAndFlush(new Uint8Array(4097)),
      () => stream.blockingWriteZeroesAndFlush(4097n),
    ])
      expect(ended(run)).toMatch(/^Expected at most 4096 bytes for output-stream.blocking-write/);
  });

  test("tells once what its sink threw, and is closed from then on", async () => {
    const full = new Error("full");
    for (const write of [
      () => {
        throw full;
      },
      () => Promise.reject(full),
    ]) {
      const stream = new OutputStream(patient, { write });
      const found = await (async () => stream.blockingWriteAndFlush(bytes(1)))().catch(told);
      expect(found).toEqual(["last-operation-failed", "Error: full"]);
      expect(ended(() => stream.checkWrite())).toBe("closed");
      expect(ended(() => stream.flush())).toBe("closed");
    }
  });

  test("splices what an input has, and no more than it may write", async () => {
    const sink = kept({ permit: 2 });
    const stream = new OutputStream(patient, sink);
    const input = new InputStream(patient, sourceOf(bytes(1, 2, 3), Promise.resolve(bytes(4))));
    expect([stream.splice(input, 9n), stream.splice(input, 1n), stream.splice(input, 9n)]).toEqual([2n, 1n, 0n]);
    expect(await stream.blockingSplice(input, 9n)).toBe(1n);
    expect(sink.got).toEqual([1, 2, 3, 4]);
    expect(ended(() => stream.splice(input, 1n))).toBe("closed");
  });
});

describe("poll", () => {
  const { poll } = (pollFaces["wasi:io/poll"] as Face)({ waiting: patient } as WasiState, undefined as never) as {
    poll(list: readonly Pollable[]): unknown;
  };

  test("traps for an empty list", () => {
    expect(ended(() => poll([]))).toBe("Expected at least one pollable to poll, got none");
  });

  test("gives the places of those that are ready, and leaves nothing with those that are not", async () => {
    const waiting = new Set<() => void>();
    const never = new Pollable(patient, {
      ready: () => false,
      notify: (wake) => {
        waiting.add(wake);
        return () => void waiting.delete(wake);
      },
    });
    const input = new InputStream(patient, sourceOf(new Promise((resolve) => setTimeout(() => resolve(bytes(1)), 1))));
    expect(await poll([never, input.subscribe(), never])).toEqual([1]);
    expect(waiting.size).toBe(0);
    expect(poll([input.subscribe(), never])).toEqual([0]);
  });

  test("puts given clocks forward instead of waiting", () => {
    const at = (deadline: bigint): Pollable =>
      new Pollable(patient, { deadline, ready: () => clocks.monotonic() >= deadline });
    expect(poll([at(50_000_000_000n), at(20_000_000_000n)])).toEqual([1]);
    expect([clocks.monotonic(), clocks.wall()]).toEqual([20_000_000_000n, 20_000]);
  });
});

/** `wasi:cli`, `wasi:clocks` and `wasi:random` 0.3, called as a component's text calls them. */
import { describe, expect, test } from "vitest";
import { ExitError } from "../../../../host/node/wasi.ts";
import { all, bytes, guestOf, OK, outcome, read, streamOf, text, type Guest } from "./support.ts";

const CLI = ["environment", "exit", "stdin", "stdout", "stderr", "terminal-stdout"].map((name) => `cli/${name}`);

describe("wasi:cli/environment", () => {
  test("tells what was given, and its events have the names of 0.3", async () => {
    const guest = await guestOf(CLI, { args: ["a"], env: { A: "1" }, cwd: "/w" });
    const environment = guest("cli/environment");
    expect(environment["getEnvironment"]()).toEqual([["A", "1"]]);
    expect([environment["getArguments"](), environment["getInitialCwd"]()]).toEqual([["a"], "/w"]);
    expect(guest.events.map(({ action, granted }) => [action, granted])).toEqual([
      ["get-environment", true],
      ["get-arguments", true],
      ["get-initial-cwd", true],
    ]);
  });

  test("is empty where nothing was given, and asking is a refusal", async () => {
    const guest = await guestOf(CLI);
    expect(guest("cli/environment")["getInitialCwd"]()).toBeUndefined();
    expect(guest.events).toMatchObject([{ interface: "wasi:cli/environment", granted: false }]);
  });
});

describe("wasi:cli/exit", () => {
  test("ends the guest with its code", async () => {
    const exit = (await guestOf(CLI))("cli/exit");
    expect(() => exit["exitWithCode"](7)).toThrow(ExitError);
    expect(() => exit["exit"]({ tag: "err" })).toThrow(expect.objectContaining({ exitCode: 1 }));
  });
});

describe("wasi:cli/stdin", () => {
  async function stdinOf(stdin: unknown): Promise<[AsyncIterableIterator<Uint8Array>, Promise<unknown>, Guest]> {
    const guest = await guestOf(CLI, { stdin: stdin as string });
    return [...guest("cli/stdin")["readViaStream"](), guest] as never;
  }

  test("is a stream of what was given, and a future that says it has ended", async () => {
    const later = (async function* () {
      yield "one ";
      await new Promise((resolve) => void setTimeout(resolve, 1));
      yield bytes("two");
    })();
    for (const given of ["one two", bytes("one two"), ["one ", "two"], later, new Blob(["one two"]).stream()]) {
      const [stream, ended] = await stdinOf(given);
      expect(await read(stream)).toBe("one two");
      expect(await ended).toEqual(OK);
    }
  });

  test("is at its end where nothing was given, which is a refusal", async () => {
    const [stream, ended, guest] = await stdinOf(undefined);
    expect(await all(stream)).toEqual([]);
    expect(await ended).toEqual(OK);
    expect(guest.events).toEqual([
      { module: "guest", interface: "wasi:cli/stdin", action: "read-via-stream", granted: false },
    ]);
  });

  test("ends with an error code when its source fails", async () => {
    const [stream, ended] = await stdinOf(
      (function* () {
        yield "a";
        throw new Error("no disk");
      })(),
    );
    expect(await read(stream)).toBe("a");
    expect(await ended).toEqual({ tag: "err", val: "io" });
  });

  test("that is dropped while it waits resolves its future, and the next stream reads on", async () => {
    let give!: (chunk: string) => void;
    const source = (async function* () {
      yield await new Promise<string>((resolve) => (give = resolve));
    })();
    const [stream, ended, guest] = await stdinOf(source);
    const first = stream.next();
    await stream.return!();
    expect(await ended).toEqual(OK);
    give("late");
    expect(await first).toEqual({ done: true, value: undefined });
    const [second] = guest("cli/stdin")["readViaStream"]();
    expect(await read(second)).toBe("late");
  });
});

describe("wasi:cli/stdout", () => {
  test("takes a stream to its end, and its future then resolves; two streams do not mix within a chunk", async () => {
    const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
    const guest = await guestOf(CLI, { stdout: out, stderr: err });
    const [one, two] = ["one", "two"].map((word) =>
      guest("cli/stdout")["writeViaStream"](streamOf(bytes(word), bytes(`${word}\n`))),
    );
    expect(await guest("cli/stderr")["writeViaStream"](streamOf(bytes("wrong")))).toEqual(OK);
    expect([await one, await two]).toEqual([OK, OK]);
    expect(out.map(text).sort()).toEqual(["one", "one\n", "two", "two\n"]);
    expect(err.map(text)).toEqual(["wrong"]);
    expect(guest.events.map(({ interface: from }) => from)).toEqual([
      "wasi:cli/stdout",
      "wasi:cli/stdout",
      "wasi:cli/stderr",
    ]);
  });

  test("waits while what the program's function returned is pending", async () => {
    const order: string[] = [];
    const stdout = async (chunk: Uint8Array): Promise<void> => {
      order.push(`begins ${text(chunk)}`);
      await new Promise((resolve) => void setTimeout(resolve, 1));
      order.push(`ends ${text(chunk)}`);
    };
    const guest = await guestOf(CLI, { stdout });
    await guest("cli/stdout")["writeViaStream"](streamOf(bytes("a"), bytes("b")));
    expect(order).toEqual(["begins a", "ends a", "begins b", "ends b"]);
  });

  test("leaves turns to the event loop while a guest writes without end", async () => {
    let over = false;
    setTimeout(() => (over = true), 1);
    const data = { read: async () => (over ? undefined : bytes("a")), cancel: async () => undefined };
    const guest = await guestOf(CLI, { stdout: () => undefined });
    expect(await guest("cli/stdout")["writeViaStream"](data)).toEqual(OK);
  });

  test("drops the guest's stream when the sink fails, and says so", async () => {
    const guest = await guestOf(CLI, {
      stdout: () => {
        throw new Error("full");
      },
    });
    const data = streamOf(bytes("a"), bytes("b"));
    expect(await guest("cli/stdout")["writeViaStream"](data)).toEqual({ tag: "err", val: "io" });
    expect(data.cancelled).toBe(true);
    // It is closed from then on.
    expect(await guest("cli/stdout")["writeViaStream"](streamOf(bytes("c")))).toEqual({ tag: "err", val: "pipe" });
  });

  test("that nobody asked for is lines of the console", async () => {
    const guest = await guestOf(CLI);
    const said: unknown[] = [];
    const log = console.log;
    console.log = (...words) => void said.push(words.join(" "));
    try {
      await guest("cli/stdout")["writeViaStream"](streamOf(bytes("a line\n")));
      guest.end();
      await new Promise((resolve) => void setTimeout(resolve, 5));
    } finally {
      console.log = log;
    }
    expect(said.join("\n")).toContain("a line");
  });
});

describe("wasi:clocks", () => {
  const CLOCKS = ["clocks/monotonic-clock", "clocks/system-clock", "clocks/timezone"];

  test("are the machine's: waiting lasts at least as long as was asked, and none for what is past", async () => {
    const monotonic = (await guestOf(CLOCKS))("clocks/monotonic-clock");
    const before: bigint = monotonic["now"]();
    await monotonic["waitFor"](5_000_000n);
    const after: bigint = monotonic["now"]();
    expect(after - before).toBeGreaterThanOrEqual(5_000_000n);
    expect(monotonic["waitUntil"](before)).toBeUndefined();
    await monotonic["waitUntil"](after + 1_000n);
    expect(monotonic["now"]()).toBeGreaterThanOrEqual(after + 1_000n);
    expect(monotonic["getResolution"]()).toBe(1_000_000n);
  });

  test("that were given are put forward to the earliest time that is waited for, in order and at once", async () => {
    const guest = await guestOf(CLOCKS, { clocks: { now: 1_500, monotonic: 10n } });
    const [monotonic, system] = [guest("clocks/monotonic-clock"), guest("clocks/system-clock")];
    const woken: unknown[] = [];
    const hour = 3_600_000_000_000n;
    const sleep = async (ns: bigint): Promise<void> => {
      await monotonic["waitFor"](ns);
      woken.push([ns, monotonic["now"]()]);
    };
    await Promise.all([sleep(2n * hour), sleep(hour), sleep(3n * hour)]);
    expect(woken).toEqual([1n, 2n, 3n].map((hours) => [hours * hour, hours * hour + 10n]));
    expect(system["now"]()).toEqual({ seconds: 3n * 3600n + 1n, nanoseconds: 500_000_000 });
    await monotonic["waitFor"](2n ** 64n - 1n);
    expect(monotonic["now"]()).toBe(2n ** 64n - 1n);
  });

  test("wake who cancels, and leave nothing behind when the instance ends", async () => {
    const guest = await guestOf(CLOCKS);
    const { signal, abort } = ((controller) => ({ signal: controller.signal, abort: () => controller.abort() }))(
      new AbortController(),
    );
    const wait: Promise<void> = guest("clocks/monotonic-clock")["waitFor"](2n ** 60n, { signal });
    abort();
    await wait;
    let woken = false;
    const sleeping: Promise<void> = guest("clocks/monotonic-clock")["waitFor"](1_000_000n);
    void sleeping.then(() => (woken = true));
    guest.end();
    await new Promise((resolve) => void setTimeout(resolve, 20));
    expect(woken).toBe(false);
  });

  test("tell the time before 1970, and that the timezone is UTC", async () => {
    const guest = await guestOf(CLOCKS, { clocks: { now: -1_500 } });
    expect(guest("clocks/system-clock")["now"]()).toEqual({ seconds: -2n, nanoseconds: 500_000_000 });
    expect(guest("clocks/system-clock")["getResolution"]()).toBe(1n);
    const zone = guest("clocks/timezone");
    expect([zone["ianaId"](), zone["utcOffset"]({}), zone["toDebugString"]()]).toEqual(["UTC", 0n, "UTC"]);
  });
});

describe("wasi:random", () => {
  const RANDOM = ["random/random", "random/insecure", "random/insecure-seed"];

  test("gives as many bytes as were asked for, and fewer of too many", async () => {
    const guest = await guestOf(RANDOM, { random: { seed: 1 } });
    expect(guest("random/random")["getRandomBytes"](5n)).toHaveLength(5);
    expect(guest("random/random")["getRandomBytes"](0n)).toHaveLength(0);
    expect(guest("random/insecure")["getInsecureRandomBytes"](2n ** 64n - 1n)).toHaveLength(64 * 2 ** 20);
    expect(await outcome(() => guest("random/insecure-seed")["getInsecureSeed"]())).toHaveLength(2);
    expect(guest.events.at(-1)).toMatchObject({ action: "get-insecure-seed", granted: true });
  });

  test("with a seed is the same in every run, and the same as in 0.2", async () => {
    const number = async (): Promise<bigint> =>
      (await guestOf(RANDOM, { random: { seed: "s" } }))("random/random")["getRandomU64"]();
    expect(await number()).toBe(await number());
  });
});

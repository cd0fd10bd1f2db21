/** `wasi:sockets` as a compiled guest uses it: JavaScript made into a component, against servers of the test's own. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHost, type LoadOptions } from "../../../../host/node/index.ts";
import { wasi, type WasiOptions } from "../../../../host/node/wasi.ts";
import { componentize } from "../../real/componentize.ts";
import { packages } from "./packages.ts";

const wit = `
  package demo:sockets;
  world sockets {
    import wasi:io/poll@0.2.12;
    import wasi:io/streams@0.2.12;
    import wasi:clocks/monotonic-clock@0.2.12;
    import wasi:sockets/instance-network@0.2.12;
    import wasi:sockets/ip-name-lookup@0.2.12;
    import wasi:sockets/network@0.2.12;
    import wasi:sockets/tcp@0.2.12;
    import wasi:sockets/tcp-create-socket@0.2.12;
    import wasi:sockets/udp@0.2.12;
    import wasi:sockets/udp-create-socket@0.2.12;
    import listening: func(port: u16);
    export say: func(port: u16, text: string) -> result<string, string>;
    export hear: func(connections: u32) -> result<list<string>, string>;
    export patience: func(port: u16, nanoseconds: u64) -> result<string, string>;
    export datagrams: func(port: u16, texts: list<string>) -> result<list<string>, string>;
    export addresses: func(name: string) -> result<list<string>, string>;
    export keep: func(port: u16) -> result<string, string>;
    export settings: func() -> result<list<u64>, string>;
  }
  ${packages(["io", "clocks", "random", "cli", "filesystem", "sockets"])}`;

const source = `
  import { poll } from "wasi:io/poll@0.2.12";
  import { subscribeDuration } from "wasi:clocks/monotonic-clock@0.2.12";
  import { instanceNetwork } from "wasi:sockets/instance-network@0.2.12";
  import { resolveAddresses } from "wasi:sockets/ip-name-lookup@0.2.12";
  import { createTcpSocket } from "wasi:sockets/tcp-create-socket@0.2.12";
  import { createUdpSocket } from "wasi:sockets/udp-create-socket@0.2.12";
  import listening from "listening";

  // The bindings of componentize-js make no class of a resource without functions, and then look for it in their own global scope.
  instanceNetwork.constructor("return globalThis")()["import_network_0_2_12$Network"] = class Network {};

  const local = (port) => ({ tag: "ipv4", val: { port, address: [127, 0, 0, 1] } });
  const toBytes = (text) => new TextEncoder().encode(text);
  const toText = (bytes) => new TextDecoder().decode(bytes);

  /** An error as the code that WASI has for it. */
  function coded(run) {
    try {
      return run();
    } catch (error) {
      throw String(error?.payload?.tag ?? error?.payload ?? error);
    }
  }

  /** What has to be waited for is tried again when its pollable is ready. */
  function waited(socket, finish) {
    const pollable = socket.subscribe();
    try {
      for (;;) {
        try {
          return finish();
        } catch (error) {
          if (error.payload !== "would-block") throw error;
          pollable.block();
        }
      }
    } finally {
      pollable[Symbol.dispose]();
    }
  }

  function connected(port) {
    const network = instanceNetwork();
    const socket = createTcpSocket("ipv4");
    socket.startConnect(network, local(port));
    const streams = waited(socket, () => socket.finishConnect());
    return [socket, ...streams];
  }

  function written(output, bytes) {
    const pollable = output.subscribe();
    for (let at = 0; at < bytes.length;) {
      const room = Number(output.checkWrite());
      if (room === 0) pollable.block();
      else {
        output.write(bytes.subarray(at, at + room));
        at += room;
      }
    }
    output.flush();
    while (output.checkWrite() === 0n) pollable.block();
    pollable[Symbol.dispose]();
  }

  function readAll(input) {
    let bytes = [];
    for (;;) {
      try {
        bytes.push(...input.blockingRead(4096n));
      } catch (error) {
        if (error.payload?.tag !== "closed") throw error;
        return toText(new Uint8Array(bytes));
      }
    }
  }

  export const say = (port, text) => coded(() => {
    const [socket, input, output] = connected(port);
    written(output, toBytes(text));
    socket.shutdown("send");
    const said = readAll(input);
    for (const each of [input, output, socket]) each[Symbol.dispose]();
    return said;
  });

  /** Listens, answers each connection with what it said in capitals, and gives back what was said. */
  export const hear = (connections) => coded(() => {
    const network = instanceNetwork();
    const server = createTcpSocket("ipv4");
    server.startBind(network, local(0));
    waited(server, () => server.finishBind());
    server.startListen();
    waited(server, () => server.finishListen());
    listening(server.localAddress().val.port);
    const heard = [];
    while (heard.length < connections) {
      const [socket, input, output] = waited(server, () => server.accept());
      if (socket.remoteAddress().tag !== "ipv4") throw "no remote address";
      const text = readAll(input);
      written(output, toBytes(text.toUpperCase()));
      socket.shutdown("send");
      heard.push(text);
      for (const each of [input, output, socket]) each[Symbol.dispose]();
    }
    server[Symbol.dispose]();
    return heard;
  });

  /** Waits for bytes and for a time at once. */
  export const patience = (port, nanoseconds) => coded(() => {
    const [socket, input, output] = connected(port);
    const pollables = [input.subscribe(), subscribeDuration(nanoseconds)];
    const ready = [...poll(pollables)].map((at) => ["bytes", "time"][at]);
    for (const each of [...pollables, input, output, socket]) each[Symbol.dispose]();
    return ready.join(" and ");
  });

  export const datagrams = (port, texts) => coded(() => {
    const network = instanceNetwork();
    const socket = createUdpSocket("ipv4");
    socket.startBind(network, local(0));
    waited(socket, () => socket.finishBind());
    const [input, output] = socket.stream(undefined);
    const heard = [];
    for (const text of texts) {
      const room = output.subscribe();
      while (output.checkSend() === 0n) room.block();
      if (output.send([{ data: toBytes(text), remoteAddress: local(port) }]) !== 1n) throw "not sent";
      room[Symbol.dispose]();
      const come = input.subscribe();
      for (let all = []; all.length === 0;) {
        come.block();
        all = input.receive(8n);
        heard.push(...all.map(({ data, remoteAddress }) => toText(data) + " from " + remoteAddress.val.address.join(".")));
      }
      come[Symbol.dispose]();
    }
    for (const each of [input, output, socket]) each[Symbol.dispose]();
    return heard;
  });

  let kept;
  export const keep = (port) => coded(() => {
    kept = connected(port);
    return "kept";
  });

  export const addresses = (name) => coded(() => {
    const names = resolveAddresses(instanceNetwork(), name);
    const found = [];
    for (let next; (next = waited(names, () => names.resolveNextAddress())) !== undefined;) found.push(next.tag + " " + next.val.join("."));
    return found;
  });

  /** What TCP and UDP both have. */
  export const settings = () => coded(() => {
    const tcp = createTcpSocket("ipv4");
    const udp = createUdpSocket("ipv4");
    tcp.setHopLimit(7);
    udp.setUnicastHopLimit(8);
    const all = [BigInt(tcp.hopLimit()), BigInt(udp.unicastHopLimit())];
    for (const [at, socket] of [tcp, udp].entries()) {
      socket.setReceiveBufferSize(BigInt(10_000 + at));
      socket.setSendBufferSize(BigInt(20_000 + at));
      all.push(socket.receiveBufferSize(), socket.sendBufferSize());
      socket[Symbol.dispose]();
    }
    return all;
  });`;

let bytes: Uint8Array<ArrayBuffer>;
let server: Server;
let port: number;
/** A port where nobody listens. */
let deaf: number;

const portOf = (it: Server): number => (it.address() as AddressInfo).port;

beforeAll(async () => {
  bytes = await componentize({ wit, source });
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => void socket.write(String(chunk).toUpperCase()));
    socket.on("end", () => socket.end("."));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  port = portOf(server);
  const closed = createServer();
  await once(closed.listen(0, "127.0.0.1"), "listening");
  deaf = portOf(closed);
  await once(closed.close(), "close");
}, 600_000);
afterAll(() => server.close());

const host = createHost();
let count = 0;

type Say = (port: number, text: string) => Promise<string>;

async function load(
  how: Pick<LoadOptions, "isolation" | "jspi">,
  options: WasiOptions,
  listening: (port: number) => void = () => {},
) {
  const imports = [wasi(options), { listening }];
  return host.load(bytes, { name: `sockets-${count++}`, ...how, imports } as LoadOptions);
}

const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => ({ value }),
    (error: { payload?: unknown }) => error.payload ?? error,
  );

/** The engines whose guests can wait. */
const WAITING = [
  ["a worker", { isolation: "worker" }],
  // Node 20 and 22 have no JavaScript Promise Integration.
  ...("Suspending" in WebAssembly ? [["this thread with jspi", { jspi: true }]] : []),
] as [string, Pick<LoadOptions, "isolation" | "jspi">][];

describe.each(WAITING)("a guest in %s", (_, how) => {
  test("connects where it may, says much and hears it all; elsewhere it is refused", async () => {
    const module = await load(how, { net: [`127.0.0.1:${port}`, `127.0.0.1:${deaf}`] });
    const say = module.require("say") as Say;
    expect(await say(port, "hello")).toBe("HELLO.");
    const much = "0123456789abcdef".repeat(20_000);
    expect(await say(port, much)).toBe(`${much.toUpperCase()}.`);
    expect(await refusal(say(deaf, "hello"))).toBe("connection-refused");
    expect(await refusal(say(port ^ 1, "hello"))).toBe("access-denied");
    const { errors } = await module.unload();
    expect(errors).toEqual([]);
  });

  test("listens where it may, and answers who connects", async () => {
    const answers: Promise<string>[] = [];
    const ask = async (to: number, text: string): Promise<string> => {
      const socket = connect(to, "127.0.0.1");
      socket.end(text);
      let said = "";
      for await (const chunk of socket) said += String(chunk);
      return said;
    };
    const module = await load(how, { listen: ["127.0.0.1"] }, (at) => {
      answers.push(ask(at, "one"), ask(at, "two"));
    });
    const hear = module.require("hear") as (connections: number) => Promise<string[]>;
    expect((await hear(2)).sort()).toEqual(["one", "two"]);
    expect(await Promise.all(answers)).toEqual(["ONE", "TWO"]);
    await module.unload();
    const without = await load(how, { net: ["127.0.0.1"] });
    expect(await refusal((without.require("hear") as typeof hear)(1))).toBe("access-denied");
    await without.unload();
  });

  test("waits for bytes and for a time at once, and goes on with what comes first", async () => {
    const module = await load(how, { net: ["127.0.0.1"] });
    const patience = module.require("patience") as (port: number, nanoseconds: bigint) => Promise<string>;
    // The server says nothing unasked.
    expect(await patience(port, 1_000_000n)).toBe("time");
    const greets = createServer((socket) => socket.end("hello"));
    await once(greets.listen(0, "127.0.0.1"), "listening");
    expect(await patience(portOf(greets), 3_600_000_000_000n)).toBe("bytes");
    await once(greets.close(), "close");
    await module.unload();
  });

  test("sends datagrams where it may, and gets the answers", async () => {
    const peer = createSocket("udp4");
    peer.on("message", (data, from) => peer.send(`re: ${data}`, from.port, "127.0.0.1"));
    await once(peer.bind(0, "127.0.0.1"), "listening");
    const to = peer.address().port;
    const module = await load(how, { net: [`127.0.0.1:${to}`] });
    const datagrams = module.require("datagrams") as (port: number, texts: string[]) => Promise<string[]>;
    expect(await datagrams(to, ["one", "two"])).toEqual(["re: one from 127.0.0.1", "re: two from 127.0.0.1"]);
    expect(await refusal(datagrams(deaf, ["one"]))).toBe("access-denied");
    peer.close();
    await module.unload();
  });

  test("what it leaves open is closed at its end, and counted", async () => {
    const module = await load(how, { net: ["127.0.0.1"] });
    const came = once(server, "connection");
    expect(await (module.require("keep") as (port: number) => Promise<string>)(port)).toBe("kept");
    const [connection] = (await came) as [Socket];
    const closed = once(connection, "close");
    const { errors, hostResourcesDisposed } = await module.unload();
    expect(errors).toEqual([]);
    // The network, the socket and its two streams, at least.
    expect(hostResourcesDisposed).toBeGreaterThanOrEqual(4);
    await closed;
  });

  test("looks up the names that it may, and sets what sockets of both kinds have", async () => {
    const module = await load(how, { net: ["localhost", "nowhere.invalid"] });
    const addresses = module.require("addresses") as (name: string) => Promise<string[]>;
    expect(await addresses("localhost")).toContain("ipv4 127.0.0.1");
    expect(await refusal(addresses("other.example"))).toBe("access-denied");
    expect(await refusal(addresses("nowhere.invalid"))).toMatch(/resolv/);
    expect(await refusal(addresses("a b"))).toBe("invalid-argument");
    const settings = module.require("settings") as () => Promise<BigUint64Array>;
    expect([...(await settings())]).toEqual([7n, 8n, 10_000n, 20_000n, 10_001n, 20_001n]);
    await module.unload();
  });
});

test("in this thread a guest that has to wait is told what to turn on", async () => {
  const module = await load({}, { net: ["127.0.0.1"] });
  const error = await (async () => (module.require("say") as Say)(port, "hello"))().catch((thrown: unknown) => thrown);
  expect(String((error as Error).cause)).toContain(`jspi: true or with isolation: "worker"`);
});

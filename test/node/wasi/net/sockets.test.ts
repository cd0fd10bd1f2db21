/** `wasi:sockets` in Node: connections and datagrams on the loopback, and what is refused. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { wasi as wasiInPage } from "../../../../host/browser/wasi.ts";
import { wasi, type AccessEvent, type WasiOptions } from "../../../../host/node/wasi.ts";
import { type Face, payloadOf } from "./guest.ts";

const NAMES = ["instance-network", "network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"];

interface Guest {
  readonly tcp: (family?: string) => Face;
  readonly udp: (family?: string) => Face;
  readonly network: object;
  readonly lookup: Face;
  readonly codeOf: (error: object) => unknown;
  readonly events: AccessEvent[];
  end(): void;
}

const guests: Guest[] = [];

async function guestOf(options: WasiOptions): Promise<Guest> {
  const ends: (() => unknown)[] = [];
  const events: AccessEvent[] = [];
  const imports: Record<string, Face> = await wasi({ ...options, onAccess: (event) => events.push(event) })({
    module: "guest",
    component: {
      ...{ name: "guest", hash: "0", waits: true, exports: [] },
      imports: NAMES.map((name) => ({ name: `wasi:sockets/${name}@0.2.0`, type: { kind: "instance", exports: [] } })),
    },
    defer: (end: () => void) => (ends.push(end), () => undefined),
  } as never);
  const face = (name: string): Face => imports[`wasi:sockets/${name}@0.2.0`]!;
  const guest = {
    tcp: (family = "ipv4") => face("tcp-create-socket")["createTcpSocket"](family),
    udp: (family = "ipv4") => face("udp-create-socket")["createUdpSocket"](family),
    network: face("instance-network")["instanceNetwork"](),
    lookup: face("ip-name-lookup"),
    codeOf: face("network")["networkErrorCode"],
    events,
    end: () => ends.forEach((end) => end()),
  };
  guests.push(guest);
  return guest;
}

const v4 = (address: number[], port: number): object => ({ tag: "ipv4", val: { port, address } });
const v6 = (address: number[], port: number): object => ({
  tag: "ipv6",
  val: { port, address, flowInfo: 0, scopeId: 0 },
});
const LOCAL = [127, 0, 0, 1];
const LOCAL6 = [0, 0, 0, 0, 0, 0, 0, 1];

/** Does what a socket offers in two steps. */
async function twice(socket: Face, start: () => void, finish: () => unknown): Promise<any> {
  start();
  await socket["subscribe"]().block();
  return finish();
}

const connectTo = (guest: Guest, socket: Face, address: object): Promise<[Face, Face]> =>
  twice(
    socket,
    () => socket["startConnect"](guest.network, address),
    () => socket["finishConnect"](),
  );

async function bindAt(guest: Guest, socket: Face, address: object): Promise<void> {
  await twice(
    socket,
    () => socket["startBind"](guest.network, address),
    () => socket["finishBind"](),
  );
}

async function refusal(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => "no error",
    (error: { payload?: unknown }) => error.payload ?? error,
  );
}

const write = (stream: Face, text: string): Promise<void> => stream["blockingWriteAndFlush"](Buffer.from(text));

async function readAll(stream: Face): Promise<string> {
  let text = "";
  try {
    for (;;) text += Buffer.from(await stream["blockingRead"](1000n)).toString();
  } catch (error) {
    expect(error).toEqual({ payload: { tag: "closed" } });
    return text;
  }
}

let server: Server;
let port: number;
const sockets = new Set<Socket>();

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)));
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => void socket.write(String(chunk).toUpperCase()));
    socket.on("end", () => socket.end("end"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => guests.splice(0).forEach((guest) => guest.end()));
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await once(server.close(), "close");
});

test("a connection carries bytes both ways, ends one way after the other, and is closed with its parts", async () => {
  const guest = await guestOf({ net: [`127.0.0.1:${port}`] });
  const socket = guest.tcp();
  const [input, output] = await connectTo(guest, socket, v4(LOCAL, port));
  expect(socket["remoteAddress"]()).toEqual(v4(LOCAL, port));
  expect(socket["localAddress"]()).toMatchObject({ tag: "ipv4", val: { address: LOCAL } });
  await write(output, "hello ");
  expect(Buffer.from(await input["blockingRead"](100n)).toString()).toBe("HELLO ");
  socket["shutdown"]("send");
  expect(await readAll(input)).toBe("end");
  expect(payloadOf(() => socket["startConnect"](guest.network, v4(LOCAL, port)))).toBe("invalid-state");
  const came = once(server, "connection");
  const dropped = guest.tcp();
  const parts = [dropped, ...(await connectTo(guest, dropped, v4(LOCAL, port)))];
  const [other] = (await came) as [Socket];
  const ended = once(other, "end");
  for (const part of parts) (part as Disposable)[Symbol.dispose]();
  await ended;
  const target = `127.0.0.1:${port}`;
  const event = { module: "guest", interface: "wasi:sockets/tcp", action: "start-connect", target, granted: true };
  expect(guest.events).toEqual([event, event]);
});

test("what is open is closed when the instance ends, and who waits for it is told", async () => {
  const guest = await guestOf({ net: ["localhost"], listen: ["127.0.0.1:0"] });
  expect(await refusal(connectTo(guest, guest.tcp(), v4(LOCAL, port)))).toBe("access-denied");
  const names = guest.lookup["resolveAddresses"](guest.network, "localhost");
  await names.subscribe().block();
  const [input] = await connectTo(guest, guest.tcp(), v4(LOCAL, port));
  const listening = guest.tcp();
  await bindAt(guest, listening, v4(LOCAL, 0));
  await twice(
    listening,
    () => listening["startListen"](),
    () => listening["finishListen"](),
  );
  const at = listening["localAddress"]().val.port as number;
  const came = connect(at, "127.0.0.1");
  await once(came, "connect");
  const [closed, gone] = [readAll(input), once(came, "close")];
  came.on("error", () => undefined);
  guest.end();
  expect(await closed).toBe("");
  await gone;
});

test("a server takes connections where it may listen, and nowhere else", async () => {
  const guest = await guestOf({ net: ["127.0.0.1"], listen: ["127.0.0.1:0"] });
  const socket = guest.tcp();
  await bindAt(guest, socket, v4(LOCAL, 0));
  await twice(
    socket,
    () => socket["startListen"](),
    () => socket["finishListen"](),
  );
  expect(socket["isListening"]()).toBe(true);
  expect(payloadOf(() => socket["accept"]())).toBe("would-block");
  const address = socket["localAddress"]();
  expect(address.val.port).toBeGreaterThan(0);
  const came = connect(address.val.port, "127.0.0.1");
  await socket["subscribe"]().block();
  const [accepted, input, output] = socket["accept"]();
  came.end("to the guest");
  expect(await readAll(input)).toBe("to the guest");
  await write(output, "from the guest");
  accepted.shutdown("both");
  expect(String((await once(came, "data"))[0])).toBe("from the guest");
  // The same address is not free.
  const other = await guestOf({ listen: ["127.0.0.1"] });
  const second = other.tcp();
  await bindAt(other, second, address);
  const taken = twice(
    second,
    () => second["startListen"](),
    () => second["finishListen"](),
  );
  expect(await refusal(taken)).toBe("address-in-use");
  const refused = other.tcp();
  expect(payloadOf(() => refused["startBind"](other.network, v4([0, 0, 0, 0], 8080)))).toBe("access-denied");
  await bindAt(other, refused, v4([0, 0, 0, 0], 0));
  expect(payloadOf(() => refused["startListen"]())).toBe("access-denied");
  expect(other.events.filter(({ granted }) => !granted).map(({ action, target }) => `${action} ${target}`)).toEqual([
    "start-bind 0.0.0.0:8080",
    "start-listen 0.0.0.0:0",
  ]);
});

test("a connection to what is not granted is refused, by an address, a name or a later no", async () => {
  const guest = await guestOf({ net: ["*", "127.0.0.1:1", "[::1]:1"] });
  const to = (address: object, family?: string): Promise<unknown> =>
    refusal(connectTo(guest, guest.tcp(family), address));
  expect(await to(v4(LOCAL, port))).toBe("access-denied");
  expect(await to(v4([169, 254, 169, 254], 80))).toBe("access-denied");
  expect(await to(v6(LOCAL6, port), "ipv6")).toBe("access-denied");
  expect(await to(v6([0x64, 0xff9b, 0, 0, 0, 0, 0x7f00, 1], 80), "ipv6")).toBe("access-denied");
  expect(await to(v4(LOCAL, 1))).toBe("connection-refused");
  const later = await guestOf({ net: async ({ protocol }) => protocol !== "tcp" });
  expect(await refusal(connectTo(later, later.tcp(), v4(LOCAL, port)))).toBe("access-denied");
  const none = await guestOf({});
  expect(await refusal(connectTo(none, none.tcp(), v4([8, 8, 8, 8], 53)))).toBe("access-denied");
  expect(payloadOf(() => none.lookup["resolveAddresses"](none.network, "a.example"))).toBe("access-denied");
  expect(none.events.map(({ action, target, granted }) => `${action} ${target} ${granted}`)).toEqual([
    "start-connect 8.8.8.8:53 false",
    "resolve-addresses a.example false",
  ]);
});

test("addresses and calls that make no sense have the error that WASI has for them", async () => {
  const guest = await guestOf({ net: ["127.0.0.1"], listen: ["127.0.0.1"] });
  const connects: [object, string?][] = [
    [v4([0, 0, 0, 0], 80)],
    [v4(LOCAL, 0)],
    [v4([224, 0, 0, 1], 80)],
    [v4([255, 255, 255, 255], 80)],
    [v6(LOCAL6, 80)],
    [v4(LOCAL, 80), "ipv6"],
    [v6([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 80), "ipv6"],
    [v6([0xff02, 0, 0, 0, 0, 0, 0, 1], 80), "ipv6"],
  ];
  for (const [address, family] of connects)
    expect(payloadOf(() => guest.tcp(family)["startConnect"](guest.network, address))).toBe("invalid-argument");
  const socket = guest.tcp();
  for (const call of ["finishBind", "finishConnect", "finishListen"])
    expect(payloadOf(() => socket[call]())).toBe("not-in-progress");
  for (const call of ["startListen", "accept", "localAddress", "remoteAddress"])
    expect(payloadOf(() => socket[call]())).toBe("invalid-state");
  expect(payloadOf(() => socket["shutdown"]("both"))).toBe("invalid-state");
  expect(payloadOf(() => socket["setListenBacklogSize"](0n))).toBe("invalid-argument");
  for (const [set, get, value, none] of [
    ["setKeepAliveIdleTime", "keepAliveIdleTime", 5n, 0n],
    ["setKeepAliveInterval", "keepAliveInterval", 5n, 0n],
    ["setKeepAliveCount", "keepAliveCount", 5, 0],
    ["setHopLimit", "hopLimit", 5, 0],
    ["setReceiveBufferSize", "receiveBufferSize", 5n, 0n],
    ["setSendBufferSize", "sendBufferSize", 5n, 0n],
  ] as const) {
    socket[set](value);
    expect(socket[get]()).toBe(value);
    expect(payloadOf(() => socket[set](none))).toBe("invalid-argument");
  }
  expect(payloadOf(() => guest.lookup["resolveAddresses"](guest.network, "a b"))).toBe("invalid-argument");
});

test("a connection that the other side breaks off fails with its code", async () => {
  const guest = await guestOf({ net: [`127.0.0.1:${port}`] });
  const socket = guest.tcp();
  const came = once(server, "connection");
  const [input] = await connectTo(guest, socket, v4(LOCAL, port));
  const [other] = (await came) as [Socket];
  const read = refusal(input["blockingRead"](1n));
  other.resetAndDestroy();
  const { tag, val } = (await read) as { tag: string; val: object };
  expect([tag, guest.codeOf(val)]).toEqual(["last-operation-failed", "connection-reset"]);
});

test("a name that has been looked up leads to its addresses, and a rule for it at a port to that port alone", async () => {
  const guest = await guestOf({ net: [`localhost:${port}`] });
  const names = guest.lookup["resolveAddresses"](guest.network, "LocalHost");
  expect(payloadOf(() => names.resolveNextAddress())).toBe("would-block");
  await names.subscribe().block();
  const found: unknown[] = [];
  for (let next; (next = names.resolveNextAddress()) !== undefined;) found.push(next);
  expect(found).toContainEqual({ tag: "ipv4", val: LOCAL });
  expect(await refusal(connectTo(guest, guest.tcp(), v4(LOCAL, port ^ 1)))).toBe("access-denied");
  expect(await refusal(connectTo(guest, guest.tcp(), v4(LOCAL, port)))).toBe("no error");
  const address = guest.lookup["resolveAddresses"](guest.network, "127.0.0.1");
  await address.subscribe().block();
  expect([address.resolveNextAddress(), address.resolveNextAddress()]).toEqual([
    { tag: "ipv4", val: LOCAL },
    undefined,
  ]);
});

test("datagrams go to what is granted, and come from those alone that were sent some", async () => {
  const [peer, stranger] = [createSocket("udp4"), createSocket("udp4")];
  peer.on("message", (data, from) => peer.send(`re: ${data}`, from.port));
  await Promise.all([once(peer.bind(0, "127.0.0.1"), "listening"), once(stranger.bind(0, "127.0.0.1"), "listening")]);
  const to = v4(LOCAL, peer.address().port);
  const guest = await guestOf({ net: [`127.0.0.1:${peer.address().port}`] });
  const socket = guest.udp();
  expect(payloadOf(() => socket["stream"](undefined))).toBe("invalid-state");
  await bindAt(guest, socket, v4(LOCAL, 0));
  const [input, output] = socket["stream"](undefined);
  const own = socket["localAddress"]().val.port as number;
  await new Promise((resolve) => stranger.send("unasked", own, "127.0.0.1", resolve));
  expect(output.checkSend()).toBe(64n);
  const data = Buffer.from("one");
  expect(output.send([{ data, remoteAddress: to }])).toBe(1n);
  await input.subscribe().block();
  const [datagram, ...rest] = input.receive(10n);
  expect([Buffer.from(datagram.data).toString(), datagram.remoteAddress, rest]).toEqual(["re: one", to, []]);
  const refused = (more: object): unknown => (output.checkSend(), payloadOf(() => output.send([{ data, ...more }])));
  expect(refused({ remoteAddress: v4(LOCAL, stranger.address().port) })).toBe("access-denied");
  expect(refused({})).toBe("invalid-argument");
  expect(refused({ remoteAddress: v4(LOCAL, 0) })).toBe("invalid-argument");
  expect(refused({ remoteAddress: to, data: new Uint8Array(65_508) })).toBe("datagram-too-large");
  // What can be sent is; the next call tells of what cannot.
  output.checkSend();
  expect(output.send([{ data, remoteAddress: to }, { data }])).toBe(1n);
  expect(payloadOf(() => output.checkSend())).toBe("invalid-argument");
  expect(payloadOf(() => output.send(Array(65).fill({ data, remoteAddress: to })))).toMatchObject({ name: "WasiTrap" });
  expect(await refusal(bindAt(guest, guest.udp(), v4(LOCAL, 8053)))).toBe("access-denied");
  const listens = await guestOf({ listen: ["127.0.0.1"] });
  const taken = listens.udp();
  expect(await refusal(bindAt(listens, taken, to))).toBe("address-in-use");
  await bindAt(listens, taken, v4(LOCAL, 0));
  // A socket that is dropped before its stream sends nothing more.
  (socket as unknown as Disposable)[Symbol.dispose]();
  output.checkSend();
  expect(output.send([{ data, remoteAddress: to }])).toBe(1n);
  expect(payloadOf(() => output.checkSend())).toBe("unknown");
  peer.close();
  stranger.close();
});

test("a socket with a remote address hears that alone; one that may listen hears everybody", async () => {
  const [peer, stranger] = [createSocket("udp4"), createSocket("udp4")];
  await Promise.all([once(peer.bind(0, "127.0.0.1"), "listening"), once(stranger.bind(0, "127.0.0.1"), "listening")]);
  const guest = await guestOf({ net: [`127.0.0.1:${peer.address().port}`], listen: ["127.0.0.1:0"] });
  const socket = guest.udp();
  await bindAt(guest, socket, v4(LOCAL, 0));
  const own = socket["localAddress"]().val.port as number;
  const send = (from: typeof peer, text: string): Promise<unknown> =>
    new Promise((resolve) => from.send(text, own, "127.0.0.1", resolve));
  const texts = (datagrams: { data: Uint8Array }[]): string[] =>
    datagrams.map(({ data }) => Buffer.from(data).toString());
  const [all] = socket["stream"](undefined);
  await send(stranger, "from anybody");
  await all.subscribe().block();
  expect(texts(all.receive(10n))).toEqual(["from anybody"]);
  all[Symbol.dispose]();
  expect(payloadOf(() => socket["stream"](v4(LOCAL, stranger.address().port)))).toBe("access-denied");
  const [one] = socket["stream"](v4(LOCAL, peer.address().port));
  expect(socket["remoteAddress"]()).toEqual(v4(LOCAL, peer.address().port));
  await send(stranger, "unheard");
  await send(peer, "heard");
  await one.subscribe().block();
  expect(texts(one.receive(10n))).toEqual(["heard"]);
  peer.close();
  stranger.close();
});

test("a page has no sockets, whatever is granted", async () => {
  const events: AccessEvent[] = [];
  const err = { kind: "enum", names: ["access-denied", "not-supported"] };
  const type = {
    kind: "instance",
    exports: [{ name: "create-tcp-socket", type: { kind: "func", params: [], result: { kind: "result", err } } }],
  };
  const name = "wasi:sockets/tcp-create-socket@0.2.0";
  const component = { name: "guest", hash: "0", waits: true, exports: [], imports: [{ name, type }] };
  const inPage = wasiInPage({ net: ["*"], onAccess: (event) => events.push(event) });
  const imports: Record<string, Face> = await inPage({ module: "guest", component } as never);
  expect(payloadOf(() => imports[name]!["createTcpSocket"]("ipv4"))).toBe("not-supported");
  expect(events).toMatchObject([{ action: "create-tcp-socket", granted: false }]);
});

/** `wasi:sockets` 0.3 in Node: connections and datagrams on the loopback, and what is refused. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WasiOptions } from "../../../../host/node/wasi.ts";
import { all, bytes, type Face, guestOf, type Guest, OK, outcome, read, streamOf, text } from "./support.ts";

const SOCKETS = ["sockets/types", "sockets/ip-name-lookup"];
const LOCAL = [127, 0, 0, 1];

const v4 = (port: number, address: number[] = LOCAL): any => ({ tag: "ipv4", val: { port, address } });
const v6 = (port: number, address: number[] = [0, 0, 0, 0, 0, 0, 0, 1]): any => ({
  tag: "ipv6",
  val: { port, address, flowInfo: 0, scopeId: 0 },
});
const err = (tag: string): object => ({ err: { tag } });

function dispose(resource: unknown): void {
  (resource as Disposable)[Symbol.dispose]();
}

const guests: Guest[] = [];
let server: Server;
let port: number;

beforeAll(async () => {
  // Says back what it hears, when it has heard all.
  server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    const heard: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => heard.push(chunk));
    socket.on("end", () => socket.end(Buffer.concat([Buffer.from("said "), ...heard])));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  for (const guest of guests.splice(0)) guest.end();
});

afterAll(async () => {
  server.close();
  await once(server, "close");
});

interface Sockets {
  readonly guest: Guest;
  tcp(family?: string): Face;
  udp(family?: string): Face;
}

async function socketsOf(options: WasiOptions = {}): Promise<Sockets> {
  const guest = await guestOf(SOCKETS, options);
  guests.push(guest);
  const { TcpSocket, UdpSocket } = guest("sockets/types");
  return {
    guest,
    tcp: (family = "ipv4") => TcpSocket.create(family),
    udp: (family = "ipv4") => UdpSocket.create(family),
  };
}

const local: WasiOptions = { net: ["127.0.0.1", "::1"], listen: ["127.0.0.1", "::1"] };

describe("a tcp-socket", () => {
  test("connects, sends a stream and receives one, and both futures resolve", async () => {
    const { guest, tcp } = await socketsOf({ net: [`127.0.0.1:${port}`] });
    const socket = tcp();
    await socket["connect"](v4(port));
    expect(socket["getRemoteAddress"]()).toEqual(v4(port));
    expect(socket["getLocalAddress"]().val.port).toBeGreaterThan(0);
    const [stream, ended] = socket["receive"]();
    const sent = socket["send"](streamOf(bytes("one "), bytes("two")));
    expect(await read(stream)).toBe("said one two");
    expect([await sent, await ended]).toEqual([OK, OK]);
    expect(guest.events).toEqual([
      {
        ...{ module: "guest", interface: "wasi:sockets/types", action: "tcp-socket.connect" },
        ...{ target: `127.0.0.1:${port}`, granted: true },
      },
    ]);
  });

  test("listens, and gives its connections as a stream of sockets", async () => {
    const { tcp } = await socketsOf(local);
    const [listener, client] = [tcp(), tcp()];
    listener["bind"](v4(0));
    const address = listener["getLocalAddress"]();
    expect(address.val.port).toBeGreaterThan(0);
    listener["setKeepAliveIdleTime"](5_000_000_000n);
    const accepting = listener["listen"]()[Symbol.asyncIterator]();
    expect([listener["getIsListening"](), listener["getLocalAddress"]()]).toEqual([true, address]);
    const [{ value: accepted }] = await Promise.all([accepting.next(), client["connect"](address)]);
    expect(accepted).toHaveLength(1);
    expect(accepted[0]["getRemoteAddress"]()).toEqual(client["getLocalAddress"]());
    expect(accepted[0]["getKeepAliveIdleTime"]()).toBe(5_000_000_000n);
    const sent = client["send"](streamOf(bytes("hello")));
    expect(await read(accepted[0]["receive"]()[0])).toBe("hello");
    expect(await sent).toEqual(OK);
    await accepting.return();
    // Nobody can accept, and the address is taken until the socket is dropped too.
    expect(await outcome(() => tcp()["bind"](address))).toEqual(err("address-in-use"));
    dispose(listener);
    await new Promise((resolve) => void setImmediate(resolve));
    const late = tcp();
    expect(await outcome(() => late["connect"](address))).toEqual(err("connection-refused"));
    expect(await outcome(() => late["connect"](address))).toEqual(err("invalid-state"));
  });

  test("lives on in its streams when it is dropped, and its connection is closed with the last of them", async () => {
    const { tcp } = await socketsOf(local);
    const socket = tcp();
    const [accepted] = await Promise.all([
      new Promise<import("node:net").Socket>((resolve) => void server.once("connection", resolve)),
      socket["connect"](v4(port)),
    ]);
    const [stream] = socket["receive"]();
    const sent = socket["send"](streamOf(bytes("a")));
    dispose(socket);
    expect(await read(stream)).toBe("said a");
    expect(await sent).toEqual(OK);
    if (!accepted.destroyed) await once(accepted, "close");
    const idle = tcp();
    const [other] = await Promise.all([
      new Promise<import("node:net").Socket>((resolve) => void server.once("connection", resolve)),
      idle["connect"](v4(port)),
    ]);
    dispose(idle);
    if (!other.destroyed) await once(other, "close");
  });

  test("binds at once, and says at once what is in use, not of this machine, or of another family", async () => {
    const { tcp } = await socketsOf({ ...local, listen: ["127.0.0.1", "192.0.2.1"] });
    const socket = tcp();
    expect(await outcome(() => socket["getLocalAddress"]())).toEqual(err("invalid-state"));
    expect(await outcome(() => socket["bind"](v6(0)))).toEqual(err("invalid-argument"));
    expect(await outcome(() => socket["bind"](v4(0, [224, 0, 0, 1])))).toEqual(err("invalid-argument"));
    expect(await outcome(() => socket["bind"](v4(0, [192, 0, 2, 1])))).toEqual(err("address-not-bindable"));
    expect(await outcome(() => socket["bind"](v4(port)))).toEqual(err("address-in-use"));
    socket["bind"](v4(0));
    expect(await outcome(() => socket["bind"](v4(0)))).toEqual(err("invalid-state"));
    const from = socket["getLocalAddress"]();
    const other = tcp();
    expect(await outcome(() => other["bind"](from))).toEqual(err("address-in-use"));
    await socket["connect"](v4(port));
    expect(socket["getLocalAddress"]()).toEqual(from);
  });

  test("works over IPv6", async () => {
    const { tcp } = await socketsOf(local);
    const [listener, client] = [tcp("ipv6"), tcp("ipv6")];
    listener["bind"](v6(0));
    const accepting = listener["listen"]()[Symbol.asyncIterator]();
    await Promise.all([accepting.next(), client["connect"](listener["getLocalAddress"]())]);
    expect(client["getRemoteAddress"]()).toEqual(listener["getLocalAddress"]());
    expect([client["getAddressFamily"](), listener["getAddressFamily"]()]).toEqual(["ipv6", "ipv6"]);
  });

  test("sends and receives once, and not before it is connected", async () => {
    const { tcp } = await socketsOf(local);
    const socket = tcp();
    const invalid = { tag: "err", val: { tag: "invalid-state" } };
    const early = streamOf(bytes("a"));
    expect(await socket["send"](early)).toEqual(invalid);
    expect(early.cancelled).toBe(true);
    expect(await socket["receive"]()[1]).toEqual(invalid);
    await socket["connect"](v4(port));
    socket["receive"]();
    const [stream, why] = socket["receive"]();
    expect([await all(stream), await why]).toEqual([[], invalid]);
    await socket["send"](streamOf());
    expect(await socket["send"](streamOf())).toEqual(invalid);
    expect(await outcome(() => socket["listen"]())).toEqual(err("invalid-state"));
  });

  test("says that a connection was reset", async () => {
    const resetting = createServer((socket) => void socket.once("data", () => socket.resetAndDestroy()));
    resetting.listen(0, "127.0.0.1");
    await once(resetting, "listening");
    const { tcp } = await socketsOf(local);
    const socket = tcp();
    await socket["connect"](v4((resetting.address() as AddressInfo).port));
    const [stream, ended] = socket["receive"]();
    void socket["send"](streamOf(bytes("a")));
    expect(await all(stream)).toEqual([]);
    expect(await ended).toEqual({ tag: "err", val: { tag: "connection-reset" } });
    resetting.close();
  });

  test("keeps its settings, and refuses what is none", async () => {
    const { tcp } = await socketsOf();
    const socket = tcp();
    for (const [name, value] of [
      ["KeepAliveEnabled", true],
      ["KeepAliveIdleTime", 1_000_000_000n],
      ["KeepAliveInterval", 2n],
      ["KeepAliveCount", 3],
      ["HopLimit", 4],
      ["ReceiveBufferSize", 5n],
      ["SendBufferSize", 6n],
    ] as const) {
      socket[`set${name}`](value);
      expect(socket[`get${name}`](), name).toBe(value);
      if (value === true) continue;
      const zero = typeof value === "bigint" ? 0n : 0;
      expect(await outcome(() => socket[`set${name}`](zero)), name).toEqual(err("invalid-argument"));
    }
    socket["setListenBacklogSize"](1n);
    expect(await outcome(() => socket["setListenBacklogSize"](0n))).toEqual(err("invalid-argument"));
  });

  test("goes nowhere and listens nowhere that is not granted, and each refusal is told of", async () => {
    const { guest, tcp } = await socketsOf();
    expect(await outcome(() => tcp()["connect"](v4(port)))).toEqual(err("access-denied"));
    expect(await outcome(() => tcp()["bind"](v4(8080)))).toEqual(err("access-denied"));
    const socket = tcp();
    socket["bind"](v4(0));
    expect(await outcome(() => socket["listen"]())).toEqual(err("access-denied"));
    expect(await outcome(() => tcp()["listen"]())).toEqual(err("access-denied"));
    expect(guest.events.map(({ action, granted }) => [action, granted])).toEqual([
      ["tcp-socket.connect", false],
      ["tcp-socket.bind", false],
      ["tcp-socket.bind", true],
      ["tcp-socket.listen", false],
      ["tcp-socket.listen", false],
    ]);
    const later = await socketsOf({ net: async () => false });
    expect(await outcome(() => later.tcp()["connect"](v4(port)))).toEqual(err("access-denied"));
  });

  test("is closed with its instance, and what waits ends", async () => {
    const { guest, tcp } = await socketsOf(local);
    const listener = tcp();
    listener["bind"](v4(0));
    const { port: at } = listener["getLocalAddress"]().val;
    const next = listener["listen"]()[Symbol.asyncIterator]().next();
    const bound = tcp();
    bound["bind"](v4(0));
    const kept = bound["getLocalAddress"]().val.port;
    guest.end();
    expect(await next).toEqual({ done: true, value: undefined });
    for (const free of [at, kept]) {
      const probe = connect(free, "127.0.0.1");
      const [error] = (await once(probe, "error")) as [NodeJS.ErrnoException];
      expect(error.code).toBe("ECONNREFUSED");
    }
  });
});

describe("a udp-socket", () => {
  test("sends to and hears from those that it may", async () => {
    const { guest, udp } = await socketsOf(local);
    const [a, b] = [udp(), udp()];
    a["bind"](v4(0));
    b["bind"](v4(0));
    const [atA, atB] = [a["getLocalAddress"](), b["getLocalAddress"]()];
    const received = b["receive"]();
    await a["send"](bytes("one"), atB);
    const [data, from] = await received;
    expect([text(data), from]).toEqual(["one", atA]);
    await b["send"](bytes("two"), atA);
    expect((await a["receive"]())[1]).toEqual(atB);
    expect(guest.events.filter(({ action }) => action === "udp-socket.send")).toHaveLength(2);
  });

  test("that is connected talks to its peer alone, and is bound by that", async () => {
    const { udp } = await socketsOf(local);
    const [server_, client, stranger] = [udp(), udp(), udp()];
    for (const socket of [server_, stranger]) socket["bind"](v4(0));
    const to = server_["getLocalAddress"]();
    expect(await outcome(() => client["disconnect"]())).toEqual(err("invalid-state"));
    expect(await outcome(() => client["send"](bytes("a"), undefined))).toEqual(err("invalid-argument"));
    client["connect"](to);
    expect(client["getRemoteAddress"]()).toEqual(to);
    const { port: at } = client["getLocalAddress"]().val;
    await client["send"](bytes("hello"), undefined);
    expect(text((await server_["receive"]())[0])).toBe("hello");
    expect(await outcome(() => client["send"](bytes("a"), stranger["getLocalAddress"]()))).toEqual(
      err("invalid-argument"),
    );
    const hears = client["receive"]();
    await stranger["send"](bytes("psst"), v4(at));
    await server_["send"](bytes("answer"), v4(at));
    expect(text((await hears)[0])).toBe("answer");
    client["disconnect"]();
    expect(await outcome(() => client["getRemoteAddress"]())).toEqual(err("invalid-state"));
  });

  test("says which address of this machine its peer sees, and keeps its port from one peer to the next", async () => {
    const { udp } = await socketsOf(local);
    const [client, one, two] = [udp(), udp(), udp()];
    for (const socket of [one, two]) socket["bind"](v4(0));
    client["bind"](v4(0, [0, 0, 0, 0]));
    const { port: at } = client["getLocalAddress"]().val;
    for (const socket of [one, two]) {
      client["connect"](socket["getLocalAddress"]());
      expect(client["getLocalAddress"]()).toEqual(v4(at));
      await client["send"](bytes("hello"), undefined);
      expect((await socket["receive"]())[1]).toEqual(v4(at));
    }
    client["disconnect"]();
    expect(client["getLocalAddress"]()).toEqual(v4(at, [0, 0, 0, 0]));
    const mapped = v6(9, [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1]);
    expect(await outcome(() => udp("ipv6")["connect"](mapped))).toEqual(err("invalid-argument"));
  });

  test("that may not listen hears those alone that it has sent to", async () => {
    const [peer, stranger] = [createSocket("udp4"), createSocket("udp4")];
    peer.bind(0, "127.0.0.1");
    await once(peer, "listening");
    const { udp } = await socketsOf({ net: ["127.0.0.1"] });
    const socket = udp();
    socket["bind"](v4(0));
    const { port: at } = socket["getLocalAddress"]().val;
    const heard = socket["receive"]();
    const asked = once(peer, "message");
    await socket["send"](bytes("question"), v4(peer.address().port));
    await asked;
    for (const [from, words] of [
      [stranger, "unasked"],
      [peer, "answer"],
    ] as const)
      await new Promise((resolve) => void from.send(words, at, "127.0.0.1", resolve));
    expect(text((await heard)[0])).toBe("answer");
    peer.close();
    stranger.close();
  });

  test("says at once what cannot be bound or sent", async () => {
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { guest, udp } = await socketsOf(local);
    const socket = udp();
    expect(await outcome(() => socket["getLocalAddress"]())).toEqual(err("invalid-state"));
    expect(await outcome(() => socket["receive"]())).toEqual(err("invalid-state"));
    expect(await outcome(() => socket["bind"](v6(0)))).toEqual(err("invalid-argument"));
    expect(await outcome(() => socket["bind"](v4(taken.address().port)))).toEqual(err("address-in-use"));
    expect(await outcome(() => socket["bind"](v4(53, [192, 0, 2, 1])))).toEqual(err("access-denied"));
    expect(await outcome(() => socket["send"](bytes("a"), v4(0)))).toEqual(err("invalid-argument"));
    expect(await outcome(() => socket["send"](bytes("a"), v4(9, [0, 0, 0, 0])))).toEqual(err("invalid-argument"));
    expect(await outcome(() => socket["send"](new Uint8Array(65_508), v4(9)))).toEqual(err("datagram-too-large"));
    expect(await outcome(() => socket["send"](bytes("a"), v4(9, [192, 0, 2, 1])))).toEqual(err("access-denied"));
    expect(await outcome(() => socket["connect"](v4(9, [192, 0, 2, 1])))).toEqual(err("access-denied"));
    expect(guest.events.at(-1)).toMatchObject({ action: "udp-socket.connect", target: "192.0.2.1:9", granted: false });
    socket["setUnicastHopLimit"](3);
    expect([socket["getUnicastHopLimit"](), await outcome(() => socket["setUnicastHopLimit"](0))]).toEqual([
      3,
      err("invalid-argument"),
    ]);
    taken.close();
  });

  test("whose guest cancels a receive loses no datagram by that", async () => {
    const { udp } = await socketsOf(local);
    const [a, b] = [udp(), udp()];
    b["bind"](v4(0));
    const controller = new AbortController();
    void b["receive"]({ signal: controller.signal });
    await Promise.resolve();
    controller.abort();
    await a["send"](bytes("kept"), b["getLocalAddress"]());
    expect(text((await b["receive"]())[0])).toBe("kept");
  });
});

describe("ip-name-lookup", () => {
  test("resolves an address to itself, and a name that is granted", async () => {
    const { guest } = await socketsOf({ net: ["localhost"] });
    const lookup = guest("sockets/ip-name-lookup");
    expect(await lookup["resolveAddresses"]("192.0.2.7")).toEqual([{ tag: "ipv4", val: [192, 0, 2, 7] }]);
    expect(await lookup["resolveAddresses"]("localhost")).toEqual(
      expect.arrayContaining([{ tag: "ipv4", val: [127, 0, 0, 1] }]),
    );
    expect(guest.events).toMatchObject([{ action: "resolve-addresses", target: "localhost", granted: true }]);
  });

  test("refuses what is not granted, and what is no name", async () => {
    const lookup = (await socketsOf()).guest("sockets/ip-name-lookup");
    expect(await outcome(() => lookup["resolveAddresses"]("a.example"))).toEqual(err("access-denied"));
    expect(await outcome(() => lookup["resolveAddresses"]("a b"))).toEqual(err("invalid-argument"));
  });
});

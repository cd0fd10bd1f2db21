/** The interfaces of WASI 0.3, as its own WIT has them: which functions there are, and what of them is refused. */
import { beforeAll, describe, expect, test } from "vitest";
import { wasi as wasiInPage } from "../../../../host/browser/wasi.ts";
import { type AccessEvent, wasi } from "../../../../host/node/wasi.ts";
import { className, funcName, toCamelCase } from "../../../../host/model/spelling.ts";
import type { ExternDecl } from "../../../../host/model/types.ts";
import { readComponent } from "../../../../host/plan/analyze.ts";
import { everythingOf } from "../../rights/wasi-wit.ts";
import type { Face } from "./support.ts";

let imports: readonly ExternDecl[];

beforeAll(async () => {
  imports = readComponent(await everythingOf("0.3.0")).type.imports;
});

async function facesOf(make: typeof wasi, events: AccessEvent[] = []): Promise<Record<string, Face>> {
  return make({ onAccess: (event) => void events.push(event) })({
    module: "guest",
    component: { name: "guest", hash: "3", waits: false, exports: [], imports },
  } as never);
}

/** What a face has for a function of its interface. */
function found(face: Face, item: string): unknown {
  const name = funcName(item);
  if (name.kind === "function") return face[toCamelCase(item)];
  const owner = face[className(name.resource)];
  if (name.kind === "constructor") return owner;
  return name.kind === "static" ? owner?.[name.js] : owner?.prototype[name.js];
}

describe("wasi", () => {
  test.each([
    ["Node", wasi],
    ["a page", wasiInPage],
  ])("has every function of every interface of 0.3 in %s", async (_, make) => {
    const faces = await facesOf(make);
    let functions = 0;
    for (const { name, type } of imports) {
      if (type.kind !== "instance") continue;
      for (const item of type.exports) {
        if (item.type.kind !== "func") continue;
        functions++;
        expect(found(faces[name]!, item.name), `${name}#${item.name}`).toBeTypeOf("function");
      }
    }
    expect(functions).toBeGreaterThan(100);
  });

  test("refuses sockets in a page with the interface's own errors, and tells of it", async () => {
    const events: AccessEvent[] = [];
    const faces = await facesOf(wasiInPage, events);
    const { TcpSocket, UdpSocket } = faces["wasi:sockets/types@0.3.0"]!;
    expect(() => TcpSocket.create("ipv4")).toThrow(expect.objectContaining({ payload: { tag: "not-supported" } }));
    expect(() => UdpSocket.create("ipv4")).toThrow(expect.objectContaining({ payload: { tag: "not-supported" } }));
    expect(() => faces["wasi:sockets/ip-name-lookup@0.3.0"]!["resolveAddresses"]("a.example")).toThrow(
      expect.objectContaining({ payload: { tag: "access-denied" } }),
    );
    const refusal = {
      module: "guest",
      interface: "wasi:sockets/types",
      action: "[static]tcp-socket.create",
      granted: false,
    };
    expect(events[0]).toEqual(refusal);
    expect(events).toHaveLength(3);
  });

  test("refuses an interface of 0.3 that it does not know by what its types have for that: streams, futures and errors", async () => {
    const code = { kind: "enum", names: ["io", "access"] } as const;
    const result = { kind: "result", ok: undefined, err: code } as const;
    const future = { kind: "future", type: result } as const;
    const returns = (type: unknown): object => ({ kind: "func", params: [], result: type, async: false });
    const type = {
      kind: "instance",
      exports: [
        { name: "open", type: returns({ kind: "tuple", types: [{ kind: "stream", type: undefined }, future] }) },
        { name: "send", type: returns(future) },
      ],
    };
    const name = "wasi:later/thing@0.3.1";
    const faces: Record<string, Face> = await wasi()({
      module: "guest",
      component: { name: "guest", hash: "3", waits: false, exports: [], imports: [{ name, type }] },
    } as never);
    expect(faces[name]!["open"]()).toEqual([[], { tag: "err", val: "access" }]);
    expect(faces[name]!["send"]()).toEqual({ tag: "err", val: "access" });
  });
});

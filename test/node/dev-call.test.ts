/** Calls of the dev page whose answers come later, and its stand-ins for asynchronous imports: what needs no page. */
import { expect, test } from "vitest";
import { ComponentError, TrapError } from "../../host/errors.ts";
import type { ExternDecl, FuncType, ValueType } from "../../host/model/types.ts";
import type { Module } from "../../host/module/types.ts";
import { Activity } from "../../scripts/toolchain/dev/page/activity.ts";
import { invoke, type Outcome } from "../../scripts/toolchain/dev/page/call.ts";
import { type Callable, describe } from "../../scripts/toolchain/dev/page/describe.ts";
import { givenAway } from "../../scripts/toolchain/dev/page/shelf.ts";
import { standIns } from "../../scripts/toolchain/dev/page/stand-ins.ts";

const u8: ValueType = { kind: "u8" };
const bytes: ValueType = { kind: "stream", type: u8 };
const later = (type: ValueType | undefined): ValueType => ({ kind: "future", type });

/** What the page shows of a call of a function that does this. */
function shown(result: ValueType | undefined, f: () => unknown): Promise<Outcome> {
  const callable: Callable = {
    ...{ kind: "function", group: "", label: "f", resource: undefined, shelf: undefined, written: "f", params: [] },
    ...{ result, signature: "", doc: "" },
  };
  return invoke({ exports: { f } } as unknown as Module, callable, undefined, []);
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(64);
}

test.each<[ValueType | undefined, () => unknown, unknown]>([
  [u8, () => 1, 1],
  [u8, async () => 1, 1],
  [undefined, async () => {}, undefined],
  [{ kind: "tuple", types: [later(u8), bytes] }, () => [Promise.resolve(1), [[2], [3]].values()], [1, [2, 3]]],
  [{ kind: "result", ok: later(u8), err: undefined }, async () => Promise.resolve(1), 1],
])("invoke waits for what a call of %o gives", async (result, f, value) => {
  expect(await shown(result, f)).toMatchObject({ kind: "value", value });
});

test("invoke reads of a stream as much as is shown, and cancels the rest", async () => {
  const stream = endless();
  const outcome = await shown(bytes, () => stream);
  expect((outcome as { value: number[] }).value).toHaveLength(200);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test("invoke takes no resource with a method called then for a promise", async () => {
  // eslint-disable-next-line unicorn/no-thenable
  const thing = { then: () => expect.unreachable() };
  const outcome = await shown({ kind: "own", resource: { kind: "resource", name: "thing" } }, () => thing);
  expect((outcome as { value: unknown }).value).toBe(thing);
});

test("invoke tells the failure of what was to come as that of the call", async () => {
  const result: ValueType = { kind: "result", ok: later(u8), err: later(u8) };
  const trap = new TrapError("It trapped", { trap: "unreachable" });
  const refused = async (): Promise<never> => {
    throw new ComponentError(Promise.resolve(7));
  };
  expect(await shown(result, refused)).toMatchObject({ kind: "error", payload: 7 });
  expect(await shown(result, () => Promise.reject(trap))).toMatchObject({ kind: "trap", error: trap });
  expect(
    await shown({ kind: "list", element: later(u8), length: undefined }, () => [Promise.reject(trap)]),
  ).toMatchObject({
    kind: "trap",
    error: trap,
  });
});

test("standIns answer asynchronous functions with empty streams and futures that are done, and tell only their parameters", () => {
  const params = [
    { name: "body", type: bytes },
    { name: "n", type: u8 },
  ];
  const result: ValueType = { kind: "tuple", types: [bytes, later(u8), { kind: "error-context" }] };
  const resource = { kind: "resource", name: "row" } as const;
  const self = { name: "self", type: { kind: "borrow", resource } as const };
  const func = (given: FuncType["params"]): FuncType => ({ kind: "func", params: given, result, async: true });
  const imports: ExternDecl[] = [
    { name: "row", type: { kind: "resource-type", resource } },
    { name: "send", type: func(params) },
    { name: "[method]row.send", type: func([self, ...params]) },
  ];
  const told: string[] = [];
  const activity = { add: ({ text }: { text: string }) => told.push(text) } as unknown as Activity;
  const made = standIns("m", imports, activity) as any;
  const call = { signal: new AbortController().signal };
  expect(made.send(endless(), 5, call)).toEqual([[], 0, { debugMessage: "" }]);
  new made.Row().send(endless(), 6, call);
  expect(told).toEqual(["send(stream<u8>, 5)", "[method]row.send(stream<u8>, 6)"]);
});

test("describe tells versions apart by whether a function is asynchronous and by what its streams are of", () => {
  const signatureOf = (element: ValueType, asynchronous: boolean): string => {
    const type: FuncType = { kind: "func", params: [], result: { kind: "stream", type: element }, async: asynchronous };
    const exports: ExternDecl[] = [
      { name: "row", type: { kind: "type", type: element as Extract<ValueType, { kind: "record" }> } },
      { name: "f", type },
    ];
    return describe({ name: "m", imports: [], exports, docs: {} }).groups[0]!.callables[0]!.signature;
  };
  const record = (name: string): ValueType => ({ kind: "record", fields: [{ name, type: u8 }] });
  const signatures = [signatureOf(record("a"), true), signatureOf(record("b"), true), signatureOf(record("a"), false)];
  expect(new Set(signatures).size).toBe(3);
  expect(signatureOf(record("a"), true)).toBe(signatures[0]);
});

test("givenAway finds the resources of a stream that is given as a list, and of a future that is given as its value", () => {
  const own: ValueType = { kind: "own", resource: { kind: "resource", name: "row" } };
  const [a, b] = [{}, {}];
  expect(givenAway({ kind: "stream", type: own }, [a, b])).toEqual([a, b]);
  expect(givenAway(later(own), a)).toEqual([a]);
  expect(givenAway({ kind: "stream", type: undefined }, [3].values())).toEqual([]);
});

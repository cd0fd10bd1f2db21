/** Components that arrive in pieces: by a `Response` whose body is a stream. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { compile, createHost, DecodeError, UsageError } from "../../../host/node/index.ts";
import { receive } from "../../../host/runtime/receive.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import type { Dynamic } from "./support.ts";

/** A core module at the top with a memory that it keeps to itself and two in components inside, and a component type, whose bytes look like a component's. */
const nested = `(component
  (type (component (export "x" (func))))
  (core module $A (memory 2) (func (export "a") (result i32) (i32.const 30)) (data (i32.const 0) "kept"))
  (component $inner
    (core module $C (func (export "c") (result i32) (i32.const 2)))
    (core instance $c (instantiate $C))
    (func (export "c") (result u32) (canon lift (core func $c "c"))))
  (component $user (import "c" (func $c (result u32)))
    (core func $lowered (canon lower (func $c)))
    (core module $B (import "" "c" (func $c (result i32))) (func (export "b") (result i32) (i32.add (call $c) (i32.const 20))))
    (core instance $b (instantiate $B (with "" (instance (export "c" (func $lowered))))))
    (func (export "b") (result u32) (canon lift (core func $b "b"))))
  (core instance $a (instantiate $A))
  (instance $inner (instantiate $inner))
  (instance $user (instantiate $user (with "c" (func $inner "c"))))
  (func (export "a") (result u32) (canon lift (core func $a "a")))
  (export "b" (func $user "b")))`;

let component: Uint8Array<ArrayBuffer> | undefined;

async function bytes(): Promise<Uint8Array<ArrayBuffer>> {
  return (component ??= new Uint8Array(await parseWat(nested)));
}

/** A body that gives pieces, and fails or ends after the last. */
function inPieces(pieces: Iterable<Uint8Array<ArrayBuffer>>, failure?: Error): Response {
  const rest = pieces[Symbol.iterator]();
  return new Response(
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        const { done, value } = rest.next();
        if (done !== true) controller.enqueue(value);
        else if (failure === undefined) controller.close();
        else controller.error(failure);
      },
    }),
  );
}

function* cut(whole: Uint8Array<ArrayBuffer>, size: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < whole.length; at += size) yield whole.slice(at, at + size);
}

async function run(response: Response): Promise<unknown> {
  const { exports, memoryBytes } = (await compile<Dynamic>(response)).instantiateSync();
  expect(memoryBytes).toBe(2 * 65536);
  return exports.a() + exports.b();
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a component that arrives in pieces", () => {
  test.each([1, 2, 3, 7, 64, 100_000])("of %i bytes is compiled module by module as it arrives", async (size) => {
    const whole = await bytes();
    const received = await receive(inPieces(cut(whole, size)));
    expect(received.bytes).toEqual(whole);
    expect(received.bytes.buffer.byteLength).toBe(whole.length);
    const modules = await Promise.all([...received.early.values()].map(({ module }) => module));
    expect(modules).toHaveLength(3);
    expect(modules.every((module) => module instanceof WebAssembly.Module)).toBe(true);

    const later = vi.spyOn(WebAssembly, "compile");
    expect(await run(inPieces(cut(whole, size)))).toBe(52);
    expect(later, "compiled a second time").not.toHaveBeenCalled();
  });

  test("has its first module compiled before its last byte has come", async () => {
    const whole = await bytes();
    const compileStreaming = vi.spyOn(WebAssembly, "compileStreaming");
    let compiledFirst = false;
    const response = new Response(
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: async (controller) => {
          controller.enqueue(whole.slice(0, -1));
          // The last byte waits for the module: were it compiled only in the end, this would never end.
          await vi.waitFor(() => expect(compileStreaming).toHaveBeenCalledTimes(3), 20_000);
          compiledFirst = (await compileStreaming.mock.results[0]!.value) instanceof WebAssembly.Module;
          controller.enqueue(whole.slice(-1));
          controller.close();
        },
      }),
    );
    expect(await run(response)).toBe(52);
    expect(compiledFirst).toBe(true);
  });

  test("is read whole where the engine compiles no streams, and where the body is none", async () => {
    const whole = await bytes();
    const plain = { ok: true, status: 200, url: "", arrayBuffer: async () => whole.slice().buffer };
    expect((await compile<Dynamic>(plain)).instantiateSync().exports.b()).toBe(22);
    expect((await receive({ ...plain, body: null })).bytes).toEqual(whole);
    vi.stubGlobal("WebAssembly", Object.create(WebAssembly, { compileStreaming: { value: undefined } }));
    const received = await receive(inPieces(cut(whole, 10)));
    expect(received).toEqual({ bytes: whole, early: new Map() });
  });

  test("that breaks off is a UsageError with the reason, and nothing is loaded", async () => {
    const whole = await bytes();
    const host = createHost();
    for (const length of [0, 4, 12, Math.floor(whole.length / 2), whole.length - 1]) {
      const broken = inPieces(cut(whole.slice(0, length), 16), new TypeError("the connection was reset"));
      const refused = host.load(broken, { name: "broken" });
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow(/^Could not fetch .*: the connection was reset$/);
    }
    expect(host.manifest()).toEqual([]);
    await host.close();
  });

  test("that has been read already, or was refused, is a UsageError", async () => {
    const used = new Response(await bytes());
    await used.arrayBuffer();
    await expect(compile(used)).rejects.toThrow(/^Could not fetch /);
    await expect(compile(new Response(await bytes(), { status: 503 }))).rejects.toThrow(/status 503$/);
  });

  test("whose body gives anything but bytes is a UsageError", async () => {
    const text = new ReadableStream({ start: (controller) => controller.enqueue("asm") });
    const refused = compile(new Response(text));
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow("Expected the body to give bytes, got a string");
  });

  test("that ends early is what the decoder says it is", async () => {
    const whole = await bytes();
    for (let length = 0; length < whole.length; length++) {
      const shorter = whole.slice(0, length);
      const [streamed, read] = await Promise.allSettled([compile(inPieces(cut(shorter, 11))), compile(shorter)]);
      if (read.status === "rejected") expect(streamed).toEqual(read);
      else expect(streamed.status).toBe("fulfilled");
    }
  });

  test("and holds an invalid core module fails as it does when it comes whole", async () => {
    const whole = await bytes();
    // The body of $A: `i32.const 30` becomes `i64.const 30`.
    const at = whole.findIndex((byte, i) => byte === 0x41 && whole[i + 1] === 30);
    const invalid = whole.slice();
    invalid[at] = 0x42;
    const [streamed, read] = await Promise.allSettled([compile(inPieces(cut(invalid, 5))), compile(invalid)]);
    expect(read.status).toBe("rejected");
    expect((read as PromiseRejectedResult).reason).toBeInstanceOf(DecodeError);
    expect((streamed as PromiseRejectedResult).reason.message).toBe((read as PromiseRejectedResult).reason.message);
  });

  test("whatever its bytes are, they all arrive and nothing else happens", async () => {
    const whole = await bytes();
    let state = 20_261_121;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    for (let round = 0; round < 500; round++) {
      const mangled = whole.slice(0, 8 + next(whole.length));
      for (let change = next(6); change > 0; change--) mangled[next(mangled.length)] = next(256);
      const received = await receive(inPieces(cut(mangled, 1 + next(60))));
      expect(received.bytes).toEqual(mangled);
      await Promise.all([...received.early.values()].map(({ module }) => module));
    }
  });

  test("and has more core modules than a component may have is not compiled for longer than that", async () => {
    const empty = [1, 8, 0, 97, 115, 109, 1, 0, 0, 0];
    const many = new Uint8Array(8 + 20_000 * empty.length);
    many.set([0, 97, 115, 109, 13, 0, 1, 0]);
    for (let at = 8; at < many.length; at += empty.length) many.set(empty, at);
    expect((await receive(inPieces(cut(many, 10_000)))).early.size).toBe(1_000);
    await expect(compile(inPieces(cut(many, 10_000)))).rejects.toThrow("more than 1000 core modules");
  });

  test("and says it is longer than anything is believed only as far as it goes", async () => {
    const whole = await bytes();
    for (const length of ["99999999999999", "-1", "x", "1"]) {
      const headers = { get: (name: string) => (name === "content-length" ? length : null) };
      const { body } = inPieces(cut(whole, 100));
      const response = { ok: true, status: 200, url: "", body, headers, arrayBuffer: async () => new ArrayBuffer(0) };
      expect((await receive(response as never)).bytes).toEqual(whole);
    }
  });
});

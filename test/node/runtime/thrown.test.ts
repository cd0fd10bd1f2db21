/** Whatever is thrown, from wherever a guest can be left: one TrapError, told once, and an instance that is locked. */
import { describe, expect, test } from "vitest";
import { ComponentError, TrapError, UnloadedError } from "../../../host/errors.ts";
import type { Component } from "../../../host/runtime/types.ts";
import { allocator, compileWat, options, type Dynamic } from "./support.ts";

const fail = (): never => {
  throw new Error("a getter that throws");
};
const withGetter = (name: string, base: object = new Error("base")): unknown =>
  Object.defineProperty(base, name, { get: fail });
const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const everyTrap = new Proxy(
  {},
  {
    get: () => fail,
  },
);
const cyclic = (): Error => {
  const [a, b] = [new Error("a"), new Error("b")];
  a.cause = b;
  b.cause = a;
  return a;
};
const endless = (): Error => Object.defineProperty(new Error("endless"), "cause", { get: () => endless() });

/** Made anew for each throw, because some of them can be used once. */
const things: Readonly<Record<string, () => unknown>> = {
  "an Error": () => new Error("plain"),
  null: () => null,
  undefined: () => undefined,
  "a number": () => 7,
  "a bigint of a million bits": () => 1n << 1_000_000n,
  "a symbol": () => Symbol("s"),
  "a function": () => () => 1,
  "an object without a prototype": () => Object.create(null) as unknown,
  "a frozen Error": () => Object.freeze(new Error("frozen")),
  "a revoked proxy": revoked,
  "a proxy whose every trap throws": () => new Proxy(new Error("proxied"), everyTrap as ProxyHandler<Error>),
  "an Error with a throwing message": () => withGetter("message"),
  "an Error with a throwing stack": () => withGetter("stack"),
  "an Error with a throwing name": () => withGetter("name"),
  "an Error with a throwing cause": () => withGetter("cause"),
  "an Error whose message is an object": () => Object.assign(new Error("base"), { message: {} }),
  "an Error whose stack is a number": () => Object.assign(new Error("base"), { stack: 5 }),
  "an Error whose stack is very long": () => Object.assign(new Error("base"), { stack: "wasm\n".repeat(1 << 20) }),
  "an Error with a huge message": () => new Error("x".repeat(1 << 22)),
  "an Error in a cycle of causes": cyclic,
  "an Error with causes without end": endless,
  "an object whose toString throws": () => ({ toString: fail }),
  "an object whose toPrimitive gives an object": () => ({ [Symbol.toPrimitive]: () => ({}) }),
  "an object with a throwing payload": () => withGetter("payload", {}),
  "an object with a throwing constructor": () => withGetter("constructor", {}),
};

/** Exports `run`, which leaves the guest, and `quiet`, which does nothing. */
const plain = `(component
  (import "f" (func $f))
  (core func $f' (canon lower (func $f)))
  (core module $M (import "h" "f" (func $f)) (func (export "run") (call $f)) (func (export "quiet")))
  (core instance $c (instantiate $M (with "h" (instance (export "f" (func $f'))))))
  (func (export "run") (canon lift (core func $c "run")))
  (func (export "quiet") (canon lift (core func $c "quiet"))))`;
/** An import whose result the guest is given in memory. */
const returning = (type: string): string => `(component
  (import "f" (func $f (result ${type})))
  (core module $Mem ${allocator})
  (core instance $m (instantiate $Mem))
  (core func $f' (canon lower (func $f) ${options}))
  (core module $M (import "h" "f" (func $f (param i32)))
    (func (export "run") (call $f (i32.const 64)))
    (func (export "quiet")))
  (core instance $c (instantiate $M (with "h" (instance (export "f" (func $f'))))))
  (func (export "run") (canon lift (core func $c "run")))
  (func (export "quiet") (canon lift (core func $c "quiet"))))`;
const resource = `(component
  (import "r" (type $r (sub resource)))
  (import "[constructor]r" (func $new (result (own $r))))
  (import "[method]r.f" (func $f (param "self" (borrow $r))))
  (core func $new' (canon lower (func $new)))
  (core func $f' (canon lower (func $f)))
  (core func $drop' (canon resource.drop $r))
  (core module $M (import "h" "new" (func $new (result i32))) (import "h" "f" (func $f (param i32)))
    (import "h" "drop" (func $drop (param i32)))
    (func (export "run") (local i32) (local.set 0 (call $new)) (call $f (local.get 0)) (call $drop (local.get 0)))
    (func (export "quiet")))
  (core instance $c (instantiate $M (with "h" (instance (export "new" (func $new')) (export "f" (func $f'))
    (export "drop" (func $drop'))))))
  (func (export "run") (canon lift (core func $c "run")))
  (func (export "quiet") (canon lift (core func $c "quiet"))))`;
const postReturn = `(component
  (import "f" (func $f))
  (core func $f' (canon lower (func $f)))
  (core module $M (import "h" "f" (func $f))
    (func (export "run") (result i32) (i32.const 1))
    (func (export "post") (param i32) (call $f))
    (func (export "quiet")))
  (core instance $c (instantiate $M (with "h" (instance (export "f" (func $f'))))))
  (func (export "run") (result u32) (canon lift (core func $c "run") (post-return (core func $c "post"))))
  (func (export "quiet") (canon lift (core func $c "quiet"))))`;
const destructor = `(component
  (import "f" (func $f))
  (core func $f' (canon lower (func $f)))
  (core module $D (import "h" "f" (func $f)) (func (export "dtor") (param i32) (call $f)))
  (core instance $d (instantiate $D (with "h" (instance (export "f" (func $f'))))))
  (type $r' (resource (rep i32) (dtor (core func $d "dtor"))))
  (export $r "r" (type $r'))
  (core func $new (canon resource.new $r'))
  (core module $M (import "h" "new" (func $new (param i32) (result i32)))
    (func (export "make") (result i32) (call $new (i32.const 1)))
    (func (export "quiet")))
  (core instance $c (instantiate $M (with "h" (instance (export "new" (func $new))))))
  (func (export "make") (result (own $r)) (canon lift (core func $c "make")))
  (func (export "quiet") (canon lift (core func $c "quiet"))))`;
const starting = `(component
  (import "f" (func $f))
  (core func $f' (canon lower (func $f)))
  (core module $M (import "h" "f" (func $f)) (start $f))
  (core instance (instantiate $M (with "h" (instance (export "f" (func $f')))))))`;

type Exports = Dynamic["exports"];
interface Position {
  readonly text: string;
  readonly imports: (raise: () => never) => object;
  readonly leave?: (exports: Exports) => void;
}

class Resource {
  f(): void {}
}
const raising = (raise: () => never): object => ({ f: raise });
/** Results whose reading throws: the check of what an import returned. */
const lying = (shape: (raise: () => never) => unknown) => (raise: () => never) => ({ f: () => shape(raise) });

const positions: Readonly<Record<string, Position>> = {
  "an import": { text: plain, imports: raising },
  "an import with a record as result": { text: returning("(tuple u32 string)"), imports: raising },
  "a result that cannot be read": {
    text: returning("(tuple u32 string)"),
    imports: lying((raise) => Object.defineProperty([1, "a"], 1, { get: raise })),
  },
  "a result of a result that cannot be read": {
    text: returning("(result (tuple u32 string) (error string))"),
    imports: lying((raise) => Object.defineProperty([1, "a"], 0, { get: raise })),
  },
  "a constructor": {
    text: resource,
    imports: (raise) => ({
      R: class extends Resource {
        constructor() {
          super();
          raise();
        }
      },
    }),
  },
  "a method": {
    text: resource,
    imports: (raise) => ({
      R: class {
        f(): void {
          raise();
        }
      },
    }),
  },
  "a disposer": {
    text: resource,
    imports: (raise) => ({
      R: class extends Resource {
        [Symbol.dispose](): void {
          raise();
        }
      },
    }),
  },
  "a post-return function": { text: postReturn, imports: raising },
  "a destructor": {
    text: destructor,
    imports: raising,
    leave: (exports) => (exports.make() as Disposable)[Symbol.dispose](),
  },
};

const components = new Map<string, Promise<Component<Dynamic>>>();
const compiled = (text: string): Promise<Component<Dynamic>> => {
  let component = components.get(text);
  if (component === undefined) components.set(text, (component = compileWat(text)));
  return component;
};

/** What a call throws, by itself: `thrown` of the support file would take it for an Error. */
function caught(call: () => unknown): { readonly error: unknown } {
  try {
    call();
  } catch (error) {
    return { error };
  }
  throw new Error("Expected the call to throw");
}

/** What an import of the type `result` cannot mean as the error of its result: errors, and what cannot be looked at. */
const faults = /Error|proxy|payload/;

describe.each(Object.entries(positions))("thrown from %s", (_, { text, imports, leave }) => {
  test.each(Object.entries(things))("%s ends as one TrapError that locks the instance", async (_, make) => {
    const component = await compiled(text);
    const told: Error[] = [];
    const raise = (): never => {
      throw make();
    };
    const instance = component.instantiateSync(imports(raise), { onTrap: (trap) => told.push(trap) });
    const { error } = caught(() => (leave ?? ((exports: Exports) => exports.run()))(instance.exports));
    expect(error).toBeInstanceOf(TrapError);
    expect((error as TrapError).trap).toMatch(/^(import-threw|cannot-leave-component)$/);
    expect((error as TrapError).message.length).toBeLessThan(2_000);
    expect(typeof (error as TrapError).stack).toBe("string");
    expect(told).toHaveLength(1);
    expect(told[0]).toBe(error);
    expect(instance.trap).toBe(error);
    expect(instance.state).toBe("trapped");
    const next = caught(() => instance.exports.quiet()).error;
    expect(next).toBeInstanceOf(UnloadedError);
    expect((next as Error).cause).toBe(error);
    expect(instance.dispose().errors).toEqual([]);
  });
});

test.each(Object.entries(things))(
  "%s thrown by a start function is the TrapError of the instantiation",
  async (_, make) => {
    const component = await compiled(starting);
    const raise = (): never => {
      throw make();
    };
    const { error } = caught(() => component.instantiateSync({ f: raise }));
    expect(error).toBeInstanceOf(TrapError);
    expect((error as TrapError).message).toContain("while instantiating");
  },
);

test.each(Object.entries(things))(
  "%s thrown by an import with a result is an err only when it is a payload",
  async (name, make) => {
    const component = await compiled(returning("(result u32)"));
    const raise = (): never => {
      throw make();
    };
    const instance = component.instantiateSync({ f: raise });
    if (!faults.test(name)) {
      instance.exports.run();
      expect(instance.state).toBe("live");
    } else {
      expect(caught(() => instance.exports.run()).error).toBeInstanceOf(TrapError);
      expect(instance.state).toBe("trapped");
    }
  },
);

test.each(Object.entries(things))(
  "%s thrown by the disposer of a leaked object is an error of the receipt",
  async (_, make) => {
    const text = resource.replace("(call $drop (local.get 0))", "");
    const component = await compiled(text);
    const instance = component.instantiateSync({
      R: class extends Resource {
        [Symbol.dispose](): void {
          throw make();
        }
      },
    });
    instance.exports.run();
    const { errors, hostResourcesDisposed } = instance.dispose();
    expect(hostResourcesDisposed).toBe(1);
    expect(errors).toHaveLength(1);
    expect(instance.state).toBe("unloaded");
  },
);

test("what onTrap throws does not take the place of the trap", async () => {
  const component = await compiled(plain);
  const instance = component.instantiateSync({ f: fail }, { onTrap: fail });
  expect(caught(() => instance.exports.run()).error).toBeInstanceOf(TrapError);
  expect(instance.state).toBe("trapped");
});

test("a thrown object that looks at the instance while it is put into words finds it locked and without a second trap", async () => {
  const component = await compiled(plain);
  const seen: unknown[] = [];
  const told: Error[] = [];
  const instance = component.instantiateSync(
    {
      f: () => {
        throw Object.defineProperty(new Error("base"), "message", {
          get: () => {
            seen.push(instance.state, instance.trap);
            return "looked";
          },
        });
      },
    },
    { onTrap: (trap) => told.push(trap) },
  );
  const { error } = caught(() => instance.exports.run());
  expect((error as TrapError).message).toContain("looked");
  expect(seen.slice(0, 2)).toEqual(["trapped", undefined]);
  expect(told).toEqual([error]);
});

describe("the message of a ComponentError", () => {
  test.each([
    ["a long string", "x".repeat(10_000_000)],
    ["a long list", new Uint8Array(100_000_000)],
    ["a deep value", { a: Array.from({ length: 1000 }, () => "long") }],
    ["a value that throws", new Proxy({}, everyTrap)],
  ])("never carries %s", (_, payload) => {
    const error = new ComponentError(payload);
    expect(error.message.length).toBeLessThan(120);
    expect(error.payload).toBe(payload);
  });
});

/** Resources that the host's user implements as ordinary classes. */
import { beforeAll, describe, expect, test } from "vitest";
import { ComponentError, LinkError, LowerError, TrapError } from "../../../host/errors.ts";
import type { Component, Instance } from "../../../host/runtime/types.ts";
import { compileGuest, filesGuest } from "./guests.ts";
import { allocator, instantiateWat, options, thrown, type Dynamic } from "./support.ts";

let component: Component<Dynamic>;
beforeAll(async () => {
  component = await compileGuest(filesGuest);
});

class File implements Disposable {
  static made: File[] = [];
  disposed = 0;
  touched = 0;
  name: string;
  constructor(name: string) {
    this.name = name;
    File.made.push(this);
  }
  size(): number {
    if (this.name === "broken") throw new ComponentError("cannot read");
    return this.name.length;
  }
  touch(): void {
    this.touched++;
  }
  static open(name: string): File {
    return new File(`opened ${name}`);
  }
  [Symbol.dispose](): void {
    this.disposed++;
  }
}

interface Start {
  readonly instance: Instance<Dynamic>;
  // oxlint-disable-next-line no-explicit-any
  readonly exports: any;
  readonly seen: unknown[];
}

function start(overrides: object = {}): Start {
  File.made = [];
  const seen: unknown[] = [];
  const functions = {
    inspect: (it: File) => {
      seen.push(it);
      return it.name.length;
    },
    consume: (it: File) => void seen.push(it),
    both: (...them: File[]) => void seen.push(...them),
    latest: () => File.made.at(-1),
    pair: () => [new File("left"), new File("right")],
  };
  const instance = component.instantiateSync({ "demo:res/files@1.0.0": { File, ...functions, ...overrides } });
  return { instance, exports: instance.exports, seen };
}

describe("the guest uses a host's class", () => {
  test("through its constructor", () => {
    const { exports } = start();
    exports.make();
    expect(File.made.map(({ name }) => name)).toEqual(["made by the guest"]);
  });

  test("through a static that returns a resource, or fails", () => {
    const { exports } = start();
    exports.open();
    expect(File.made[0]!.name).toBe("opened made");
    class Closed extends File {
      static override open(): File {
        throw Object.assign(new Error("no"), { payload: "closed" });
      }
    }
    const closed = start({ File: Closed });
    expect((thrown(() => closed.exports.open()) as ComponentError).payload).toBe("closed");
    expect(closed.instance.state).toBe("live");
  });

  test("through methods, which a subclass may override", () => {
    class Loud extends File {
      override size(): number {
        return 99;
      }
    }
    const { exports } = start();
    const [file, loud] = [new File("four"), new Loud("four")];
    expect(exports.size(file)).toBe(4);
    expect(exports.size(loud)).toBe(99);
    exports.touch(file);
    expect(file.touched).toBe(1);
  });

  test("whose method fails with its payload", () => {
    const { exports } = start();
    expect((thrown(() => exports.size(new File("broken"))) as ComponentError).payload).toBe("cannot read");
  });

  test("and sees the very object that was passed", () => {
    const { exports, seen } = start();
    const file = new File("mine");
    expect(exports.inspectTwice(file)).toBe(8);
    expect(seen[0]).toBe(file);
    expect(seen[1]).toBe(file);
    expect(file.disposed).toBe(0);
  });
});

describe("ownership", () => {
  test("given to the guest and back, it is the same object and not disposed", () => {
    const { exports, instance } = start();
    const file = new File("mine");
    exports.take(file);
    expect(instance.resources().heldByGuest).toEqual(new Map([["file", 1]]));
    expect(exports.give()).toBe(file);
    expect(instance.resources().heldByGuest.size).toBe(0);
    expect(file.disposed).toBe(0);
  });

  test("given to the guest and on to an import", () => {
    const { exports, seen } = start();
    const file = new File("mine");
    exports.take(file);
    exports.consumeKept();
    expect(seen).toEqual([file]);
    expect(file.disposed).toBe(0);
  });

  test("dropped by the guest, it is disposed once", () => {
    const { exports, instance } = start();
    const file = new File("mine");
    exports.take(file);
    exports.dropKept();
    expect(file.disposed).toBe(1);
    expect(instance.dispose()).toMatchObject({ hostResourcesDisposed: 0 });
    expect(file.disposed).toBe(1);
  });

  test("leaked by the guest, it is disposed with the instance and counted", () => {
    const { exports, instance } = start();
    const all = [new File("a"), new File("b"), new File("c")];
    exports.takeAll(all);
    exports.make();
    expect(instance.resources().heldByGuest).toEqual(new Map([["file", 4]]));
    expect(instance.dispose().hostResourcesDisposed).toBe(4);
    expect([...all, ...File.made].map(({ disposed }) => disposed)).toEqual(
      all.map(() => 1).concat(File.made.map(() => 1)),
    );
  });

  test("leaked by a guest that has trapped, it is disposed all the same", () => {
    const { exports, instance } = start();
    const file = new File("mine");
    exports.take(file);
    thrown(() => exports.leak(new File("other")));
    expect(instance.state).toBe("trapped");
    expect(instance.dispose().hostResourcesDisposed).toBe(1);
    expect(file.disposed).toBe(1);
  });

  test("of objects whose dispose throws: the others are disposed, the errors are in the receipt", () => {
    const { exports, instance } = start();
    class Bad extends File {
      override [Symbol.dispose](): void {
        throw new Error("will not close");
      }
    }
    const good = new File("good");
    exports.takeAll([new Bad("bad"), good]);
    const receipt = instance.dispose();
    expect(receipt.errors.map(({ message }) => message)).toEqual(["will not close"]);
    expect(good.disposed).toBe(1);
  });

  test("of an object without dispose needs none", () => {
    const { exports, instance } = start();
    const plain = Object.defineProperty(new File("plain"), Symbol.dispose, { value: undefined });
    exports.take(plain);
    exports.dropKept();
    expect(instance.state).toBe("live");
  });

  test("returned by imports inside options and tuples", () => {
    const { exports, instance } = start();
    expect(exports.latest()).toBe(false);
    exports.pair();
    expect(instance.resources().heldByGuest).toEqual(new Map([["file", 2]]));
    expect(exports.give()).toBe(File.made[0]);
  });
});

describe("what a guest does wrong with a handle traps", () => {
  test("a borrow still held when the call returns", () => {
    const { exports, instance } = start();
    const trap = thrown(() => exports.leak(new File("x"))) as TrapError;
    expect(trap).toMatchObject({
      trap: "invalid-handle",
      message: expect.stringContaining("borrow handles still remain"),
    });
    expect(instance.state).toBe("trapped");
  });

  test("a handle dropped twice", () => {
    const { exports } = start();
    exports.take(new File("x"));
    exports.dropKept();
    expect(thrown(() => exports.dropKept())).toMatchObject({ trap: "invalid-handle" });
  });

  test("a handle given away twice", () => {
    const { exports } = start();
    exports.take(new File("x"));
    exports.give();
    expect(thrown(() => exports.give())).toMatchObject({ trap: "invalid-handle" });
  });

  test("a handle given away while it is lent in the same call", () => {
    const { exports, seen } = start();
    exports.take(new File("x"));
    expect(thrown(() => exports.lendAndGiveKept())).toMatchObject({
      trap: "invalid-handle",
      message: expect.stringContaining("while it is borrowed"),
    });
    expect(seen).toEqual([]);
  });

  test("the handle 0", () => {
    expect(thrown(() => start().exports.dropKept())).toMatchObject({ trap: "invalid-handle" });
  });
});

describe("objects on their way when a trap strikes", () => {
  const text = `(component
    (import "files" (instance $files
      (export "file" (type $file (sub resource)))
      (export "rename" (func (param "it" (own $file)) (param "name" string)))))
    (alias export $files "file" (type $file))
    (core module $Libc ${allocator} (data (i32.const 64) "\\ff"))
    (core instance $m (instantiate $Libc))
    (core func $rename (canon lower (func $files "rename") ${options}))
    (core module $M
      (import "" "memory" (memory 1)) (import "" "rename" (func $rename (param i32 i32 i32)))
      (func (export "rename") (param i32 i32) (call $rename (local.get 0) (i32.const 64) (local.get 1)))
      (func (export "swap") (param i32) (result i32)
        (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (i32.const 77)) (i32.const 16)))
    (core instance $main (instantiate $M (with "" (instance
      (export "memory" (memory $m "memory")) (export "rename" (func $rename))))))
    (func (export "rename") (param "it" (own $file)) (param "bytes" u32) (canon lift (core func $main "rename")))
    (func (export "swap") (param "it" (own $file)) (result (tuple (own $file) (own $file)))
      (canon lift (core func $main "swap") ${options})))`;

  test("are still the guest's, and disposed with it: arguments of an import", async () => {
    const seen: unknown[] = [];
    const instance = await instantiateWat(text, { files: { File, rename: (it: unknown) => void seen.push(it) } });
    const [fine, lost] = [new File("fine"), new File("lost")];
    instance.exports.rename(fine, 0);
    expect(seen).toEqual([fine]);
    expect(thrown(() => instance.exports.rename(lost, 1))).toMatchObject({ trap: "invalid-utf8" });
    expect(instance.dispose().hostResourcesDisposed).toBe(1);
    expect([fine.disposed, lost.disposed]).toEqual([0, 1]);
  });

  test("are still the guest's, and disposed with it: results", async () => {
    const instance = await instantiateWat(text, { files: { File, rename: () => undefined } });
    const file = new File("x");
    expect(thrown(() => instance.exports.swap(file))).toMatchObject({ trap: "invalid-handle" });
    expect(instance.dispose().hostResourcesDisposed).toBe(1);
    expect(file.disposed).toBe(1);
  });

  test("that were only lent are the host's", async () => {
    const { exports, instance } = start();
    const file = new File("x");
    thrown(() => exports.leak(file));
    expect(instance.dispose().hostResourcesDisposed).toBe(0);
    expect(file.disposed).toBe(0);
  });
});

describe("numbers of handles", () => {
  test("start at 1, and the last one freed is used first", () => {
    const { exports } = start();
    const numbers: number[] = [];
    for (let i = 0; i < 3; i++) {
      exports.take(new File("x"));
      numbers.push(exports.kept());
    }
    exports.dropKept();
    exports.make();
    numbers.push(exports.kept());
    expect(numbers).toEqual([1, 2, 3, 3]);
  });

  test("are of the handle, not of the object: one object lent twice has two", () => {
    const { exports } = start();
    const file = new File("x");
    expect(exports.same(file, file)).not.toBe(0);
  });
});

describe("what the user does wrong", () => {
  test.each([[{}], [null], ["file"], [undefined]])("an argument %s is no File", (value) => {
    const { exports, instance } = start();
    expect(thrown(() => exports.take(value))).toBeInstanceOf(LowerError);
    expect(instance.state).toBe("live");
  });

  test("an import that returns something else is a fault that says so", () => {
    const { exports } = start({ latest: () => ({ name: "no file" }) });
    const trap = thrown(() => exports.latest()) as TrapError;
    expect(trap.trap).toBe("import-threw");
    expect(trap.cause).toBeInstanceOf(LowerError);
  });

  test("missing class, methods and statics are all reported before anything runs", () => {
    const files = { inspect: () => 0, consume: () => 0, both: () => 0, latest: () => undefined, pair: () => [] };
    const error = thrown(() => component.instantiateSync({ "demo:res/files@1.0.0": files })) as LinkError;
    expect(error).toBeInstanceOf(LinkError);
    expect(error.issues.length).toBeGreaterThan(0);
    expect(error.message).toContain("class File");
    class Bare {}
    const issues = component.missing({ "demo:res/files@1.0.0": { ...files, File: Bare } }).map((issue) => issue.import);
    expect(issues).toEqual(
      ["[method]file.size", "[method]file.touch", "[static]file.open"].map((name) => `demo:res/files@1.0.0#${name}`),
    );
  });

  test("a method that throws is a fault with its error as cause", () => {
    const { exports, instance } = start();
    const file = new File("x");
    file.touch = () => {
      throw new RangeError("touched too hard");
    };
    const trap = thrown(() => exports.touch(file)) as TrapError;
    expect(trap).toMatchObject({ trap: "import-threw", message: expect.stringContaining("[method]file.touch") });
    expect((trap.cause as Error).message).toBe("touched too hard");
    expect(instance.state).toBe("trapped");
  });

  test("a dispose that throws is a fault with its error as cause", () => {
    const { exports, instance } = start();
    const file = new File("x");
    file[Symbol.dispose] = () => {
      throw new Error("will not close");
    };
    exports.take(file);
    const trap = thrown(() => exports.dropKept()) as TrapError;
    expect(trap).toMatchObject({ trap: "import-threw", message: expect.stringContaining("[resource-drop]file") });
    expect((trap.cause as Error).message).toBe("will not close");
    expect(instance.state).toBe("trapped");
  });
});

describe("re-entry is refused", () => {
  test("from a method", () => {
    const { exports, instance } = start();
    const file = new File("x");
    let inner: Error | undefined;
    file.touch = () => {
      expect(instance.depth).toBe(1);
      inner = thrown(() => exports.kept());
    };
    exports.touch(file);
    expect(inner).toMatchObject({ name: "TrapError", trap: "cannot-enter-component" });
    expect(instance.state).toBe("live");
    expect(exports.kept()).toBe(0);
  });

  test("from a destructor", () => {
    const { exports, instance } = start();
    const file = new File("x");
    let inner: Error | undefined;
    file[Symbol.dispose] = () => {
      inner = thrown(() => exports.kept());
    };
    exports.take(file);
    exports.dropKept();
    expect(inner).toMatchObject({ trap: "cannot-enter-component" });
    expect(instance.state).toBe("live");
  });

  test("from a getter of an argument only once the guest runs", () => {
    const { exports } = start();
    const file = new File("x");
    const all = {
      length: 1,
      get 0(): File {
        exports.kept();
        return file;
      },
    };
    // No array: refused, but the getter's own call was an ordinary one.
    expect(thrown(() => exports.takeAll(all))).toBeInstanceOf(LowerError);
    expect(exports.kept()).toBe(0);
  });

  test("disposing of the instance inside its own import ends the call, and nothing runs after it", () => {
    const { exports, instance } = start();
    const file = new File("x");
    file.touch = () => void instance.dispose();
    expect(thrown(() => exports.touch(file))).toMatchObject({ name: "UnloadedError" });
    expect(instance.state).toBe("unloaded");
    expect(thrown(() => exports.kept())).toMatchObject({ name: "UnloadedError" });
  });
});

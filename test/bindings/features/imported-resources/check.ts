import { expect } from "vitest";
import { type Check, trapOf } from "../../check.ts";

/** A host whose files count how many are alive. */
function files() {
  const living = new Set<object>();
  class File {
    static made = 0;
    readonly #name: string;
    constructor(name: string) {
      this.#name = name;
      living.add(this);
    }
    name() {
      return this.#name;
    }
    write(data: Uint8Array) {
      return data.length;
    }
    dispose() {
      return "the host's own dispose";
    }
    static open(name: string) {
      if (name === "missing") throw Object.assign(new Error("missing"), { payload: "missing" });
      return new File(name);
    }
    static join(all: File[]) {
      return all.map((file) => file.name()).join("&");
    }
    [Symbol.dispose]() {
      living.delete(this);
    }
  }
  class Link {
    readonly #to: string;
    constructor(to: string) {
      this.#to = to;
      if (to === "missing") throw Object.assign(new Error("missing"), { payload: "missing" });
    }
    target() {
      return this.#to;
    }
  }
  const functions = {
    File,
    Link,
    swap: ({ left, right }: { left: File; right?: File }) =>
      right === undefined ? { left, right } : { left: right, right: left },
    eat: (file: File) => {
      living.delete(file);
      return `ate ${file.name()}`;
    },
    sizes: (a: File, b?: File) => [a.name().length, b?.name().length ?? 0],
  };
  return { living, File, functions };
}

export const check: Check = {
  async run({ name, instantiate }) {
    const host = files();
    const imports = { "test:resources/files": host.functions };
    const { user } = await instantiate(imports);
    expect(user.everything()).toEqual([
      "made",
      "the host's own dispose",
      "3",
      "opened",
      "0",
      "made&opened",
      "4 6",
      "0",
      "opened made",
      "alone",
      "ate opened",
      "there",
      "no link",
    ]);
    expect(host.living.size).toBe(0);

    const lent = new host.File("lent");
    expect(user.describe(lent)).toBe("<lent>");
    expect(user.describeAll([lent, new host.File("other")])).toBe("lent+other");
    // Lent again: each call gets a handle of its own and gives it back.
    expect(user.describeAll([lent, lent])).toBe("lent+lent");
    const back = user.pass(lent);
    expect(back.name()).toBe("lent");

    user.keep(back);
    expect(user.kept().name()).toBe("lent");
    expect(user.kept()).toBe(undefined);

    const pair = user.pairUp(new host.File("l"), undefined);
    expect([pair.left.name(), pair.right]).toEqual(["l", undefined]);
    expect(user.pairUp(new host.File("l"), new host.File("r")).right.name()).toBe("r");

    expect(user.fail("good").name()).toBe("good");
    expect(() => user.fail("bad")).toThrow(expect.objectContaining({ payload: "denied" }));
    expect(user.linkTo("there").target()).toBe("there");
    expect(() => user.linkTo("missing")).toThrow(expect.objectContaining({ payload: "missing" }));

    // What the module forgets, its collector drops.
    host.living.clear();
    user.litter(1000);
    user.collect();
    expect(host.living.size).toBe(0);

    user.remember(new host.File("short"));
    expect(trapOf(() => user.recall()).guestMessage ?? "").toMatch(
      name === "tenon" ? /lent for a call that is over/ : /^$/,
    );
    const second = await instantiate(imports);
    const trap = trapOf(() => second.user.misuse());
    if (name === "tenon") expect(trap.guestMessage).toMatch(/was given away or dropped/);
  },
};

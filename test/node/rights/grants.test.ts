import { describe, expect, test } from "vitest";
import { ReloadError, UsageError } from "../../../host/errors.ts";
import { createHost } from "../../../host/node/index.ts";
import { type Grants, review, RightsError } from "../../../host/node/rights.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

/** A component that calls nothing and imports functions of these interfaces. */
async function importing(imports: Readonly<Record<string, readonly string[]>>): Promise<Uint8Array<ArrayBuffer>> {
  const text = Object.entries(imports).map(([id, names]) => {
    return `(import "${id}" (instance ${names.map((name) => `(export "${name}" (func))`).join(" ")}))`;
  });
  return parseWat(`(component ${text.join("\n")} (core module $m (func (export "f")))
    (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))`);
}

const log = { "my:app/log@1.2.0": ["write"] };
const more = { "my:app/log@1.3.0": ["write", "clear"], "wasi:http/outgoing-handler@0.2.0": ["handle"] };
const nothing = (): void => undefined;
const imports = {
  "my:app/log@1.3.0": { write: nothing, clear: nothing },
  "wasi:http/outgoing-handler@0.2.0": { handle: nothing },
};

describe("load with grants", () => {
  test("lets in what needs no more, by what a review said it needs", async () => {
    const source = await importing(log);
    const grants = JSON.parse(JSON.stringify((await review(source)).needs)) as Grants;
    await using host = createHost({ imports });
    await host.load(source, { name: "m", grants });
    await host.load(await importing({}), { name: "pure", grants: {} });
  });

  test("refuses what needs more, with all of it, before an import is met or anything runs", async () => {
    let asked = 0;
    const factory = (): object => ({ ...imports, asked: asked++ });
    await using host = createHost();
    const error = await host
      .load(await importing(more), { name: "m", imports: factory, grants: { "my:app/log@1": ["write"] } })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RightsError);
    expect(error).toMatchObject({
      code: "rights",
      name: "RightsError",
      message: "Module m needs more than it is granted: to send HTTP requests; to use my:app/log@1: clear",
      missing: { network: ["http"], "my:app/log@1": ["clear"] },
    });
    expect(asked).toBe(0);
    expect(host.get("m")).toBeUndefined();
  });

  test("holds for a module that is there already, and for several", async () => {
    await using host = createHost({ imports });
    const source = await importing(more);
    await host.load(source, { name: "m" });
    await expect(host.load(source, { name: "m", grants: {} })).rejects.toThrow(RightsError);
    await host.load(source, { name: "m", grants: { network: true, "my:app/log": true } });
    await expect(host.loadAll([{ source, name: "n", grants: {} }])).rejects.toThrow(RightsError);
    expect(host.manifest().map(({ name }) => name)).toEqual(["m"]);
  });

  test("of the host hold for each load that says nothing, and for its reloads", async () => {
    await using host = createHost({ imports, grants: { "my:app/log@1": ["write"] } });
    const source = await importing(more);
    await expect(host.load(source, { name: "m" })).rejects.toThrow(RightsError);
    await expect(host.load(source, { name: "m", grants: undefined })).rejects.toThrow(RightsError);
    await expect(host.loadAll([{ source, name: "m" }])).rejects.toThrow(RightsError);
    const module = await host.load(await importing(log), { name: "m" });
    const refused = await module.reload(source).catch((error: unknown) => error);
    expect((refused as ReloadError).cause).toBeInstanceOf(RightsError);
    await host.load(source, { name: "n", grants: { network: true, "my:app/log": true } });
    expect(host.manifest().map(({ name }) => name)).toEqual(["m", "n"]);
    expect(() => createHost({ grants: "all" as never })).toThrow("Expected grants to be an object");
  });

  test("refuses grants that are none", async () => {
    await using host = createHost({ imports });
    const source = await importing(log);
    const load = (grants: unknown): Promise<unknown> => host.load(source, { name: "m", grants: grants as Grants });
    await expect(load({ fils: true })).rejects.toThrow(
      "There is no capability fils to grant in grants; did you mean files?",
    );
    await expect(load("files")).rejects.toThrow(UsageError);
    await expect(load(null)).rejects.toThrow(UsageError);
    await expect(load([])).rejects.toThrow(UsageError);
  });
});

describe("reload of a module with grants", () => {
  test("refuses an update that needs more, and the old version serves", async () => {
    await using host = createHost({ imports });
    const module = await host.load(await importing(log), { name: "m", grants: { "my:app/log@1": ["write"] } });
    const { hash } = module;
    const error = await module.reload(await importing(more)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ReloadError);
    expect((error as ReloadError).stage).toBe("check");
    expect((error as ReloadError).cause).toMatchObject({ missing: { network: ["http"], "my:app/log@1": ["clear"] } });
    expect(module).toMatchObject({ state: "live", hash });
  });

  test("takes new grants with the update, which hold from then on", async () => {
    await using host = createHost({ imports });
    const module = await host.load(await importing(log), { name: "m", grants: { "my:app/log@1": ["write"] } });
    const grants = { network: ["http"], "my:app/log@1": true } as const;
    await module.reload(await importing(more), { grants });
    await module.reload(await importing(more));
    const beyond = await importing({ ...more, "wasi:cli/exit@0.2.0": ["exit"] });
    const refused = await module
      .reload(beyond, { imports: { ...imports, "wasi:cli/exit@0.2.0": { exit: nothing } } } as never)
      .catch((thrown: unknown) => thrown);
    expect((refused as ReloadError).cause).toMatchObject({ missing: { exit: ["exit"] } });
  });

  test("an update that is refused changes nothing of what is granted", async () => {
    await using host = createHost();
    const module = await host.load(await importing({}), { name: "m", grants: {} });
    // Granted, but nobody meets its imports.
    await expect(module.reload(await importing(log), { grants: { "my:app/log": true } })).rejects.toThrow(ReloadError);
    await expect(module.reload(await importing(log), { imports })).rejects.toThrow(
      expect.objectContaining({ cause: expect.any(RightsError) }),
    );
  });
});

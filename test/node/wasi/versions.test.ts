/** Every version of WASI 0.2: all of its functions are met, and where nothing meets them, the error says where to have them. */
import { beforeAll, describe, expect, test } from "vitest";
import { wasi as wasiInPage } from "../../../host/browser/wasi.ts";
import { wasi } from "../../../host/node/wasi.ts";
import { componentEmbed, componentNew, emptyModule } from "../../../scripts/toolchain/wasm-tools.ts";
import { component } from "../host/fixtures.ts";
import { caught, host } from "../host/support.ts";
import { guest, type Guest } from "./guest.ts";
import { packages } from "./net/packages.ts";

const VERSIONS = Array.from({ length: 13 }, (_, patch) => `0.2.${patch}`);
const PACKAGES = ["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];

/** The interfaces of a package, but for those that are not stable. */
function interfacesOf(name: string): string[] {
  return (
    [...packages([name]).matchAll(/^ *(?:@(\w+)\([^)]*\)\s*)?interface ([\w-]+) \{/gm)]
      .filter(([, gate]) => gate !== "unstable")
      .map(([, , id]) => `wasi:${name}/${id}`)
      // What a component of wasi:cli and wasi:http exports.
      .filter((id) => !["wasi:cli/run", "wasi:http/incoming-handler"].includes(id))
  );
}

const INTERFACES = PACKAGES.flatMap(interfacesOf);

/** A component that imports every function of WASI 0.2.12 under the name of another version: no version has more. */
async function importingAll(version: string): Promise<Uint8Array<ArrayBuffer>> {
  const world = `world all { ${INTERFACES.map((id) => `import ${id}@0.2.12;`).join(" ")} }`;
  const witSource = `package demo:all; ${world} ${packages(PACKAGES)}`
    .replaceAll(/@since\([^)]*\)/g, "")
    .replaceAll("@0.2.12", `@${version}`);
  return componentNew(await componentEmbed(emptyModule, { witSource, dummy: true, features: "all" }));
}

test("wasi() has each interface, for what it has not would link too, and be refused at the call", async () => {
  expect(INTERFACES.length).toBeGreaterThan(25);
  expect(new Set(INTERFACES.map((id) => id.split(/[:/]/)[1]))).toEqual(new Set(PACKAGES));
  const faces = async (of: typeof wasi): Promise<string[]> => Object.keys(await of()({ module: "m" }));
  expect(await faces(wasi)).toEqual(expect.arrayContaining(INTERFACES));
  // A page has no sockets.
  const inPage = INTERFACES.filter((id) => !id.startsWith("wasi:sockets/"));
  expect(await faces(wasiInPage)).toEqual(expect.arrayContaining(inPage));
});

describe.each(VERSIONS)("%s", (version) => {
  let all: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    all = await importingAll(version);
  });

  test("each function is met, in Node and in a page", async () => {
    for (const imports of [wasi(), wasiInPage()]) {
      const module = await host().load(all, { name: "all", imports });
      expect((await module.unload()).errors).toEqual([]);
    }
  });

  test("a guest that uses it runs", async () => {
    const stdout: Uint8Array[] = [];
    const imports = wasi({ stdin: "text", stdout, clocks: { now: 1.5, monotonic: () => 7n } });
    const { exports } = (await host().load(await guest(version), { name: "guest", imports })) as unknown as Guest;
    expect([exports.now(1), exports.wall(1), exports.echo()]).toEqual([7n, 1_500_000, 1]);
    expect(Buffer.concat(stdout).toString()).toBe("text");
  });

  test("without wasi() each interface is missing, and the link error says where to have them", async () => {
    const refused = await caught(host().load(all, { name: "none" }));
    expect(refused).toMatchObject({ code: "link" });
    const lines: string[] = refused.message.split("\n");
    for (const id of INTERFACES) expect(lines).toContainEqual(expect.stringContaining(`${id}@${version} is missing: `));
    expect(lines.filter((line) => line.includes("WASI can be had from tenon/wasi, denied by default"))).toHaveLength(1);
  });
});

test.each(["wasi:cli/environment@0.1.0", "wasi:cli/environment@0.4.0", "wasi:cli/environment@1.2.0"])(
  "wasi() does not meet %s",
  async (name) => {
    const bytes = await component(`(component (import "${name}" (instance (export "f" (func)))))`);
    const refused = await caught(host().load(bytes, { name: "none", imports: wasi() }));
    expect(refused).toMatchObject({ code: "link" });
    expect(refused.message).toContain(`${name} is missing: `);
  },
);

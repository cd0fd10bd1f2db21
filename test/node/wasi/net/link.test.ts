/** The faces of `wasi:http` and `wasi:sockets` against the WIT: a component that imports all of it, made from it. */
import { expect, test } from "vitest";
import { wasi as wasiInPage } from "../../../../host/browser/wasi.ts";
import { createHost } from "../../../../host/node/index.ts";
import { wasi } from "../../../../host/node/wasi.ts";
import { componentEmbed, componentNew, emptyModule } from "../../../../scripts/toolchain/wasm-tools.ts";
import { packages } from "./packages.ts";

const ALL = ["http/types", "http/outgoing-handler"];
const SOCKETS = [
  "instance-network",
  "network",
  "ip-name-lookup",
  "tcp",
  "tcp-create-socket",
  "udp",
  "udp-create-socket",
];

test("wasi meets every function of wasi:http and wasi:sockets, in Node and in a page", async () => {
  const imports = [...ALL, ...SOCKETS.map((name) => `sockets/${name}`)].map((name) => `import wasi:${name}@0.2.12;`);
  const world = `world all { ${imports.join(" ")} export wasi:http/incoming-handler@0.2.12; }`;
  const witSource = `package demo:all; ${world} ${packages(["io", "clocks", "random", "cli", "http", "filesystem", "sockets"])}`;
  const bytes = await componentNew(await componentEmbed(emptyModule, { witSource, dummy: true, features: "all" }));
  const host = createHost();
  for (const imports of [wasi(), wasiInPage()]) {
    const module = await host.load(bytes, { name: "all", imports });
    expect(module.get("wasi:http/incoming-handler#handle")).toBeTypeOf("function");
    await module.unload();
  }
  // What nobody gives is refused.
  await expect(host.load(bytes, { name: "none" })).rejects.toMatchObject({ code: "link" });
});

/** A source map that is a file beside the component: read when something has trapped, and only from there. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { TrapError } from "../../../host/errors.ts";
import { createHost } from "../../../host/node/index.ts";
import { thrown } from "../runtime/support.ts";
import { buildFaultsIn } from "./faults.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "tenon-map-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function position(source: string | URL): Promise<TrapError["position"]> {
  const host = createHost();
  const module = await host.load(source, { imports: { host: () => undefined } });
  const trap = thrown(() => module.require("division")(0)) as TrapError;
  expect(trap.trap).toBe("integer-divide-by-zero");
  await host.close();
  return trap.position;
}

test("TrapError.position of a release build comes from the map beside the component, by path and by URL", async () => {
  const component = await buildFaultsIn(folder, { sourceMap: "file" });
  const file = relative(process.cwd(), join(folder, "index.ts"));
  for (const source of [component, relative(process.cwd(), component), pathToFileURL(component)]) {
    expect(await position(source)).toMatchObject({ file, column: expect.any(Number) });
  }
  renameSync(`${component}.map`, `${component}.kept`);
  expect(await position(component)).toBeUndefined();
  mkdirSync(`${component}.map`);
  expect(await position(component)).toBeUndefined();
});

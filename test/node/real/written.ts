/** Components as `tenon bind` writes them, imported from a folder of their own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll } from "vitest";
import type { BoundComponent } from "../../../host/node/index.ts";
import { bind, type BindOptions } from "../../../scripts/toolchain/bind.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))));

/** @param options with the name `guest` where it says nothing else */
export async function bound(
  bytes: Uint8Array | Promise<Uint8Array>,
  options: BindOptions = {},
): Promise<BoundComponent> {
  const { entry, files } = bind(await bytes, { name: "guest", ...options });
  const folder = await mkdtemp(join(tmpdir(), "tenon-bound-"));
  folders.push(folder);
  for (const [name, contents] of files) await writeFile(join(folder, name), contents);
  return ((await import(pathToFileURL(join(folder, entry)).href)) as { default: BoundComponent }).default;
}

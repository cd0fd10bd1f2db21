/**
 * `npx tsx test/async/real.ts DIR [--json] [--filter TEXT] [--no-jspi] [--bound]`: runs components that others have built for asynchronous hosts, and
 * prints for each what became of it.
 *
 * DIR holds jco's prebuilt components of WASI 0.3 (`packages/jco-transpile/test/fixtures/components/p3`), which are fetched and never kept
 * here. What each must do is what the tests beside them, and those of wasmtime that they come from, say. Owns the command line and the
 * table; the cases are in `cases.ts`. Exits 1 when one fails for another reason than those known.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { BoundComponent } from "../../host/node/index.ts";
import type { Bench, Case } from "./bench.ts";

/** A case takes milliseconds; one that sleeps or is told to time out takes some seconds. */
const MOST_MS = 10_000;

interface Row {
  readonly title: string;
  readonly result: "passes" | "fails" | "needs jspi" | "outdated" | "absent";
  readonly ms: number;
  readonly reason?: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    filter: { type: "string", default: "" },
    "no-jspi": { type: "boolean", default: false },
    bound: { type: "boolean", default: false },
  },
});

async function main(directory: string): Promise<number> {
  if (values["no-jspi"]) {
    for (const name of ["Suspending", "promising", "SuspendError"]) Reflect.deleteProperty(WebAssembly, name);
  }
  // Only now: the host looks once at what the engine has.
  const { cases } = await import("./cases.ts");
  const { createHost } = await import("../../host/node/index.ts");
  const rows: Row[] = [];
  for (const item of cases.filter(({ title }) => title.includes(values.filter))) {
    const absent = item.files.find((file) => !existsSync(join(directory, file)));
    let begun = performance.now();
    const row = (result: Row["result"], reason?: string): Row => ({
      title: item.title,
      result,
      ms: Math.round(performance.now() - begun),
      ...(reason === undefined ? {} : { reason }),
    });
    if (absent !== undefined) {
      rows.push(row("absent", `no ${absent}`));
      continue;
    }
    const host = createHost();
    const bench: Bench = {
      load: async (component, imports) => {
        const isFile = typeof component === "string";
        const bytes = isFile ? new Uint8Array(readFileSync(join(directory, component))) : component;
        return host.load(values.bound ? await bound(bytes) : bytes, {
          name: isFile ? component : "built",
          ...(imports && { imports }),
        });
      },
    };
    try {
      await item.prepare?.();
      begun = performance.now();
      await within(MOST_MS, run(item, bench));
      rows.push(row("passes"));
    } catch (error) {
      rows.push(row(...judge(error)));
    } finally {
      await within(MOST_MS, host.close()).catch(() => undefined);
    }
    if (!values.json) print(rows.at(-1)!);
  }
  const counts: Record<string, number> = {};
  for (const { result } of rows) counts[result] = (counts[result] ?? 0) + 1;
  console.log(
    values.json ? JSON.stringify({ suspending: "Suspending" in WebAssembly, counts, rows }, null, 2) : counts,
  );
  return rows.some(({ result }) => result === "fails") ? 1 : 0;
}

/** The component as `tenon bind` writes it. */
async function bound(bytes: Uint8Array): Promise<BoundComponent> {
  const { bind } = await import("../../scripts/toolchain/bind.ts");
  const { entry, files } = bind(bytes);
  const folder = mkdtempSync(join(tmpdir(), "tenon-real-"));
  try {
    for (const [name, contents] of files) writeFileSync(join(folder, name), contents);
    const { default: written } = (await import(pathToFileURL(join(folder, entry)).href)) as { default: BoundComponent };
    const modules = written.modules.map((core) =>
      core !== undefined && "url" in core ? new WebAssembly.Module(readFileSync(new URL(core.url))) : core,
    );
    return { ...written, modules };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(item: Case, bench: Bench): Promise<void> {
  await item.run(bench);
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not over after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function judge(error: unknown): readonly [Row["result"], string] {
  const reason = error instanceof Error ? `${error.name}: ${error.message.split("\n")[0]}` : String(error);
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ((at as { feature?: unknown }).feature === "jspi") return ["needs jspi", reason];
  }
  // Built before the option `cancellable` left the format (WebAssembly/component-model#716).
  if (/cancellable|Expected 0x0|is not 0x0/.test(reason) && reason.startsWith("DecodeError"))
    return ["outdated", reason];
  return ["fails", reason];
}

function print({ title, result, ms, reason }: Row): void {
  console.log(
    `${result.padEnd(10)} ${String(ms).padStart(6)} ms  ${title}${reason === undefined ? "" : `\n             ${reason}`}`,
  );
}

const [directory] = positionals;
if (directory === undefined) {
  console.error("Usage: npx tsx test/async/real.ts DIR [--json] [--filter TEXT] [--no-jspi]");
  process.exitCode = 2;
} else {
  process.exit(await main(directory));
}

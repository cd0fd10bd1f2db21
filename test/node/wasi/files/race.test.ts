/**
 * Another program that swaps directories and files for links out, over and over, while a guest uses them. On Linux nothing gets out.
 * Elsewhere Node has no means that hold against this, as `directory` says: the tests are for Linux.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory } from "../../../../host/node/wasi.ts";
import { code, codeOr, FOLLOW, NO_FOLLOW, readText, rootOf, writeText } from "./support.ts";

const SECRET = "this is not for guests";
/** Attempts of the guest, and as many more as it takes until a program without a sandbox has been fooled. */
const ATTEMPTS = 300;
const MOST_ATTEMPTS = 300_000;

/** Swaps `inside/swap` and `inside/file` for links, and back, until it is ended. */
const swapper = `
  const { renameSync } = require("node:fs");
  process.stdout.write("ready");
  for (;;) {
    for (const name of ["swap", "file"]) {
      renameSync("inside/" + name, "aside-" + name);
      renameSync("link-" + name, "inside/" + name);
      renameSync("inside/" + name, "link-" + name);
      renameSync("aside-" + name, "inside/" + name);
    }
  }`;

test.skipIf(process.platform !== "linux")(
  "directory: a guest gets nowhere while its directory is swapped for a link out",
  { timeout: 120_000 },
  async () => {
    const outer = mkdtempSync(join(tmpdir(), "tenon-race-"));
    const inside = join(outer, "inside");
    mkdirSync(join(inside, "swap", "deep"), { recursive: true });
    mkdirSync(join(outer, "beside", "deep"), { recursive: true });
    writeFileSync(join(inside, "swap", "secret"), "inside");
    writeFileSync(join(inside, "file"), "inside");
    for (const path of ["beside/secret", "beside/deep/secret", "secret"]) writeFileSync(join(outer, path), SECRET);
    symlinkSync("../beside", join(outer, "link-swap"));
    symlinkSync("../secret", join(outer, "link-file"));

    const root = await rootOf(directory(inside));
    const child = spawn(process.execPath, ["-e", swapper], { cwd: outer, stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      let fooled = 0;
      const seen = new Set<unknown>();
      for (let i = 0; i < ATTEMPTS || (fooled === 0 && i < MOST_ATTEMPTS); i++) {
        // The control: without a sandbox the swap is seen.
        if (existsSync(join(inside, "swap")) && readsSecret(join(inside, "swap/secret"))) fooled++;
        for (const path of ["swap/secret", "swap/deep/secret", "swap/deep/../secret", "file"]) {
          seen.add(codeOr(() => readText(root, path)));
        }
        codeOr(() => writeText(root, "swap/made", "made"));
        codeOr(() => writeText(root, "file", "inside"));
        codeOr(() => root.createDirectoryAt("swap/made-directory"));
        codeOr(() => root.symlinkAt("x", "swap/made-link"));
        codeOr(() => root.linkAt(NO_FOLLOW, "swap/secret", root, "swap/made-hard"));
        codeOr(() => root.renameAt("swap/made", root, "swap/deep/moved"));
        for (const path of ["made", "secret", "made-link", "made-hard", "deep/moved"]) {
          if (path !== "secret") codeOr(() => root.unlinkFileAt(`swap/${path}`));
          const size = codeOr(() => root.statAt(FOLLOW, `swap/${path}`).size);
          if (size === BigInt(SECRET.length)) seen.add(`told of ${path}`);
        }
        codeOr(() => root.removeDirectoryAt("swap/made-directory"));
      }
      expect(fooled).toBeGreaterThan(0);
      // What is swapped between two steps is neither of the two.
      for (const raced of ["no-entry", "not-permitted", "not-directory", "loop", "invalid"]) seen.delete(raced);
      expect([...seen]).toEqual(["inside"]);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect(readdirSync(join(outer, "beside")).sort()).toEqual(["deep", "secret"]);
    expect(readdirSync(join(outer, "beside", "deep"))).toEqual(["secret"]);
    for (const path of ["beside/secret", "beside/deep/secret", "secret"]) {
      expect(readFileSync(join(outer, path), "utf8")).toBe(SECRET);
    }
    // A descriptor goes on meaning its directory.
    expect(code(() => root.statAt(FOLLOW, "../secret"))).toBe("not-permitted");
    rmSync(outer, { recursive: true });
  },
);

function readsSecret(path: string): boolean {
  try {
    return readFileSync(path, "utf8") === SECRET;
  } catch {
    return false;
  }
}

/**
 * `npm run dev`: `tenon dev` for the modules of this repository, with the page made from its sources and made again when they,
 * or those of the host, are saved.
 */
import { join } from "node:path";
import { main } from "../../host/cli/main.ts";
import { packageRoot } from "../toolchain/build/root.ts";
import { followPage } from "./page.ts";

const dist = join(packageRoot, "dist");
const end = await followPage(join(dist, "scripts", "toolchain", "dev", "page"));
// What `npm run build` has made stays as it is.
process.exitCode = await main(["dev", "--out-dir", join(dist, "dev"), ...process.argv.slice(2)], {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});
await end();

/** Workers of a page, or of a worker. */
import type { Engine } from "../runtime/engine.ts";
import { workerEngine } from "../worker/engine.ts";
import { threads } from "./thread.ts";

export const open: Engine["open"] = workerEngine(threads).open;

/** Workers in Node: threads with a channel of their own, which either side can wait for. */
import type { Engine } from "../runtime/engine.ts";
import { workerEngine } from "../worker/engine.ts";
import { threads } from "./thread.ts";

export const open: Engine["open"] = workerEngine(threads).open;

/** Workers in Node: threads with a channel of their own, which either side can wait for. */
import type { Engine } from "../runtime/engine.ts";
import { workerEngine } from "../worker/engine.ts";
import { threads } from "./thread.ts";

export const open: Engine["open"] = workerEngine(threads, "tenon").open;
/** For components that run by jco, which has no workers. */
export const refuse: Engine["open"] = workerEngine(threads, "jco").open;

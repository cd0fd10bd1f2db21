/** How Node starts workers. */
import { Worker } from "node:worker_threads";
import { threadsOf } from "./channel.ts";

export const threads: ReturnType<typeof threadsOf> = threadsOf(
  (options) => new Worker(new URL("./worker.ts", import.meta.url), options),
);

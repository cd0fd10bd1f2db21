#!/usr/bin/env node
/**
 * The program `tenon`.
 */
import { main } from "./main.ts";

// A reader that has seen enough (`tenon inspect … | head`) ends what is shown, not what is done.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});

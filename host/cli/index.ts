#!/usr/bin/env node
/**
 * The program `tenon`.
 */
import { main } from "./main.ts";

// When the reader of a pipe ends (`tenon inspect … | head`), the output is dropped and the command goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});

/** Calls the host back: imports are plain functions of the module `bindings/demo-log-log`. */
import { Tuple2 } from "./bindings/logger-client";
import { Entry, Level, now, write } from "./bindings/demo-log-log";

export function run(job: string): u32 {
  const started = now();
  let entries: u32 = 0;

  write(new Entry(Level.Info, `Starting ${job}`, []));
  entries++;

  if (job.length == 0) {
    write(new Entry(Level.Warning, "The job has no name", []));
    entries++;
  }

  const elapsed = now() - started;
  const fields = [new Tuple2<string, string>("job", job), new Tuple2<string, string>("ms", `${elapsed}`)];
  write(new Entry(Level.Debug, "Done", fields));
  return entries + 1;
}

/** The command line of tenon, run in this process. */
import { main } from "../../host/cli/main.ts";

/** Runs one command line, and gives what it wrote. */
export async function tenon(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const status = await main(args, { out: (text) => (out += text), err: (text) => (err += text) });
  return { status, out, err };
}

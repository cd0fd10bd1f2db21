/** The faces of `wasi:filesystem`: what is preopened, and the types. */
import { clocksFor } from "../clocks/face.ts";
import { IoError } from "../io/error.ts";
import type { Face, WasiState } from "../state.ts";
import { Descriptor, DirectoryEntryStream, directoryFlags, type Descriptors } from "./descriptor.ts";
import { codeOf, type FileErrorCode } from "./file-system.ts";
import { OpenHandles } from "./handle.ts";
import { Identities } from "./identities.ts";

/** Files and directories that one module may have open at once. */
const MOST_OPEN = 1_024;

function descriptorsOf(state: WasiState): Descriptors {
  return state.shared(Descriptor, () => {
    const open = new OpenHandles(MOST_OPEN);
    state.defer(() => open.end());
    const clocks = clocksFor(state);
    // A number of milliseconds is exact where the same time in nanoseconds is not.
    const now = (): bigint => {
      const ms = clocks.wall();
      const whole = Math.floor(ms);
      return BigInt(whole) * 1_000_000n + BigInt(Math.floor((ms - whole) * 1e6));
    };
    return { state, open, identities: new Identities(), now };
  });
}

/** What a guest is given, each time it asks. */
export function preopened(state: WasiState): [Descriptor, string][] {
  const all = descriptorsOf(state);
  const found: [Descriptor, string][] = Object.entries(state.options.preopens ?? {}).map(([name, fileSystem]) => {
    const root = fileSystem.root(all);
    return [new Descriptor(all, all.open.add(root), directoryFlags(root), name), name];
  });
  if (state.watched) state.access("wasi:filesystem/preopens", "get-directories", found.length > 0);
  return found;
}

export const preopens: Face = (state) => ({ getDirectories: () => preopened(state) });

export const types: Face = () => ({
  Descriptor,
  DirectoryEntryStream,
  filesystemErrorCode: (error: IoError): FileErrorCode | undefined => codeOf(error.cause),
});

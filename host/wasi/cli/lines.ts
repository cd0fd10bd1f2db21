/** Standard output that nobody has asked for: lines of the module's console. */
import { GuestConsole } from "../../module/imports/console.ts";
import type { ConsoleLevel } from "../../module/types.ts";
import type { Sink } from "../io/streams.ts";
import type { WasiState } from "../state.ts";

/** Milliseconds that a line without an end is waited for; a synchronous call is over before any time has passed. */
const PATIENCE_MS = 50;
/** Letters of a line without an end. */
const LONGEST_LINE = 65_536;

const nobody: NonNullable<WasiState["events"]> = { has: () => false, emit: () => undefined };

/** One console for both streams of an instance, so that what they say is bounded together. */
function consoleOf(state: WasiState): GuestConsole {
  return state.shared(GuestConsole, () => {
    const platform = { macrotask: () => new Promise<void>((resolve) => void setTimeout(resolve, 0)) };
    return new GuestConsole(state.module, { platform, events: state.events ?? nobody });
  });
}

export function lines(state: WasiState, level: ConsoleLevel): Sink {
  const { write } = consoleOf(state);
  const decoder = new TextDecoder();
  let rest = "";
  let timer: unknown;
  const tell = (): void => {
    if (rest !== "") write(level, rest);
    rest = "";
  };
  const later = (): void => {
    clearTimeout(timer as never);
    timer = setTimeout(tell, state.waiting.waits ? PATIENCE_MS : 0);
  };
  state.defer(() => {
    clearTimeout(timer as never);
    rest += decoder.decode();
    tell();
  });
  return {
    write(bytes) {
      rest += decoder.decode(bytes, { stream: true });
      const end = rest.lastIndexOf("\n");
      if (end >= 0) {
        const whole = rest.slice(0, end);
        rest = rest.slice(end + 1);
        for (const line of whole.split("\n")) write(level, line.endsWith("\r") ? line.slice(0, -1) : line);
      }
      if (rest.length > LONGEST_LINE) tell();
      if (rest !== "") later();
    },
  };
}

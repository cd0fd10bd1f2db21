/** What is said of streams and futures that fail, or whose instance has ended. */
import type { ChannelMachine } from "../abi/async/channel-tasks.ts";
import type { ChannelType } from "../abi/async/channel.ts";
import { behind } from "../abi/async/host-reader.ts";
import { isSource } from "../abi/async/host-writer.ts";
import { errorContexts, isMet, isPromise } from "../abi/async/passed.ts";
import { explain, type ExplainHandle } from "../abi/explain.ts";
import { LowerError } from "../errors.ts";
import { partsOf } from "../model/cases.ts";
import { formatType } from "../model/text.ts";
import type { ValueType } from "../model/types.ts";
import type { KeptPlan } from "../plan/plan.ts";
import { describe } from "../words.ts";
import { cutOff, SourceFault } from "./source-fault.ts";

export function channelErrors(
  plan: KeptPlan,
  instance: { readonly name: string; readonly explainHandle: ExplainHandle },
): Pick<ChannelMachine, "sourceFault" | "misfit" | "cutOff"> {
  const name = (type: ChannelType): string => {
    const found = typeAt(plan, type.path);
    return found === undefined ? (type.isFuture ? "future" : "stream") : formatType(found);
  };
  return {
    sourceFault: (type, error) => new SourceFault(name(type), error),
    misfit(type, value, place) {
      const found = typeAt(plan, type.path);
      const element = found && partsOf(found)[0];
      if (element === undefined) return new LowerError(place, "a number of units", describe(value));
      const mismatch = explain(element, value, place, instance.explainHandle);
      return mismatch === undefined
        ? new LowerError(place, formatType(element), describe(value))
        : new LowerError(mismatch.path, mismatch.expected, mismatch.found);
    },
    cutOff: () => cutOff(instance.name),
  };
}

/** Why values do not stand for streams, futures and error contexts; those of what a future carries are explained by `handle`. */
export function channelExplainer(
  handle: ExplainHandle,
  checks: Parameters<typeof isMet>[1],
): NonNullable<ExplainHandle["channel"]> {
  return (type, value) => {
    if (type.kind !== "stream" && type.kind !== "future")
      return errorContexts.fits(value) ? undefined : describe(value);
    const element = type.type;
    if (type.kind === "stream") {
      if (isSource({ element: element?.kind }, value)) {
        return isMet(value as object, checks) ? "a stream that the same call has already" : undefined;
      }
      if (behind(value)?.isOver === true) return "a stream that has ended, was cancelled or given away";
      return value instanceof ReadableStream ? "a ReadableStream that is locked" : describe(value);
    }
    if (isPromise(value)) return undefined;
    const fits = element === undefined ? value === undefined : explain(element, value, "future", handle) === undefined;
    return fits ? undefined : describe(value);
  };
}

/** The type at the end of a way that the text was given. */
function typeAt({ lifts, hostFuncs }: KeptPlan, path: readonly number[]): ValueType | undefined {
  const [index, place, ...parts] = path;
  if (index === undefined) return undefined;
  const { params, result } = (lifts[index] ?? hostFuncs[index - lifts.length]!).type;
  const start = params[place!]?.type ?? result;
  return parts.reduce<ValueType | undefined>((type, part) => type && partsOf(type)[part], start);
}

/** What is in a source that was read, told without running anything of it. */
import { UsageError } from "../../errors.ts";
import type { Platform } from "../../platform.ts";
import type { Content } from "../../runtime/engine.ts";
import type { Inspection } from "../../runtime/inspect.ts";
import { compiler, inspector } from "../../runtime/lazy.ts";
import { isBound } from "../../runtime/load-bound.ts";

/** What `inspect` tells: the data, and the same as text for people. */
export interface InspectedSource extends Inspection {
  readonly text: string;
}

export async function inspectContent({ body, limits }: Content, platform: Platform): Promise<InspectedSource> {
  if (isBound(body)) throw new UsageError(`Expected a component to inspect, got the bindings of "${body.name}"`);
  const { formatInspection, inspectBytes } = await inspector();
  const bytes = body instanceof Uint8Array ? body : await (await compiler()).readBody(body, limits);
  const found = inspectBytes(bytes, await platform.sha256(bytes));
  return { ...found, text: formatInspection(found) };
}

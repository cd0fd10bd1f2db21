/**
 * What came of a call, as elements: a value, the guest's error, a trap with all that is known of it, or a refusal.
 */
import type { TrapError } from "../../../../host/errors.ts";
import type { Outcome } from "./call.ts";
import { formatMs, h } from "./dom.ts";
import { type NameObject, printValue } from "./value.ts";

export function showOutcome(outcome: Outcome, nameObject: NameObject): HTMLElement {
  switch (outcome.kind) {
    case "value":
      return box("value", "Value", outcome.ms, printValue(outcome.value, nameObject));
    case "error":
      return box("error", "Error, as a result", outcome.ms, printValue(outcome.payload, nameObject));
    case "trap":
      return box("trap", `Trap: ${outcome.error.trap}`, outcome.ms, ...trapDetails(outcome.error));
    case "refused":
      return box("refused", outcome.title, undefined, h("p", {}, outcome.message));
  }
}

function box(kind: string, title: string, ms: number | undefined, ...content: Node[]): HTMLElement {
  const time = ms === undefined ? undefined : h("span", { class: "time" }, formatMs(ms));
  return h("div", { class: `outcome ${kind}` }, h("p", { class: "outcome-title" }, title, time), content);
}

/** Message, place in the source, and frames. */
function trapDetails(error: TrapError): HTMLElement[] {
  const { guestMessage, position, frames } = error;
  const place = position === undefined ? undefined : `${position.file}:${position.line}:${position.column}`;
  const facts: [string, string | undefined][] = [
    ["Code", error.trap],
    ["The guest says", guestMessage],
    ["At", place],
    ["In", error.export],
  ];
  const rows = facts.flatMap(([name, text]) =>
    text === undefined || text === "" ? [] : [h("div", {}, h("dt", {}, name), h("dd", {}, text))],
  );
  const list = h(
    "ol",
    { class: "frames" },
    frames.map(({ function: name, file, line, column }) =>
      h("li", {}, file === undefined ? name : `${name} (${file}:${line}:${column})`),
    ),
  );
  const count = frames.length;
  return [
    h("p", {}, error.message),
    h("dl", { class: "facts" }, rows),
    ...(count === 0 ? [] : [h("details", {}, h("summary", {}, `Frames (${count})`), list)]),
  ];
}

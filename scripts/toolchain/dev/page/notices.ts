/**
 * What a person should know about a module now: a build that failed, a lock after a trap, a refusal, the last swap
 * by stage, the receipt of an unload.
 */
import { InUseError, LinkError, ReloadError, StillRunningError, TrapError } from "../../../../host/errors.ts";
import type { UnloadReceipt } from "../../../../host/module/types.ts";
import type { CollectionReport } from "../../../../host/runtime/engine.ts";
import type { Issue } from "../protocol.ts";
import { type Child, formatBytes, formatMs, h, plural } from "./dom.ts";
import { canNudge, nudge } from "./nudge.ts";
import type { Entry, Journey, Problem, Session } from "./session.ts";
import { isLocked } from "./state.ts";

export function notices(entry: Entry, session: Session): HTMLElement[] {
  const { issues, module, problem, journey, receipt, collected } = entry;
  return [
    ...(issues.length > 0 ? [buildFailure(issues, module?.hash)] : []),
    ...(isLocked(module) ? [lock(entry, session)] : []),
    ...(problem === undefined ? [] : [refusal(entry, problem, session)]),
    // The last swap is old news while the source does not build.
    ...(journey === undefined || issues.length > 0 ? [] : [swap(journey)]),
    ...(receipt === undefined ? [] : [unloadReceipt(receipt, collected)]),
  ];
}

function notice(kind: string, title: string, ...content: Child[]): HTMLElement {
  const role = kind.startsWith("bad") ? "alert" : "status";
  return h("section", { class: `notice ${kind}`, role }, h("h2", {}, title), content);
}

function button(label: string, act: () => void): HTMLElement {
  return h("button", { type: "button", class: "small", onclick: act }, label);
}

function buildFailure(issues: readonly Issue[], hash: string | undefined): HTMLElement {
  const serving =
    hash === undefined ? "There is no version to serve yet." : `Version ${hash.slice(0, 12)} still serves.`;
  const title =
    issues.length === 1 ? "The new source does not build" : `The new source does not build: ${issues.length} errors`;
  return notice("bad build-failure", title, h("p", {}, serving), h("ul", { class: "issues" }, issues.map(oneIssue)));
}

function oneIssue({ file, line, column, message, hint, excerpt }: Issue): HTMLElement {
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  const lines = excerpt.map(({ line: number, text }) => {
    const here = number === line;
    const caret = here && column !== undefined ? `\n${" ".repeat(5)}│ ${" ".repeat(Math.max(0, column - 1))}^` : "";
    return h("span", { class: here ? "here" : "" }, `${String(number).padStart(4)} │ ${text}${caret}\n`);
  });
  return h(
    "li",
    {},
    h("p", { class: "issue-message" }, message),
    place !== "" && h("p", { class: "issue-place" }, h("code", {}, place)),
    lines.length > 0 &&
      h("pre", { class: "excerpt", tabindex: 0, "aria-label": `Source at ${place}` }, h("code", {}, lines)),
    hint !== undefined && h("p", { class: "hint" }, hint),
  );
}

function lock(entry: Entry, session: Session): HTMLElement {
  const again = button("Fresh instance", () => void session.reload(entry));
  if (entry.module?.state === "exited") return notice("lock", "The guest has ended itself", again);
  const trap = entry.module?.trap;
  const code = trap instanceof TrapError ? ` (${trap.trap})` : "";
  return notice(
    "bad lock",
    `Locked after a trap${code}`,
    h(
      "p",
      {},
      "A fault leaves a module half-way through its work, so every call is refused until a fresh instance serves.",
    ),
    again,
  );
}

function refusal(entry: Entry, { what, error }: Problem, session: Session): HTMLElement {
  const titles = {
    load: "Could not be loaded",
    reload: "The new version was refused",
    unload: "Could not be unloaded",
  };
  const actions: HTMLElement[] = [];
  if (error instanceof InUseError) {
    const names = error.dependents.join(", ");
    actions.push(button(`Unload ${names} as well`, () => void session.unload(entry, { cascade: true })));
  } else if (error instanceof StillRunningError) {
    actions.push(button("Unload all the same", () => void session.unload(entry, { force: true })));
  } else if (what === "load") {
    actions.push(button("Try again", () => void session.load(entry)));
    if (error instanceof LinkError)
      actions.push(button("Load with stand-ins for its imports", () => void session.load(entry, true)));
  }
  const link =
    error instanceof LinkError
      ? error
      : error instanceof ReloadError && error.cause instanceof LinkError
        ? error.cause
        : undefined;
  const issues =
    link?.issues.map((issue) => h("li", {}, h("code", {}, issue.import ?? issue.export ?? ""), `: ${issue.reason}`)) ??
    [];
  return notice(
    "bad",
    titles[what],
    h("p", {}, error.message),
    issues.length > 1 && h("ul", {}, issues),
    what === "reload" && h("p", {}, "The version before it still serves."),
    actions.length > 0 && h("p", { class: "actions" }, actions),
  );
}

function swap({ title, stages, totalMs, state }: Journey): HTMLElement {
  const bar = h("div", { class: "bar", "aria-hidden": "true" });
  const list = h("dl", { class: "stages" });
  for (const { phase, stage, ms } of stages) {
    const words = `${stage} ${formatMs(ms)}`;
    bar.append(h("span", { class: phase, style: `flex-grow: ${Math.max(ms / totalMs, 0.002)}`, title: words }));
    list.append(h("div", { class: phase }, h("dt", {}, stage), h("dd", {}, formatMs(ms))));
  }
  const words = {
    moved: "The state was handed over.",
    dropped: "The old version's state was given up: the new one takes none.",
    none: "",
  };
  return notice("swap", title, h("p", { class: "total" }, h("b", {}, formatMs(totalMs)), " ", words[state]), bar, list);
}

function unloadReceipt(receipt: UnloadReceipt, collected: CollectionReport | undefined): HTMLElement {
  const { memoryBytes, hostResourcesDisposed, guestResourcesCut, deferredRun, teardown, durationMs, errors } = receipt;
  const words = { ran: "ran to its end", failed: "failed", absent: "has none", skipped: "skipped" };
  const facts: [string, string][] = [
    ["Memory let go", formatBytes(memoryBytes)],
    ["Resources of the host closed", String(hostResourcesDisposed)],
    ["Resources of the guest cut", String(guestResourcesCut)],
    ["Clean-ups run", String(deferredRun)],
    ["Teardown", words[teardown]],
    ["Took", formatMs(durationMs)],
  ];
  return notice(
    "receipt",
    "Unloaded",
    h(
      "dl",
      { class: "facts" },
      facts.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))),
    ),
    h("p", { class: "proof" }, ...proof(collected)),
    errors.length > 0 &&
      h(
        "ul",
        {},
        errors.map(({ message }) => h("li", {}, message)),
      ),
  );
}

function proof(report: CollectionReport | undefined): Child[] {
  if (report === undefined) {
    const ask = canNudge() && button("Make the engine collect", nudge);
    return ["Waiting for the engine to say that the memory is gone … ", ask];
  }
  const { reclaimed, memories, pending, waitedMs, holders } = report;
  if (reclaimed) {
    return [
      h("b", { class: "good" }, "Reclaimed: "),
      `the engine has freed ${plural(memories, "memory").replace("memorys", "memories")}, ${formatMs(waitedMs)} after the unload.`,
    ];
  }
  const why = holders.length > 0 ? ` ${holders.join("; ")}` : "";
  return [`Not yet: ${pending} of ${memories} still alive after ${formatMs(waitedMs)}.${why}`];
}

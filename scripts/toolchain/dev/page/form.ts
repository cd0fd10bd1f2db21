/**
 * The form of one exported function: fields for its parameters, a button, and what came of the last call.
 */
import { type Callable, type Description, typeName } from "./describe.ts";
import { failureOf, invoke, type Outcome } from "./call.ts";
import { type Child, formatMs, freshId, h, prose } from "./dom.ts";
import { type Field, makeField, shelfSelect } from "./fields.ts";
import { liveStream } from "./live.ts";
import { FieldError } from "./numbers.ts";
import { showOutcome } from "./outcome.ts";
import { type Entry } from "./session.ts";
import { givenAway } from "./shelf.ts";

export interface FunctionForm {
  readonly element: HTMLElement;
  /** For a function from bytes to bytes: where a stream is run through it. */
  readonly live: HTMLElement | undefined;
}

/** Told of every call, after it. */
export type Called = (entry: Entry, callable: Callable, outcome: Outcome) => void;

/** Forms of more fields than these begin folded. */
const MOST_OPEN_FIELDS = 8;

export function makeForm(entry: Entry, callable: Callable, description: Description, called: Called): FunctionForm {
  const context = { description, shelf: entry.shelf };
  const fields = callable.params.map(({ name, type }) => makeField(name, type, context));
  const self = callable.kind === "method" ? selfField(callable, entry) : undefined;
  const result = h("div", { class: "result", "aria-live": "polite" });
  const all = [...(self === undefined ? [] : [self]), ...fields];
  let calls = 0;
  const submit = (event: Event): void => {
    event.preventDefault();
    void made();
  };
  const made = async (): Promise<void> => {
    const turn = ++calls;
    result.replaceChildren(h("p", { class: "hint" }, "Waiting for the answer…"));
    const outcome = await call(entry, callable, description, self, fields);
    // Of several calls under way the last one is shown.
    if (turn === calls) result.replaceChildren(showOutcome(outcome, entry.shelf.nameOf));
    called(entry, callable, outcome);
  };
  const titleId = freshId("function");
  const form = h(
    "form",
    { class: "function", "aria-labelledby": titleId, novalidate: true, onsubmit: submit },
    h(
      "div",
      { class: "function-head" },
      h("h3", { id: titleId }, h("code", {}, signature(callable, description))),
      h("button", { type: "submit", class: "call" }, callable.kind === "constructor" ? "Make" : "Call"),
    ),
    callable.doc !== "" && h("p", { class: "doc" }, prose(callable.doc)),
    all.length > 0 && fieldsOf(all),
    result,
  );
  form.addEventListener("keydown", (event) => {
    // A text field takes several lines, so Enter alone would not send it.
    const text = event.target instanceof HTMLTextAreaElement;
    if (event.key !== "Enter" || !text || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return { element: form, live: liveStream(entry, callable) };
}

function fieldsOf(fields: readonly Field[]): HTMLElement {
  const inner = h(
    "div",
    { class: "fields" },
    fields.map(({ element }) => element),
  );
  if (inner.querySelectorAll("input, select, textarea").length <= MOST_OPEN_FIELDS) return inner;
  return h("details", { class: "arguments" }, h("summary", {}, "Arguments"), inner);
}

/** `api.add(a: s32, b: s32) → s32`. */
function signature({ written, params, result, kind }: Callable, { names }: Description): Child[] {
  const split = written.lastIndexOf(".") + 1;
  const list = params.flatMap(({ name, type }, index): Child[] => [
    index === 0 ? "" : ", ",
    h("span", { class: "param" }, name),
    ": ",
    h("span", { class: "type" }, typeName(type, names)),
  ]);
  const gives =
    kind === "constructor" || result === undefined
      ? []
      : [" → ", h("span", { class: "type" }, typeName(result, names))];
  // A narrow page may break the line where a reader would.
  const name = [h("span", { class: "owner" }, written.slice(0, split)), h("wbr"), h("b", {}, written.slice(split))];
  return [name, "(", h("wbr"), list, ")", gives];
}

function selfField({ resource, shelf }: Callable, entry: Entry): Field {
  const id = freshId("self");
  const control = h("select", { id });
  const read = shelfSelect(control, shelf ?? "", entry.shelf);
  return {
    element: h(
      "div",
      { class: "field" },
      h("label", { for: id }, "on", h("span", { class: "type" }, resource ?? "")),
      control,
    ),
    read: () => {
      const object = read();
      if (object === undefined) {
        control.focus();
        throw new FieldError(`There is no ${resource} to call this on yet: make one first`);
      }
      return object;
    },
  };
}

async function call(
  entry: Entry,
  callable: Callable,
  description: Description,
  selfOf: Field | undefined,
  fields: readonly Field[],
): Promise<Outcome> {
  const { module, shelf } = entry;
  if (module === undefined) {
    return { kind: "refused", title: "Refused", message: "The module is not loaded: nothing of it is left to call" };
  }
  let self: object | undefined;
  let args: unknown[];
  try {
    self = selfOf?.read() as object | undefined;
    args = fields.map((field) => field.read());
  } catch (error) {
    if (!(error instanceof FieldError)) return failureOf(error, 0);
    const folded = (document.activeElement ?? document.body).closest("details:not([open])");
    if (folded instanceof HTMLDetailsElement) folded.open = true;
    return { kind: "refused", title: "Not sent", message: error.message };
  }
  const { hash } = module;
  const outcome = await invoke(module, callable, self, args);
  if (outcome.kind === "value" || outcome.kind === "error") {
    callable.params.forEach(({ type }, index) => {
      for (const object of givenAway(type, args[index])) shelf.remove(object);
    });
    const { result } = callable;
    const ok = result?.kind === "result" ? result.ok : result;
    if (outcome.kind === "value") shelf.collect(ok, outcome.value, description, hash);
  }
  return outcome;
}

/** One line about a call, for the activity list. */
export function describeCall(
  { written }: Callable,
  outcome: Outcome,
): { readonly label: string; readonly text: string } {
  switch (outcome.kind) {
    case "value":
      return { label: "called", text: `${written} in ${formatMs(outcome.ms)}` };
    case "error":
      return { label: "error", text: `${written} gave an error, in ${formatMs(outcome.ms)}` };
    case "trap":
      return { label: "trap", text: `${written}: ${outcome.error.trap}` };
    case "refused":
      return { label: "refused", text: `${written}: ${outcome.message}` };
  }
}

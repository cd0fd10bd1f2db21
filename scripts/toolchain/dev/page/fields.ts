/**
 * Form fields for values of every WIT type: what a person enters becomes the JavaScript value the host takes.
 *
 * Owns how a type is entered. Ranges are checked here as well as by the host, to say it at the field itself.
 */
import { toCamelCase } from "../../../../host/model/spelling.ts";
import type { IntegerKind, ValueType } from "../../../../host/model/types.ts";
import { type Description, typeName } from "./describe.ts";
import { h, freshId } from "./dom.ts";
import { FieldError, parseNumber, parseNumbers } from "./numbers.ts";
import type { Shelf } from "./shelf.ts";

export interface Field {
  readonly element: HTMLElement;
  /** @throws {FieldError} when what was entered is no such value; it is then said at the field, which has the focus */
  read(): unknown;
}

export interface FieldContext {
  readonly description: Description;
  readonly shelf: Shelf;
}

/** A field with its label. */
export function makeField(label: string, type: ValueType, context: FieldContext): Field {
  switch (type.kind) {
    case "bool":
      return boolField(label, type, context);
    case "u8":
    case "s8":
    case "u16":
    case "s16":
    case "u32":
    case "s32":
    case "u64":
    case "s64":
    case "f32":
    case "f64":
      return numberField(label, type, type.kind, context);
    case "char":
    case "string":
      return textField(label, type, context);
    case "enum":
      return enumField(label, type, context);
    case "flags":
      return flagsField(label, type, context);
    case "record":
      return recordField(label, type, context);
    case "tuple":
      return tupleField(label, type, context);
    case "list":
      return isNumeric(type.element)
        ? numbersField(label, type, type.element.kind, context)
        : listField(label, type, context);
    case "map":
      return mapField(label, type, context);
    case "option":
      return optionField(label, type, context);
    case "variant":
      return casesField(label, type, type.cases, context);
    case "result":
      return casesField(
        label,
        type,
        [
          { name: "ok", type: type.ok },
          { name: "err", type: type.err },
        ],
        context,
      );
    case "own":
    case "borrow":
      return handleField(label, type, context);
    case "stream":
    case "future":
    case "error-context":
      return standInField(label, type, context);
  }
}

/** A value that is entered as one of another type: the elements of a stream, the value of a future, the words of an error-context. */
function standInField(label: string, type: ValueType, context: FieldContext): Field {
  const { inner, given } = enteredAs(type);
  const { names } = context.description;
  const shown = typeName(type, names);
  if (inner === undefined) {
    return { element: h("p", { class: "hint" }, `${label}: ${shown}, which is done at once`), read: () => undefined };
  }
  // It is called what it stands for.
  const description = { ...context.description, names: new Map(names).set(inner, shown) };
  const { element, read } = makeField(label, inner, { ...context, description });
  return { element, read: () => given(read()) };
}

function enteredAs(type: ValueType): { inner: ValueType | undefined; given: (value: unknown) => unknown } {
  const plainly = (value: unknown): unknown => value;
  switch (type.kind) {
    case "stream":
      return type.type === undefined
        ? // A chunk of elements without a type is their number.
          { inner: { kind: "u32" }, given: (units) => [units].values() }
        : { inner: { kind: "list", element: type.type, length: undefined }, given: plainly };
    case "future":
      return { inner: type.type && { ...type.type }, given: plainly };
    default:
      return { inner: { kind: "string" }, given: (debugMessage) => ({ debugMessage }) };
  }
}

type Numeric = IntegerKind | "f32" | "f64";

function isNumeric(type: ValueType): type is { readonly kind: Numeric } {
  return /^(?:[su](?:8|16|32|64)|f32|f64)$/.test(type.kind);
}

// Frames: a label with its type above a control, or a group of fields.

function labelled(label: string, type: ValueType, id: string, { description }: FieldContext): HTMLElement {
  return h("label", { for: id }, label, h("span", { class: "type" }, typeName(type, description.names)));
}

interface Frame {
  readonly element: HTMLElement;
  /** Says what is wrong, or nothing. */
  fail(message: string): FieldError;
  clear(): void;
}

/** A control with its label and a place for a complaint. */
function frame(
  label: HTMLElement,
  control: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement,
  hint = "",
): Frame {
  const errorId = freshId("error");
  const error = h("p", { class: "field-error", id: errorId, hidden: true });
  const hintId = freshId("hint");
  if (hint !== "") control.setAttribute("aria-describedby", hintId);
  const clear = (): void => {
    error.hidden = true;
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-errormessage");
  };
  control.addEventListener("input", clear);
  const element = h(
    "div",
    { class: "field" },
    label,
    control,
    hint !== "" && h("p", { class: "hint", id: hintId }, hint),
    error,
  );
  return {
    element,
    clear,
    fail: (message) => {
      error.textContent = message;
      error.hidden = false;
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-errormessage", errorId);
      control.focus();
      return new FieldError(message);
    },
  };
}

function fieldset(
  label: string,
  type: ValueType,
  { description }: FieldContext,
  ...children: Node[]
): HTMLFieldSetElement {
  const name = h("span", { class: "type" }, typeName(type, description.names));
  return h("fieldset", {}, h("legend", {}, label, name), ...children);
}

// Simple values.

function boolField(label: string, type: ValueType, context: FieldContext): Field {
  const id = freshId("bool");
  const control = h("input", { type: "checkbox", id });
  const element = h("div", { class: "field check" }, control, labelled(label, type, id, context));
  return { element, read: () => control.checked };
}

function numberField(label: string, type: ValueType, kind: Numeric, context: FieldContext): Field {
  const id = freshId("number");
  const float = kind.startsWith("f");
  const control = h("input", {
    id,
    value: "0",
    inputmode: float ? "decimal" : "numeric",
    autocomplete: "off",
    spellcheck: "false",
  });
  const { element, fail } = frame(labelled(label, type, id, context), control);
  return { element, read: () => said(fail, () => parseNumber(control.value, kind)) };
}

function textField(label: string, type: ValueType, context: FieldContext): Field {
  const id = freshId("text");
  const isChar = type.kind === "char";
  const control = isChar
    ? h("input", { id, value: "a", autocomplete: "off", spellcheck: "false" })
    : h("textarea", { id, rows: 1, autocomplete: "off", spellcheck: "false" });
  const { element, fail } = frame(labelled(label, type, id, context), control);
  return {
    element,
    read: () => {
      if (isChar && !/^[^\ud800-\udfff]$/su.test(control.value)) throw fail("One character, please");
      return control.value;
    },
  };
}

function enumField(label: string, type: Extract<ValueType, { kind: "enum" }>, context: FieldContext): Field {
  const id = freshId("enum");
  const control = h(
    "select",
    { id },
    type.names.map((name) => h("option", {}, name)),
  );
  return { element: frame(labelled(label, type, id, context), control).element, read: () => control.value };
}

function flagsField(label: string, type: Extract<ValueType, { kind: "flags" }>, context: FieldContext): Field {
  const boxes = type.names.map((name) => ({ name, control: h("input", { type: "checkbox" }) }));
  const rows = boxes.map(({ name, control }) => h("label", { class: "box" }, control, name));
  return {
    element: fieldset(label, type, context, h("div", { class: "boxes" }, rows)),
    read: () => Object.fromEntries(boxes.map(({ name, control }) => [toCamelCase(name), control.checked])),
  };
}

function numbersField(
  label: string,
  type: Extract<ValueType, { kind: "list" }>,
  kind: Numeric,
  context: FieldContext,
): Field {
  const id = freshId("numbers");
  const control = h("textarea", { id, rows: 1, autocomplete: "off", spellcheck: "false" });
  if (type.length !== undefined) control.value = Array.from({ length: type.length }, () => 0).join(" ");
  const hint =
    kind === "u8" ? 'Numbers with spaces between, or "text" for its UTF-8 bytes' : "Numbers with spaces between";
  const { element, fail } = frame(labelled(label, type, id, context), control, hint);
  return {
    element,
    read: () =>
      said(fail, () => {
        const numbers = parseNumbers(control.value, kind);
        if (type.length === undefined || numbers.length === type.length) return numbers;
        throw new FieldError(`Exactly ${type.length} numbers, please: there are ${numbers.length}`);
      }),
  };
}

/** Says a parser's complaint at the field. */
function said<T>(fail: Frame["fail"], parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof FieldError ? fail(error.message) : error;
  }
}

// Values made of others.

function recordField(label: string, type: Extract<ValueType, { kind: "record" }>, context: FieldContext): Field {
  const fields = type.fields.map(({ name, type: inner }) => ({ name, field: makeField(name, inner, context) }));
  return {
    element: fieldset(label, type, context, ...fields.map(({ field }) => field.element)),
    read: () => Object.fromEntries(fields.map(({ name, field }) => [toCamelCase(name), field.read()])),
  };
}

function tupleField(label: string, type: Extract<ValueType, { kind: "tuple" }>, context: FieldContext): Field {
  const fields = type.types.map((inner, index) => makeField(String(index), inner, context));
  return {
    element: fieldset(label, type, context, ...fields.map(({ element }) => element)),
    read: () => fields.map((field) => field.read()),
  };
}

interface Rows {
  readonly element: HTMLElement;
  /** The rows there are now. */
  readonly fields: readonly Field[];
}

/** Rows that can be added and removed. */
function rows(make: (index: number) => Field, noun: string, fixed: number | undefined): Rows {
  const fields: Field[] = [];
  const list = h("ol", { class: "rows" });
  const addButton = h("button", { type: "button", class: "small", onclick: () => add(true) }, `Add ${noun}`);
  function add(focus: boolean): void {
    const field = make(fields.length);
    fields.push(field);
    const remove = (): void => {
      fields.splice(fields.indexOf(field), 1);
      row.remove();
      addButton.focus();
    };
    const button = h(
      "button",
      { type: "button", class: "small quiet", "aria-label": `Remove this ${noun}`, onclick: remove },
      "Remove",
    );
    const row = h("li", {}, field.element, fixed === undefined && button);
    list.append(row);
    if (focus) row.querySelector<HTMLElement>("input, textarea, select, button")?.focus();
  }
  for (let index = 0; index < (fixed ?? 0); index++) add(false);
  return { element: h("div", {}, list, fixed === undefined && addButton), fields };
}

function listField(label: string, type: Extract<ValueType, { kind: "list" }>, context: FieldContext): Field {
  const made = rows(() => makeField("item", type.element, context), "item", type.length);
  return {
    element: fieldset(label, type, context, made.element),
    read: () => made.fields.map((field) => field.read()),
  };
}

function mapField(label: string, type: Extract<ValueType, { kind: "map" }>, context: FieldContext): Field {
  const pair: ValueType = { kind: "tuple", types: [type.key, type.value] };
  const made = rows(
    () => tupleField("entry", pair as Extract<ValueType, { kind: "tuple" }>, context),
    "entry",
    undefined,
  );
  return {
    element: fieldset(label, type, context, made.element),
    read: () => new Map(made.fields.map((field) => field.read() as [unknown, unknown])),
  };
}

function optionField(label: string, type: Extract<ValueType, { kind: "option" }>, context: FieldContext): Field {
  const id = freshId("option");
  const control = h("input", { type: "checkbox", id, "aria-label": `Give ${label}` });
  const slot = h("div", { class: "payload", hidden: true });
  let field: Field | undefined;
  control.addEventListener("change", () => {
    if (control.checked && field === undefined) slot.append((field = makeField("value", type.type, context)).element);
    slot.hidden = !control.checked;
  });
  const nested = type.type.kind === "option";
  const head = h("div", { class: "field check" }, control, labelled(label, type, id, context));
  return {
    element: h("div", { class: "option" }, head, slot),
    read: () => {
      if (!control.checked || field === undefined) return nested ? { tag: "none" } : undefined;
      return nested ? { tag: "some", val: field.read() } : field.read();
    },
  };
}

function casesField(
  label: string,
  type: ValueType,
  cases: readonly { readonly name: string; readonly type: ValueType | undefined }[],
  context: FieldContext,
): Field {
  const id = freshId("case");
  const control = h(
    "select",
    { id },
    cases.map(({ name }) => h("option", {}, name)),
  );
  const slot = h("div", { class: "payload" });
  const payloads = new Map<string, Field | undefined>();
  const show = (): void => {
    const { name, type: inner } = cases[control.selectedIndex]!;
    if (!payloads.has(name)) payloads.set(name, inner === undefined ? undefined : makeField(name, inner, context));
    const field = payloads.get(name);
    slot.replaceChildren(...(field === undefined ? [] : [field.element]));
    slot.hidden = field === undefined;
  };
  control.addEventListener("change", show);
  show();
  return {
    element: h("div", { class: "cases" }, frame(labelled(label, type, id, context), control).element, slot),
    read: () => {
      const field = payloads.get(control.value);
      return field === undefined ? { tag: control.value } : { tag: control.value, val: field.read() };
    },
  };
}

// Handles.

function handleField(
  label: string,
  type: Extract<ValueType, { kind: "own" | "borrow" }>,
  context: FieldContext,
): Field {
  const id = freshId("handle");
  const control = h("select", { id });
  const { element, fail } = frame(labelled(label, type, id, context), control);
  const read = shelfSelect(control, context.description.resources.get(type.resource) ?? "", context.shelf);
  return {
    element,
    read: () => {
      const object = read();
      if (object === undefined) throw fail(`There is no ${type.resource.name} yet: make one first`);
      return object;
    },
  };
}

/** Keeps a select showing the objects of a shelf. @returns a function that gives the chosen one */
export function shelfSelect(control: HTMLSelectElement, name: string, shelf: Shelf): () => object | undefined {
  const show = (): void => {
    const chosen = control.value;
    const options = shelf.list(name).map((kept) => h("option", {}, kept.name));
    control.replaceChildren(...(options.length === 0 ? [h("option", { value: "" }, "none yet")] : options));
    const last = options.at(-1);
    if (options.some(({ value }) => value === chosen)) control.value = chosen;
    else if (last !== undefined) control.value = last.value;
  };
  show();
  let shown = false;
  const stop = shelf.listen(() => {
    shown ||= control.isConnected;
    if (shown && !control.isConnected) stop();
    else show();
  });
  // One that was out of the page for a while has missed changes.
  control.addEventListener("focus", show);
  return () => shelf.list(name).find((kept) => kept.name === control.value)?.object;
}

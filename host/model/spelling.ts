/** How WIT names are spelled in JavaScript, as jco spells them: functions, resource classes and their members, interfaces. */

/** `HTTP-get` → `httpGet`. */
export function toCamelCase(kebab: string): string {
  const words = kebab.split("-");
  return words.map((word, place) => (place === 0 ? word.toLowerCase() : capitalise(word))).join("");
}

/** `HTTP-get` → `HttpGet`. */
export function toPascalCase(kebab: string): string {
  return kebab.split("-").map(capitalise).join("");
}

function capitalise(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase();
}

/** What a function's extern name says it is. */
export type FuncName =
  | { readonly kind: "function"; readonly js: string }
  | { readonly kind: "constructor"; readonly resource: string }
  | { readonly kind: "method" | "static"; readonly resource: string; readonly js: string };

const annotated = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/;

export function funcName(name: string): FuncName {
  const match = annotated.exec(name);
  if (match === null) return { kind: "function", js: externName(name) };
  const [, kind, resource, method] = match as unknown as [
    string,
    "constructor" | "method" | "static",
    string,
    string | undefined,
  ];
  if (kind === "constructor" || method === undefined) return { kind: "constructor", resource };
  return { kind, resource, js: toCamelCase(method) };
}

/** The key of a resource's class: an interface id keeps its name; anything else becomes PascalCase. */
export function className(resource: string): string {
  return resource.includes(":") ? resource : toPascalCase(resource);
}

/** The name of a static member: JavaScript allows none called `prototype`. */
export function staticName(js: string): string {
  return js === "prototype" ? "prototype_" : js;
}

/** An interface id (`demo:calc/api@1.0.0`) keeps its name; anything else becomes camelCase. */
export function externName(name: string): string {
  return name.includes(":") ? name : toCamelCase(name);
}

/** The short name of an interface: `api` for `demo:calc/api@1.0.0`; `undefined` when the name is no interface id. */
function shortName(name: string): string | undefined {
  const match = /\/([^/@]+)(?:@.*)?$/.exec(name);
  return match === null ? undefined : toCamelCase(match[1]!);
}

/** Short name → interface id. A short name that several of the interfaces would have is left out. */
export function shortNames(names: Iterable<string>): Map<string, string> {
  const found = new Map<string, string | undefined>();
  for (const name of names) {
    const short = shortName(name);
    if (short !== undefined) found.set(short, found.has(short) ? undefined : name);
  }
  for (const [short, name] of found) if (name === undefined) found.delete(short);
  return found as Map<string, string>;
}

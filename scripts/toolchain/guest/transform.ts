/**
 * The extension of asc (it calls them transforms) that runs while a module is compiled.
 *
 * Three things that text alone cannot do. AssemblyScript's allocator traps without a message when memory cannot grow: it is
 * made to say so first. A number of another type is converted silently where an export is called: the declared types of the
 * author's exports are compared with those of the world. And the exports get their canonical names, which AssemblyScript
 * cannot spell, before the module is optimised and its source map made.
 */

/** One exported function with its types as numbers go: `i32`, `u8`, …; `*` where the compiler itself is strict. */
export interface ExportTypes {
  /** As in `RequiredExport.name`, such as `add`, `state.save` or `Counter#increment`. */
  readonly name: string;
  readonly params: readonly string[];
  readonly result: string;
  /** The function is async: a task may stand for the result. */
  readonly async: boolean;
  /** Of an async method without a result: its export in the entry, which calls {@link voidCall} or {@link taskCall}. */
  readonly entry: string | undefined;
}

/** The function of the entry that calls a method which returns nothing. */
export const voidCall = (entry: string): string => `${entry}_void`;
/** The function of the entry that calls a method which returns a task. */
export const taskCall = (entry: string): string => `${entry}_task`;

/** The part of asc's syntax tree that is looked at. */
interface Node {
  readonly value?: Node | null;
  readonly text?: string;
  readonly name?: Node;
  readonly statements?: readonly Node[];
  readonly body?: Node;
  readonly ifTrue?: Node;
  readonly ifFalse?: Node;
  readonly expression?: Node;
}
interface Source extends Node {
  readonly normalizedPath: string;
}
interface Type {
  readonly isReference: boolean;
  toString(): string;
}
interface FunctionElement {
  readonly signature: { readonly parameterTypes: readonly Type[]; readonly returnType: Type };
  readonly declaration: {
    readonly signature: {
      readonly parameters: readonly { readonly type: { readonly range: object } }[];
      readonly returnType: { readonly range: object };
    };
  };
}
interface Element {
  /** Of a class's prototype: those of its objects, and the class it extends. */
  readonly instanceMembers?: ReadonlyMap<string, MethodPrototype> | null;
  readonly basePrototype?: Element | null;
  /** Of a function's prototype: its instances by type arguments, none for `""`. */
  readonly instances?: ReadonlyMap<string, FunctionElement | Element> | null;
  readonly members?: ReadonlyMap<string, Element> | null;
  readonly exports?: ReadonlyMap<string, Element> | null;
  /** Of a class. */
  readonly constructorInstance?: FunctionElement | null;
}
/** A method as it is declared, before anything is resolved. */
interface MethodPrototype {
  readonly declaration?: {
    readonly signature?: { readonly returnType: { readonly name?: { readonly identifier: Node } } };
  };
}
interface Program {
  readonly sources: readonly Source[];
  readonly filesByName: ReadonlyMap<string, Element>;
  error(code: number, range: object, arg0: string, arg1: string): void;
}

/** The part of binaryen's interface that is used: the one that comes with the compiler. */
interface BinaryenModule {
  getNumExports(): number;
  getExportByIndex(index: number): number;
  removeExport(name: string): void;
  addFunctionExport(internal: string, external: string): number;
}
interface Binaryen {
  getExportInfo(reference: number): { readonly name: string; readonly value: string };
}

/** The function of `tenon.ts` that notes that memory cannot grow. */
const outOfMemoryHook = "__tenon_out_of_memory";

/** "Type '{0}' is not assignable to type '{1}'." */
const notAssignable = 2322;

/**
 * A transform class for asc's `transforms` option.
 *
 * @param renames AssemblyScript export name → canonical core export name
 */
export function createTransform(
  exports: readonly ExportTypes[],
  renames: ReadonlyMap<string, string>,
): new () => object {
  return class {
    /** Set by asc, as is {@link binaryen}. */
    declare readonly program: Program;
    declare readonly binaryen: Binaryen;

    afterParse(parser: { readonly sources: readonly Source[] }): void {
      const allocator = parser.sources.find(({ normalizedPath }) => normalizedPath === "~lib/rt/tlsf.ts");
      const grow = allocator?.statements?.find((node) => node.name?.text === "growMemory");
      if (grow !== undefined) renameCalls(grow, "unreachable", outOfMemoryHook);
    }

    afterInitialize(program: Program): void {
      const index = program.filesByName.get("index");
      const entry = program.sources.find(({ normalizedPath }) => /(?:^|\/)bindings\/entry\.ts$/.test(normalizedPath));
      for (const { name, entry: own } of exports) {
        if (index === undefined || own === undefined || !returnsTask(index, name)) continue;
        const func = entry?.statements?.find((node) => node.name?.text === own);
        if (func !== undefined) renameCalls(func, voidCall(own), taskCall(own));
      }
    }

    afterCompile(module: BinaryenModule): void {
      const index = this.program.filesByName.get("index");
      for (const wanted of index === undefined ? [] : exports) {
        const found = find(index!, wanted.name);
        if (found !== undefined) compare(this.program, found, wanted);
      }
      renameExports(this.binaryen, module, renames);
    }
  };
}

function renameExports(binaryen: Binaryen, module: BinaryenModule, renames: ReadonlyMap<string, string>): void {
  const inner = new Map<string, string>();
  for (let i = module.getNumExports() - 1; i >= 0; i--) {
    const { name, value } = binaryen.getExportInfo(module.getExportByIndex(i));
    inner.set(name, value);
  }
  for (const [name, canonical] of renames) {
    const value = inner.get(name);
    if (value === undefined) throw new Error(`The generated bindings promise an export ${name} that they do not have`);
    module.removeExport(name);
    module.addFunctionExport(value, canonical);
  }
}

function renameCalls(node: Node, from: string, to: string): void {
  if (node.expression?.text === from) (node.expression as { text: string }).text = to;
  const inner = [node.body, node.ifTrue, node.ifFalse, node.expression, node.value, ...(node.statements ?? [])];
  for (const child of inner) {
    if (child != null) renameCalls(child, from, to);
  }
}

/** Whether a method is declared to return something. */
function returnsTask(file: Element, name: string): boolean {
  const [path = "", method = ""] = name.split("#");
  let type: Element | null | undefined = file;
  for (const part of path.split(".")) type = type?.exports?.get(part) ?? type?.members?.get(part);
  for (; type != null; type = type.basePrototype) {
    const declared = type.instanceMembers?.get(method)?.declaration?.signature?.returnType.name?.identifier.text;
    if (declared !== undefined) return declared !== "" && declared !== "void";
  }
  return false;
}

/** The compiled function of a name; `undefined` when it cannot be told, and then the compiler's own checks must do. */
function find(file: Element, name: string): FunctionElement | undefined {
  const [path = "", method] = name.split("#");
  let element: Element | undefined = file;
  for (const part of path.split(".")) element = element?.exports?.get(part) ?? element?.members?.get(part);
  if (method === undefined) return instanceOf(element);
  const type = element?.instances?.get("") as Element | undefined;
  if (method === "constructor") return type?.constructorInstance ?? undefined;
  return instanceOf(type?.members?.get(method) ?? element?.members?.get(method));
}

/** The one instance of a function without type parameters. */
function instanceOf(prototype: Element | undefined): FunctionElement | undefined {
  const only = prototype?.instances?.get("");
  return only !== undefined && "signature" in only && "declaration" in only ? only : undefined;
}

function compare(program: Program, { signature, declaration }: FunctionElement, wanted: ExportTypes): void {
  const { parameters, returnType } = declaration.signature;
  signature.parameterTypes.forEach((type, i) => {
    const expected = wanted.params[i] ?? "*";
    const range = parameters[i]?.type.range;
    if (expected !== "*" && `${type}` !== expected && range !== undefined)
      program.error(notAssignable, range, `${type}`, expected);
  });
  const result = `${signature.returnType}`;
  if (wanted.async && signature.returnType.isReference) return;
  if (wanted.result !== "*" && result !== wanted.result)
    program.error(notAssignable, returnType.range, result, wanted.result);
}

/**
 * Asynchronous functions of a world, as functions of `abi.ts`: how an export gives its caller the value, and how a call of an
 * import is begun without waiting for its end.
 *
 * Follows design/mvp/CanonicalABI.md, "canon task.return" and "canon lower" with `async`, and their core names
 * (`[task-return]…`, `[async-lower]…`).
 */
import { flatten, flattenFunc } from "../../../host/model/flatten.ts";
import { someType } from "../../../host/model/cases.ts";
import { layoutOf, MAX_FLAT_PARAMS, sequence } from "../../../host/model/layout.ts";
import type { FuncType } from "../../../host/model/types.ts";
import { type AbiEmitter, givesHandles, hasPointer } from "./abi.ts";
import type { AreaSizes } from "./areas.ts";
import type { GuestFile, GuestFunction } from "./world.ts";
import type { AssemblyWriter } from "./writer.ts";

const ignore = "// @ts-ignore: decorator";

/** The core module of what an exported function of a file needs from the host. */
export function exportModule(file: GuestFile): string {
  return `[export]${file.isWorld ? "$root" : file.id}`;
}

/** The type argument of a task or call: `Unit` for what has no result. */
function asyncResult(type: FuncType, abi: AbiEmitter): string {
  return type.result === undefined ? abi.scope.runtime("Unit") : abi.text(type.result);
}

/** Writes `NAME_return`, which hands the value of an export to its caller; for none, `NAME_resolve` takes the `Unit` of a task. */
export function returnFunction(
  writer: AssemblyWriter,
  name: string,
  func: GuestFunction,
  abi: AbiEmitter,
  areas: AreaSizes,
): void {
  const { result } = func.type;
  const flat = flatten(result === undefined ? [] : [result], MAX_FLAT_PARAMS);
  const core = (flat ?? ["usize"]).map((one, i) => `_${i}: ${one}`).join(", ");
  writer
    .blank()
    .write(ignore)
    .write(`@external("${exportModule(func.file)}", "[task-return]${func.witName}")`)
    .write(`declare function ${name}_return_(${core}): void;`);
  if (result === undefined) {
    writer.write(`export function ${name}_return(): void {`).write(`${name}_return_();`).write("}");
    writer.write(`export function ${name}_resolve(_: ${abi.scope.runtime("Unit")}): void {`);
    writer.write(`${name}_return_();`).write("}");
    return;
  }
  writer.write(`export function ${name}_return(v: ${abi.text(result)}): void {`);
  const blocks = hasPointer(result) || flat === undefined;
  if (blocks) writer.write("const mark = chain;");
  if (flat === undefined) {
    const { size } = layoutOf(result);
    let area = "results";
    if (!areas.reserve("results", size)) writer.write(`const ${(area = "_area")} = block(${size});`);
    abi.store(writer, result, "v", area);
    writer.write(`${name}_return_(${area});`);
  } else {
    writer.write(`${name}_return_(${abi.lower(writer, result, "v").join(", ")});`);
  }
  if (blocks) writer.write("release(mark);");
  writer.write("}");
}

/**
 * Writes `NAME_start`, which begins a call of an import.
 *
 * @param module the core module of the import
 */
export function startFunction(
  writer: AssemblyWriter,
  name: string,
  module: string,
  func: GuestFunction,
  abi: AbiEmitter,
): void {
  const { type, witName } = func;
  const { params } = flattenFunc(type, "lower", { async: true, callback: false });
  const subtask = `${abi.scope.runtime("Subtask")}<${asyncResult(type, abi)}>`;
  writer
    .blank()
    .write(ignore)
    .write(`@external("${module}", "[async-lower]${witName}")`)
    .write(`declare function ${name}_start_(${params.map((core, i) => `_${i}: ${core}`).join(", ")}): i32;`);
  writer.write(`class ${name}_call extends ${subtask} {`);
  writer.write(`_load(p: usize): ${asyncResult(type, abi)} {`);
  writer.write(type.result === undefined ? "return new Unit();" : `return ${abi.load(type.result, "p")};`);
  writer.write("}");
  const gives = type.params.some((param) => givesHandles(param.type));
  if (gives) writer.write("gifts: Gift[] = [];\n_refused(): void {\nhaveBack(this.gifts, 0);\n}");
  writer.write("}");

  const typed = type.params.map((param, i) => `_${i}: ${abi.text(param.type)}`);
  writer.write(`export function ${name}_start(${typed.join(", ")}): ${subtask} {`);
  writer.write("const mark = chain;").write(`const _call = new ${name}_call();`);
  if (gives) writer.write("gifts = _call.gifts;");
  const args = spillsAsync(type) ? [spilled(writer, type, abi)] : lowered(writer, type, abi);
  if (gives) writer.write("gifts = null;");
  if (type.result !== undefined) {
    writer.write(`_call._result = heap.alloc(${layoutOf(type.result).size});`);
    args.push("<i32>_call._result");
  }
  // The callee may read the arguments later, when others have left it.
  type.params.forEach((param, i) => {
    if (hasPointer(param.type)) writer.write(`_call._arguments.push(changetype<Object>(_${i}));`);
  });
  // What is lent must stay until the callee has returned.
  type.params.forEach((param, i) => {
    const lends = someType(param.type, (part) => part.kind === "borrow");
    if (lends) writer.write(`_call._lends.push(changetype<Object>(_${i}));`);
  });
  writer.write("_call._blocks = detach(mark);");
  writer
    .write(`_call._begin(${name}_start_(${args.join(", ")}));`)
    .write("return _call;")
    .write("}");
}

/** Whether the parameters of a call that does not wait travel through memory. */
function spillsAsync(type: FuncType): boolean {
  const { params } = flattenFunc(type, "lower", { async: true, callback: false });
  const flat = type.params.reduce((sum, param) => sum + layoutOf(param.type).flat.length, 0);
  return flat !== params.length - (type.result === undefined ? 0 : 1);
}

function spilled(writer: AssemblyWriter, type: FuncType, abi: AbiEmitter): string {
  const { offsets, size } = sequence(type.params.map((param) => param.type));
  writer.write(`const _params = block(${size});`);
  type.params.forEach((param, i) => abi.store(writer, param.type, `_${i}`, "_params", offsets[i]));
  return "<i32>_params";
}

function lowered(writer: AssemblyWriter, type: FuncType, abi: AbiEmitter): string[] {
  return type.params.flatMap((param, i) => abi.lower(writer, param.type, `_${i}`));
}

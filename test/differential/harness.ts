/**
 * One function, three answers: the host's, jco's and the reference's.
 *
 * Owns building an echo component under each of them and calling it; the tests own what they compare.
 */
import { createHash } from "node:crypto";
import { ComponentError } from "../../host/errors.ts";
import type { ValueType } from "../../host/model/types.ts";
import { compileBytes, memoriesOf } from "../compile.ts";
import type { Component, Instance } from "../../host/runtime/types.ts";
import { jcoComponent, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { bumpContext, HandleTable, type StringEncoding } from "../reference/context.ts";
import { liftValues, sourceOf, type CoreValue, type PlainValue } from "../reference/load.ts";
import { fromJs, toJs } from "../reference/mapping.ts";
import { lowerValues } from "../reference/store.ts";
import { maxFlatParams, maxFlatResults } from "../reference/types.ts";
import { coreParams, echoText, hostInterface, plainParams, resultType, slotsAt, type Signature } from "./echo.ts";

export async function compileText(text: string): Promise<Component> {
  const bytes = await parseWat(text);
  return compileBytes(bytes, createHash("sha256").update(bytes).digest("hex"), { name: "echo" });
}

type AnyFunction = (...args: unknown[]) => unknown;

/** A result is either returned or thrown: one value for both, as the component type has it. */
export function call(target: AnyFunction, args: readonly unknown[], result: ValueType): unknown {
  if (result.kind !== "result") return target(...args);
  let returned: unknown;
  try {
    returned = target(...args);
  } catch (error) {
    if (error instanceof Error && Object.hasOwn(error, "payload"))
      return { tag: "err", val: (error as unknown as ComponentError).payload };
    throw error;
  }
  return { tag: "ok", val: returned };
}

/** The import's side of the same convention. */
function answer(result: ValueType, args: readonly unknown[]): unknown {
  const value = args.length === 1 ? args[0] : args;
  if (result.kind !== "result") return value;
  const { tag, val } = value as { tag: string; val: unknown };
  if (tag === "err") throw new ComponentError(val);
  return val;
}

/** An echo component under the host and, when asked for, under jco. */
export class EchoPair {
  readonly signatures: readonly Signature[];
  readonly encoding: StringEncoding;
  /** The instance of the host under test. */
  host: Instance;
  readonly #start: () => Instance;
  readonly #jco: Record<string, AnyFunction> | undefined;
  /** What the import was last called with, by the host. */
  lastImportArgs: readonly unknown[] = [];
  #answer: ((args: readonly unknown[]) => unknown) | undefined;

  private constructor(
    signatures: readonly Signature[],
    encoding: StringEncoding,
    host: (imports: object) => Instance,
    jco: ((imports: Record<string, unknown>) => Record<string, AnyFunction>) | undefined,
  ) {
    this.signatures = signatures;
    this.encoding = encoding;
    this.#start = () => host({ [hostInterface]: this.#imports(true) });
    this.host = this.#start();
    this.#jco = jco?.({ [hostInterface]: this.#imports(false) });
  }

  static async build(signatures: readonly Signature[], encoding: StringEncoding, withJco: boolean): Promise<EchoPair> {
    const text = echoText(signatures, encoding);
    const component = await compileText(text);
    const jco = withJco ? await jcoComponent(await parseWat(text)) : undefined;
    return new EchoPair(
      signatures,
      encoding,
      (imports) => component.instantiateSync(imports),
      jco && ((imports) => jco.instantiate(imports)),
    );
  }

  /** Puts a fresh instance in the place of the host's, which a trap has locked. */
  renew(): void {
    this.host.dispose();
    this.host = this.#start();
  }

  /** Makes the import of the host's instance answer something else than its arguments. */
  answerWith(answer: (args: readonly unknown[]) => unknown): void {
    this.#answer = answer;
  }

  #imports(record: boolean): object {
    return Object.fromEntries(
      this.signatures.map((signature, index) => [
        `f${index}`,
        (...args: unknown[]) => {
          if (record) {
            this.lastImportArgs = args;
            if (this.#answer !== undefined) return this.#answer(args);
          }
          return answer(resultType(signature), args);
        },
      ]),
    );
  }

  callHost(kind: "echo" | "via", index: number, args: readonly unknown[]): unknown {
    const target = (this.host.exports as Record<string, AnyFunction>)[`${kind}N${index}`]!;
    return call(target, args, resultType(this.signatures[index]!));
  }

  callJco(kind: "echo" | "via", index: number, args: readonly unknown[]): unknown {
    return call(this.#jco![`${kind}N${index}`]!, args, resultType(this.signatures[index]!));
  }

  /** What the guest received in the last `echo`, as the reference reads it from the instance's own memory. */
  receivedByGuest(index: number): readonly unknown[] {
    const signature = this.signatures[index]!;
    const memory = new Uint8Array(memoriesOf(this.host)[0]!.buffer);
    const view = new DataView(memory.buffer);
    const slots = coreParams(signature).map((core, at): CoreValue => {
      const offset = slotsAt + 8 * at;
      if (core === "i32") return BigInt(view.getUint32(offset, true));
      if (core === "i64") return view.getBigUint64(offset, true);
      return core === "f32" ? view.getFloat32(offset, true) : view.getFloat64(offset, true);
    });
    const context = {
      encoding: this.encoding,
      memory: () => memory,
      realloc: () => 0,
      handles: new HandleTable(),
      implements: () => false,
    };
    const plain = liftValues(context, maxFlatParams, sourceOf(slots), plainParams(signature));
    return plain.map((value, at) => toJs(value, signature[at]!));
  }
}

/** What comes back when the reference lowers the arguments and lifts them as the result. */
export function referenceEcho(signature: Signature, encoding: StringEncoding, args: readonly unknown[]): unknown {
  const context = bumpContext(encoding);
  const types = plainParams(signature);
  const values: readonly PlainValue[] = signature.map((type, index) => fromJs(args[index], type));
  const lowered = lowerValues(context, maxFlatParams, values, types);
  const received = liftValues(context, maxFlatParams, sourceOf(lowered), types);
  const returned = lowerValues(context, maxFlatResults, received, types);
  const lifted = liftValues(context, maxFlatResults, sourceOf(returned), types);
  const js = lifted.map((value, index) => toJs(value, signature[index]!));
  return js.length === 1 ? js[0] : js;
}

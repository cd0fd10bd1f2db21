/**
 * Imports that nobody gives, made up: functions that write to the activity list that they were called, and give back an empty
 * value of the type wanted. With them any module can be tried.
 */
import { className, externName, funcName, staticName, toCamelCase } from "../../../../host/model/spelling.ts";
import { formatType } from "../../../../host/model/text.ts";
import type { ExternDecl, FuncType, ResourceType, ValueType } from "../../../../host/model/types.ts";
import { isLater } from "../../run/settle.ts";
import type { Activity } from "./activity.ts";

/** @param imports those that nothing else meets */
export function standIns(module: string, imports: readonly ExternDecl[], activity: Activity): object {
  return new StandIns(module, activity).of(imports);
}

class StandIns {
  private readonly module: string;
  private readonly activity: Activity;
  private readonly classes = new Map<ResourceType, new () => object>();

  constructor(module: string, activity: Activity) {
    this.module = module;
    this.activity = activity;
  }

  of(items: readonly ExternDecl[], owner = ""): object {
    const made: Record<string, unknown> = {};
    for (const { name, type } of items) {
      if (type.kind === "instance") made[externName(name)] = this.of(type.exports, name);
      else if (type.kind === "resource-type") made[className(name)] = this.classOf(type.resource);
    }
    for (const { name, type } of items) {
      if (type.kind !== "func") continue;
      const func = funcName(name);
      const params = func.kind === "method" ? type.params.slice(1) : type.params;
      const call = this.call(owner === "" ? name : `${owner}#${name}`, params, type);
      if (func.kind === "function") made[func.js] = call;
      else if (func.kind !== "constructor") {
        const of = made[className(func.resource)] as { prototype: object };
        const [holder, key] = func.kind === "static" ? [of, staticName(func.js)] : [of.prototype, func.js];
        Object.defineProperty(holder, key, { value: call });
      }
    }
    return made;
  }

  /** @param params those of the call: a method's object is none */
  private call(name: string, params: FuncType["params"], { result }: FuncType): (...given: unknown[]) => unknown {
    return (...given) => {
      // Without what an asynchronous function is given beside its parameters.
      const words = params.map(({ type }, index) => wordsOf(given[index], type));
      const text = `${name}(${words.join(", ")})`;
      this.activity.add({ module: this.module, kind: "log", label: "stand-in", text });
      // A function's own result is returned, or thrown.
      const type = result?.kind === "result" ? result.ok : result;
      return type === undefined ? undefined : this.empty(type);
    };
  }

  private classOf(resource: ResourceType): new () => object {
    const key = resource.of ?? resource;
    let made = this.classes.get(key);
    if (made === undefined) this.classes.set(key, (made = class StandIn {}));
    return made;
  }

  private empty(type: ValueType): unknown {
    switch (type.kind) {
      case "bool":
        return false;
      case "string":
        return "";
      case "char":
        return " ";
      case "s64":
      case "u64":
        return 0n;
      case "stream":
        return [];
      case "future":
        return type.type === undefined ? undefined : this.empty(type.type);
      case "error-context":
        return { debugMessage: "" };
      case "list":
        return Array.from({ length: type.length ?? 0 }, () => this.empty(type.element));
      case "map":
        return new Map();
      case "tuple":
        return type.types.map((part) => this.empty(part));
      case "record":
        return Object.fromEntries(type.fields.map((field) => [toCamelCase(field.name), this.empty(field.type)]));
      case "flags":
        return {};
      case "enum":
        return type.names[0];
      case "variant":
        return this.tagged(type.cases[0]!.name, type.cases[0]!.type);
      case "option":
        return type.type.kind === "option" ? { tag: "none" } : undefined;
      case "result":
        return this.tagged("ok", type.ok);
      case "own":
      case "borrow":
        return new (this.classOf(type.resource))();
      default:
        return 0;
    }
  }

  private tagged(tag: string, payload: ValueType | undefined): object {
    return payload === undefined ? { tag } : { tag, val: this.empty(payload) };
  }
}

function wordsOf(value: unknown, type: ValueType): string {
  // What is to come is left to whoever it is for.
  if (isLater(type)) return formatType(type);
  const plain = (_: string, part: unknown): unknown => (typeof part === "bigint" ? `${part}n` : part);
  return JSON.stringify(value, plain) ?? "nothing";
}

/**
 * What generated text calls: one object an instance, named `rt` there.
 *
 * Holds the value-level half (characters, bits, resources); the instance-level half, which knows names, faults and the
 * user's errors, is the subclass in `runtime/`. Methods that can fail return what is to be thrown, so that the text
 * says `throw` and the engine sees where control ends.
 */
import {
  beginCheck,
  endCheck,
  GuestResource,
  isWrapper,
  repOf,
  type ResourceOwner,
  takeRep,
} from "./guest-resource.ts";
import { BorrowScope, Lends } from "./handle-table.ts";
import { disposeHostObject, HostObjects } from "./host-objects.ts";
import { checkByteLength, Memory } from "./memory.ts";
import { Quota, type HostLimits } from "./quota.ts";
import { ComponentState } from "./component-state.ts";
import { ENTERED } from "./entered.ts";
import { transcode } from "./transcode.ts";
import { AbiTrap } from "./trap.ts";

const typedLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length")!
  .get as () => number;
const mapEntries = Map.prototype.entries;
const bits = new DataView(new ArrayBuffer(8));

type ResourceClass = abstract new (...args: never[]) => object;

export abstract class AbiRuntime {
  readonly Memory: typeof Memory = Memory;
  readonly BorrowScope: typeof BorrowScope = BorrowScope;
  readonly Lends: typeof Lends = Lends;
  readonly GuestResource: typeof GuestResource = GuestResource;
  readonly transcode: typeof transcode = transcode;

  /** By resource number: the class of a guest's resource, and its owner record. */
  private readonly classes: ResourceClass[] = [];
  readonly owners: ResourceOwner[] = [];
  /** Wrappers emptied since the arguments of a call may have to be taken back. */
  taken: { readonly resource: object; readonly rep: number }[] | undefined;
  /** By resource number: the host's objects, and the class the user gave for them. */
  readonly objects: HostObjects[] = [];
  private readonly hostClasses: (ResourceClass | undefined)[];
  /** The instance's, for messages. */
  abstract readonly name: string;
  readonly quota: Quota;
  /** The component instance that holds all others. What is true of an instance as a whole is kept in its state. */
  readonly root: ComponentState;
  readonly components: ComponentState[] = [];

  constructor(hostClasses: (ResourceClass | undefined)[], limits: HostLimits) {
    this.quota = new Quota(limits);
    this.root = this.component();
    this.root.entered = ENTERED;
    this.hostClasses = hostClasses;
  }

  /** The state of one more component instance. */
  component(): ComponentState {
    const state = new ComponentState(this.quota);
    this.components.push(state);
    return state;
  }

  /** Registers a guest's resource type with the function that runs its destructor. */
  resource(index: number, name: string, drop: (rep: number) => void): void {
    this.owners[index] = { name, module: this.name, live: 0, drop };
  }

  /** Gives a guest's resource its class. */
  resourceClass(index: number, constructor: ResourceClass): ResourceClass {
    return (this.classes[index] = constructor);
  }

  hostObjects(index: number): HostObjects {
    return (this.objects[index] = new HostObjects());
  }

  /** The class an imported resource has in JavaScript, for components that export it again. */
  hostClass(index: number): ResourceClass | undefined {
    return this.hostClasses[index];
  }

  // Values.

  isChar(value: unknown): boolean {
    if (typeof value !== "string") return false;
    const { length } = value;
    if (length === 1) return (value.charCodeAt(0) & 0xf800) !== 0xd800;
    return length === 2 && value.codePointAt(0)! > 0xffff;
  }

  /** `convert_i32_to_char` */
  char(code: number): string {
    if (code >= 0x110000 || (code & 0xfffff800) === 0xd800) {
      throw new AbiTrap("invalid-char", `Not a Unicode scalar value: ${code}`);
    }
    return String.fromCodePoint(code);
  }

  /** A field whose name every object inherits. No component value is a function, so a function is not one given. */
  field(value: object, name: string): unknown {
    return ownField(value, name);
  }

  /** The length of an array or typed array, whatever it says of itself; -1 for anything else. */
  lengthOf(value: unknown): number {
    const length: unknown = Array.isArray(value)
      ? value.length
      : ArrayBuffer.isView(value) && !(value instanceof DataView)
        ? typedLength.call(value)
        : -1;
    // A proxy of an array may report any length.
    return typeof length === "number" && length >>> 0 === length ? length : -1;
  }

  /** The length of a list about to be stored. */
  storedLength(value: unknown, elementSize: number): number {
    const length = this.lengthOf(value);
    if (length < 0) throw this.changed();
    checkByteLength(length * elementSize);
    return length;
  }

  /** The entries of a map, by the map's own iterator. */
  entries(value: Map<unknown, unknown>): Iterable<[unknown, unknown]> {
    return mapEntries.call(value) as Iterable<[unknown, unknown]>;
  }

  codePoint(value: unknown): number {
    if (!this.isChar(value)) throw this.changed();
    return (value as string).codePointAt(0)!;
  }

  /** A value that is not what was checked: only one that changes while it is read gets here. */
  changed(): AbiTrap {
    return new AbiTrap("unknown", "The value changed while it was read");
  }

  /**
   * What an import of the type `result` returned, as a result: the value of `ok`, or a result as it is written inside other
   * values. Only for types whose `ok` cannot look like one.
   */
  outcome(value: unknown): unknown {
    if (typeof value === "object" && value !== null) {
      const { tag } = value as { tag?: unknown };
      if (tag === "ok" || tag === "err") return value;
    }
    return { tag: "ok", val: value };
  }

  discriminant(): AbiTrap {
    return new AbiTrap("invalid-discriminant", "Invalid variant discriminant");
  }

  enter(): AbiTrap {
    return new AbiTrap("cannot-enter-component", "Cannot enter a component instance that is running already");
  }

  f32FromBits(value: number): number {
    bits.setInt32(0, value, true);
    return bits.getFloat32(0, true);
  }

  f64FromBits(value: bigint): number {
    bits.setBigInt64(0, value, true);
    return bits.getFloat64(0, true);
  }

  bitsOfF32(value: number): number {
    bits.setFloat32(0, value, true);
    return bits.getInt32(0, true);
  }

  bitsOfF64(value: number): bigint {
    bits.setFloat64(0, value, true);
    return bits.getBigInt64(0, true);
  }

  // Resources.

  isHost(index: number, value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    const constructor = this.hostClasses[index];
    return constructor === undefined || value instanceof constructor;
  }

  readonly beginCheck: typeof beginCheck = beginCheck;
  readonly endCheck: typeof endCheck = endCheck;

  isGuest(index: number, value: unknown, own: boolean): boolean {
    return isWrapper(value, this.owners[index]!, own);
  }

  wrap(index: number, rep: number): GuestResource {
    const constructor = this.classes[index] ?? GuestResource;
    return Reflect.construct(GuestResource, [rep, this.owners[index]], constructor);
  }

  take(index: number, resource: unknown): number {
    const rep = takeRep(resource, this.owners[index]!);
    this.taken?.push({ resource: resource as object, rep });
    return rep;
  }

  rep(index: number, resource: unknown): number {
    return repOf(resource, this.owners[index]!);
  }

  /** The guest has dropped its last handle to a host object. */
  dropHost(index: number, rep: number): void {
    disposeHostObject(this.objects[index]!.remove(rep));
  }
}

/** A field of a record or flags; what every object inherits is none. */
export function ownField(value: object, name: string): unknown {
  const found = (value as Record<string, unknown>)[name];
  return typeof found === "function" ? undefined : found;
}

/** Resources that the host implements: its objects, and the numbers by which guests know them. */

/** Host objects of one imported resource type, numbered: the number is the `rep` that guests' handles carry. */
export class HostObjects {
  private readonly objects: (object | undefined)[] = [undefined];
  private readonly free: number[] = [];
  /** Those that the host lends for the length of a call. */
  private readonly lent = new Set<number>();
  /** Those on their way to the host: theirs until everything that goes with them has been lifted. */
  private readonly giving: number[] = [];

  add(object: object): number {
    const rep = this.free.pop();
    if (rep === undefined) return this.objects.push(object) - 1;
    this.objects[rep] = object;
    return rep;
  }

  lend(object: object): number {
    const rep = this.add(object);
    this.lent.add(rep);
    return rep;
  }

  get(rep: number): object {
    return this.objects[rep]!;
  }

  /** Lifts `own`; to be followed by {@link given}. */
  give(rep: number): object {
    this.giving.push(rep);
    return this.objects[rep]!;
  }

  /** What was lifted has reached the host. */
  given(): void {
    for (const rep of this.giving) this.remove(rep);
    this.giving.length = 0;
  }

  remove(rep: number): object {
    const object = this.objects[rep]!;
    this.objects[rep] = undefined;
    this.lent.delete(rep);
    this.free.push(rep);
    return object;
  }

  /** Removes everything. @returns what guests owned */
  clear(): object[] {
    const owned = this.objects.filter((object, rep) => object !== undefined && !this.lent.has(rep)) as object[];
    this.objects.length = 1;
    this.free.length = 0;
    this.giving.length = 0;
    this.lent.clear();
    return owned;
  }
}

/** Runs the destructor of a host object. */
export function disposeHostObject(object: object): void {
  (object as Partial<Disposable>)[Symbol.dispose]?.();
}

/**
 * The adapter a careful engineer would write by hand for this one core module: the floor that generated text is held
 * against. It checks nothing and knows every type.
 */

export interface Person {
  id: number;
  name: string;
  score: number;
  active: boolean;
}

/** The functions of `component.wat`, whoever made the bindings. */
export interface Api {
  add(a: number, b: number): number;
  echo(text: string): string;
  count(data: Uint8Array): number;
  people(people: Person[]): Person[];
}

interface Core {
  readonly memory: WebAssembly.Memory;
  realloc(old: number, oldSize: number, alignment: number, size: number): number;
  add(a: number, b: number): number;
  echo(pointer: number, length: number): number;
  count(pointer: number, length: number): number;
}

const PERSON_SIZE = 32;

export function adapt(module: WebAssembly.Module): Api {
  const core = new WebAssembly.Instance(module).exports as unknown as Core;
  let bytes = new Uint8Array(core.memory.buffer);
  let units = new Uint16Array(core.memory.buffer);
  let view = new DataView(core.memory.buffer);
  const sync = (): void => {
    if (bytes.length > 0) return;
    bytes = new Uint8Array(core.memory.buffer);
    units = new Uint16Array(core.memory.buffer);
    view = new DataView(core.memory.buffer);
  };
  const storeString = (text: string): number => {
    const { length } = text;
    const pointer = core.realloc(0, 0, 2, length * 2) >>> 0;
    sync();
    const at = pointer >>> 1;
    for (let i = 0; i < length; i++) units[at + i] = text.charCodeAt(i);
    return pointer;
  };
  const loadString = (pointer: number, length: number): string => {
    const at = pointer >>> 1;
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(units[at + i]!);
    return text;
  };
  return {
    add: (a, b) => core.add(a | 0, b | 0) | 0,
    echo: (text) => {
      const result = core.echo(storeString(text), text.length) >>> 0;
      sync();
      return loadString(view.getUint32(result, true), view.getUint32(result + 4, true));
    },
    count: (data) => {
      const pointer = core.realloc(0, 0, 1, data.length) >>> 0;
      sync();
      bytes.set(data, pointer);
      return core.count(pointer, data.length) >>> 0;
    },
    people: (people) => {
      const list = core.realloc(0, 0, 8, people.length * PERSON_SIZE) >>> 0;
      for (let i = 0, at = list; i < people.length; i++, at += PERSON_SIZE) {
        const person = people[i]!;
        const name = storeString(person.name);
        view.setUint32(at, person.id, true);
        view.setUint32(at + 4, name, true);
        view.setUint32(at + 8, person.name.length, true);
        view.setFloat64(at + 16, person.score, true);
        view.setUint8(at + 24, person.active ? 1 : 0);
      }
      const result = core.echo(list, people.length) >>> 0;
      sync();
      const length = view.getUint32(result + 4, true);
      const found: Person[] = [];
      for (let i = 0, at = view.getUint32(result, true); i < length; i++, at += PERSON_SIZE) {
        found.push({
          id: view.getUint32(at, true),
          name: loadString(view.getUint32(at + 4, true), view.getUint32(at + 8, true)),
          score: view.getFloat64(at + 16, true),
          active: view.getUint8(at + 24) !== 0,
        });
      }
      return found;
    },
  };
}

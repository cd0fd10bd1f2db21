/** Every kind of value, nested: what comes in goes out. */
import { Address, Option, Person, Tuple2 } from "./bindings/records";

export function echoBytes(data: Uint8Array): Uint8Array {
  return data;
}

export function echoString(text: string): string {
  return text;
}

export function echoPerson(person: Person): Person {
  return person;
}

export function echoPeople(people: Person[]): Person[] {
  return people;
}

export function many(
  a: u8,
  b: i8,
  c: u16,
  d: i16,
  e: u32,
  f: i32,
  g: u64,
  h: i64,
  i: f32,
  j: f64,
  k: string,
  l: u32[],
  m: Option<u32>,
  n: Tuple2<u8, u64>,
  o: Address,
): f64 {
  let sum: f64 = f64(a) + f64(b) + f64(c) + f64(d) + f64(e) + f64(f) + f64(g) + f64(h) + f64(i) + j;
  sum += k.length;
  for (let index = 0; index < l.length; index++) sum += l[index];
  if (m.isSome) sum += m.value;
  sum += f64(n._0) + f64(n._1);
  sum += o.position._0 + o.position._1;
  return sum;
}

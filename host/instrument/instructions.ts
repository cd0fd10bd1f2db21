/**
 * The instructions of core WebAssembly, as far as stepping over them takes: which immediates follow each opcode.
 *
 * Owns the table of opcodes and nothing else. What it does not know is an error and never stepped over: an instruction of unknown
 * meaning could be one whose work nobody counts. Follows "Binary Format: Instructions" of the core specification, with tail
 * calls, exceptions in both forms, SIMD and relaxed SIMD, several memories and wide arithmetic; neither threads nor
 * garbage-collected types.
 */

/** An instruction that cannot be stepped over. */
export class UnknownInstruction extends Error {
  /** Bytes from the start of the module. */
  readonly offset: number;
  constructor(what: string, offset: number) {
    super(what);
    this.offset = offset;
  }
}

export const UNREACHABLE = 0x00;
export const BLOCK = 0x02;
export const LOOP = 0x03;
export const IF = 0x04;
export const ELSE = 0x05;
export const TRY = 0x06;
export const CATCH = 0x07;
export const THROW = 0x08;
export const RETHROW = 0x09;
export const THROW_REF = 0x0a;
export const END = 0x0b;
export const BR = 0x0c;
export const BR_IF = 0x0d;
export const BR_TABLE = 0x0e;
export const RETURN = 0x0f;
export const CALL = 0x10;
export const CALL_INDIRECT = 0x11;
export const RETURN_CALL = 0x12;
export const RETURN_CALL_INDIRECT = 0x13;
export const CALL_REF = 0x14;
export const RETURN_CALL_REF = 0x15;
export const DELEGATE = 0x18;
export const CATCH_ALL = 0x19;
export const TRY_TABLE = 0x1f;
export const LOCAL_GET = 0x20;
export const LOCAL_TEE = 0x22;
export const GLOBAL_GET = 0x23;
export const GLOBAL_SET = 0x24;
export const TABLE_GET = 0x25;
export const TABLE_SET = 0x26;
const MEMORY_SIZE = 0x3f;
export const MEMORY_GROW = 0x40;
export const REF_FUNC = 0xd2;
export const BR_ON_NULL = 0xd5;
export const BR_ON_NON_NULL = 0xd6;
/** Opcodes of the group 0xfc are these and their number. */
const MISC = 0xfc00;
export const MEMORY_INIT: number = MISC + 8;
export const MEMORY_COPY: number = MISC + 10;
export const MEMORY_FILL: number = MISC + 11;
export const TABLE_INIT: number = MISC + 12;
export const TABLE_COPY: number = MISC + 14;
export const TABLE_GROW: number = MISC + 15;
export const TABLE_SIZE: number = MISC + 16;
export const TABLE_FILL: number = MISC + 17;

/** What follows an opcode. */
const NONE = 0;
/** One or two numbers in LEB128, the first kept in `first`, the second in `second`. */
const INDEX = 1;
const TWO_INDICES = 2;
const BLOCK_TYPE = 3;
const TABLE_OF_LABELS = 4;
const MEMORY_ARGUMENT = 5;
const SIGNED = 6;
const FOUR_BYTES = 7;
const EIGHT_BYTES = 8;
const TYPES = 9;
const HEAP_TYPE = 10;
const CATCHES = 11;
const UNKNOWN = 12;

const immediates = new Uint8Array(256).fill(UNKNOWN);
function set(kind: number, from: number, to = from): void {
  immediates.fill(kind, from, to + 1);
}
set(NONE, 0x00, 0x01);
set(BLOCK_TYPE, BLOCK, IF);
set(NONE, ELSE);
set(BLOCK_TYPE, TRY);
set(INDEX, CATCH, RETHROW);
set(NONE, THROW_REF, END);
set(INDEX, 0x0c, 0x0d);
set(TABLE_OF_LABELS, 0x0e);
set(NONE, RETURN);
set(INDEX, CALL);
set(TWO_INDICES, CALL_INDIRECT);
set(INDEX, RETURN_CALL);
set(TWO_INDICES, RETURN_CALL_INDIRECT);
set(INDEX, CALL_REF, RETURN_CALL_REF);
set(INDEX, DELEGATE);
set(NONE, CATCH_ALL, 0x1b);
set(TYPES, 0x1c);
set(CATCHES, TRY_TABLE);
set(INDEX, LOCAL_GET, TABLE_SET);
set(MEMORY_ARGUMENT, 0x28, 0x3e);
set(INDEX, MEMORY_SIZE, MEMORY_GROW);
set(SIGNED, 0x41, 0x42);
set(FOUR_BYTES, 0x43);
set(EIGHT_BYTES, 0x44);
set(NONE, 0x45, 0xc4);
set(HEAP_TYPE, 0xd0);
set(NONE, 0xd1);
set(INDEX, REF_FUNC);
set(NONE, 0xd3, 0xd4);
set(INDEX, 0xd5, 0xd6);

/** How an instruction is stepped over that needs no look of its own, by opcode; 0 for all others. */
export const PLAIN_NONE = 1;
/** The number of a local, which may be one byte. */
export const PLAIN_INDEX = 2;
export const PLAIN_NUMBER = 3;
/** Alignment, which may be one byte below 0x40, and a number. */
export const PLAIN_MEMORY = 4;
export const plain: Uint8Array = immediates.map((kind, opcode) => {
  if (opcode >= LOCAL_GET && opcode <= LOCAL_TEE) return PLAIN_INDEX;
  if (kind === SIGNED) return PLAIN_NUMBER;
  if (kind === MEMORY_ARGUMENT) return PLAIN_MEMORY;
  return kind === NONE && ![UNREACHABLE, ELSE, THROW_REF, END, RETURN, CATCH_ALL].includes(opcode) ? PLAIN_NONE : 0;
});

/** A cursor over the instructions of one function. */
export class InstructionReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  /** The index immediates of the instruction read last. */
  first = 0;
  second = 0;
  /** The type index of the block read last; -1 when its type has none. */
  blockType = -1;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Steps over one instruction. @returns its opcode @throws {UnknownInstruction} */
  next(): number {
    const start = this.at;
    const opcode = this.byte();
    switch (immediates[opcode]) {
      case NONE:
        return opcode;
      case INDEX:
        this.first = this.u32();
        return opcode;
      case TWO_INDICES:
        this.first = this.u32();
        this.second = this.u32();
        return opcode;
      case BLOCK_TYPE:
        this.skipBlockType();
        return opcode;
      case MEMORY_ARGUMENT:
        this.skipMemoryArgument();
        return opcode;
      case SIGNED:
        this.skipNumber();
        return opcode;
      case FOUR_BYTES:
        this.at += 4;
        return opcode;
      case EIGHT_BYTES:
        this.at += 8;
        return opcode;
      case TABLE_OF_LABELS:
        for (let left = this.u32(); left >= 0; left--) this.u32();
        return opcode;
      case TYPES:
        for (let left = this.u32(); left > 0; left--) this.skipValueType();
        return opcode;
      case HEAP_TYPE:
        this.skipNumber();
        return opcode;
      case CATCHES:
        this.skipBlockType();
        for (let left = this.u32(); left > 0; left--) this.skipCatch();
        return opcode;
      default:
        if (opcode === 0xfc) return this.misc(start);
        if (opcode === 0xfd) return this.vector(start);
        throw this.unknown(hex(opcode), start);
    }
  }

  /** @throws {UnknownInstruction} when the number is longer than 32 bits or does not end */
  u32(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let factor = 0x80, count = 1; ; factor *= 0x80, count++) {
      byte = bytes[this.at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      if (count === 4 || this.at >= this.end) throw this.unknown("a number that does not end", this.at);
    }
    return value;
  }

  private byte(): number {
    if (this.at >= this.end) throw this.unknown("the end of the code within a function", this.at);
    return this.bytes[this.at++]!;
  }

  private skipNumber(): void {
    while (this.byte() >= 0x80);
  }

  private skipBlockType(): void {
    const byte = this.bytes[this.at]!;
    this.blockType = -1;
    // One byte is a value type or nothing where bit 6 is set; anything else is the number of a type.
    if (byte === 0x63 || byte === 0x64) this.skipValueType();
    else if ((byte & 0xc0) === 0x40) this.at++;
    else this.blockType = this.u32();
  }

  skipValueType(): void {
    const byte = this.byte();
    if (byte === 0x63 || byte === 0x64) this.skipNumber();
  }

  private skipMemoryArgument(): void {
    const alignment = this.u32();
    if ((alignment & 0x40) !== 0) this.u32();
    this.skipNumber();
  }

  private skipCatch(): void {
    const kind = this.byte();
    if (kind > 3) throw this.unknown(`the catch clause ${hex(kind)}`, this.at - 1);
    if (kind < 2) this.u32();
    this.u32();
  }

  private misc(start: number): number {
    const number = this.u32();
    const opcode = MISC + number;
    // Conversions that saturate, and arithmetic on 128 bits.
    if (number <= 7 || (number >= 19 && number <= 22)) return opcode;
    if (number > TABLE_FILL - MISC) throw this.unknown(`0xfc ${hex(number)}`, start);
    this.first = this.u32();
    if (opcode === MEMORY_INIT || opcode === MEMORY_COPY || opcode === TABLE_INIT || opcode === TABLE_COPY)
      this.second = this.u32();
    return opcode;
  }

  private vector(start: number): number {
    const number = this.u32();
    if (number <= 11 || number === 92 || number === 93) this.skipMemoryArgument();
    else if (number === 12 || number === 13) this.at += 16;
    else if (number >= 21 && number <= 34) this.at += 1;
    else if (number >= 84 && number <= 91) {
      this.skipMemoryArgument();
      this.at += 1;
    } else if (number > 0x114) throw this.unknown(`0xfd ${hex(number)}`, start);
    return 0xfd00 + number;
  }

  private unknown(what: string, offset: number): UnknownInstruction {
    return new UnknownInstruction(what, offset);
  }
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

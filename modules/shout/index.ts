/** A stream through a module: what has come in goes out in capitals, before the rest is there. */
import { newStream, Stream, StreamWriter, Task, Waitable } from "./bindings/shout";

class Shout extends Task<Stream<u8>> {
  private out: StreamWriter<u8> = newStream<u8>();

  constructor(private text: Stream<u8>) {
    super();
  }

  /** Called when the task begins, and each time that a read or a write has ended. */
  resume(ended: Waitable | null): void {
    if (ended === null) {
      // The caller has the stream at once, and reads while this goes on.
      this.resolve(this.out.stream);
      this.text.read();
    } else if (this.out.closed) {
      // Nobody reads any more.
      this.text.close();
    } else if (ended === this.text) {
      const bytes = this.text.bytes;
      capitals(bytes);
      this.out.writeBytes(bytes);
    } else if (this.text.ended) {
      this.out.close();
    } else {
      this.text.read();
    }
  }
}

function capitals(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] >= 0x61 && bytes[i] <= 0x7a) bytes[i] -= 0x20;
  }
}

export function shout(text: Stream<u8>): Task<Stream<u8>> {
  return new Shout(text);
}

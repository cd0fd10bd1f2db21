/** Names that are no names on Windows: what would mean another directory, a device, a stream, or another file. */
import { FileError } from "../../wasi/files/file-system.ts";

/** Devices stand in every directory, with any extension. The digits with superscripts are digits there. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:[ .:]|$)/i;
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f<>:"/\\|?*]/;

/**
 * @throws {FileError} `not-permitted` for a name with a separator, a drive or a stream in it, or one that Windows would cut;
 *   `no-entry` for a device
 */
export function checkWindowsName(name: string): void {
  if (DEVICE.test(name)) throw new FileError("no-entry", "The name is that of a device");
  // `..` with spaces or dots behind it is `..` there, and `a.` is `a`.
  if (FORBIDDEN.test(name) || /[ .]$/.test(name)) throw new FileError("not-permitted", "Windows has no such name");
}

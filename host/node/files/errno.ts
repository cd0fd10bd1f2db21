/** What the operating system says of a file, in WASI's words. */
import { FileError, type FileErrorCode } from "../../wasi/files/file-system.ts";

/** Every code of Node that a file system can give, by the error code of `wasi:filesystem/types`. */
export const ERROR_CODES: Readonly<Record<string, FileErrorCode>> = {
  EACCES: "access",
  EAGAIN: "would-block",
  EALREADY: "already",
  EBADF: "bad-descriptor",
  EBUSY: "busy",
  EDEADLK: "deadlock",
  EDQUOT: "quota",
  EEXIST: "exist",
  EFBIG: "file-too-large",
  EILSEQ: "illegal-byte-sequence",
  EINPROGRESS: "in-progress",
  EINTR: "interrupted",
  EINVAL: "invalid",
  EIO: "io",
  EISDIR: "is-directory",
  ELOOP: "loop",
  EMFILE: "insufficient-memory",
  EMLINK: "too-many-links",
  EMSGSIZE: "message-size",
  ENAMETOOLONG: "name-too-long",
  ENFILE: "insufficient-memory",
  ENODEV: "no-device",
  ENOENT: "no-entry",
  ENOLCK: "no-lock",
  ENOMEM: "insufficient-memory",
  ENOSPC: "insufficient-space",
  ENOSYS: "unsupported",
  ENOTDIR: "not-directory",
  ENOTEMPTY: "not-empty",
  ENOTRECOVERABLE: "not-recoverable",
  ENOTSUP: "unsupported",
  ENOTTY: "no-tty",
  ENXIO: "no-such-device",
  EOPNOTSUPP: "unsupported",
  EOVERFLOW: "overflow",
  EPERM: "not-permitted",
  EPIPE: "pipe",
  EROFS: "read-only",
  ESPIPE: "invalid-seek",
  ETXTBSY: "text-file-busy",
  EWOULDBLOCK: "would-block",
  EXDEV: "cross-device",
};

/** Runs a function of `node:fs`. @throws {FileError} for what the operating system refuses */
export function system<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof FileError) throw error;
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const known = ERROR_CODES[code];
    if (known !== undefined) throw new FileError(known);
    // What the system has a number for, WASI has no word for; anything else is an argument that Node itself refuses.
    if (errno !== undefined) throw new FileError("io", code);
    throw code.startsWith("ERR_") ? new FileError("invalid", code) : error;
  }
}

/** `readOnly()`: a file system of which nothing can be changed. */
import { FileError, type Directory, type FileSystem, type OpenFile, type OpenOptions } from "./file-system.ts";

/** Shows a file system without any way to change it: what would is answered with `read-only`. */
export function readOnly(fileSystem: FileSystem): FileSystem {
  return { root: (use) => directoryOf(fileSystem.root(use)) };
}

function directoryOf(directory: Directory): Directory {
  return {
    kind: "directory",
    stat: (name) => directory.stat(name),
    list: () => directory.list(),
    open(name, options) {
      const opened = openReadOnly(directory, name, options);
      return opened.kind === "directory" ? directoryOf(opened) : fileOf(opened);
    },
    readLink: (name) => {
      if (directory.readLink === undefined) throw new FileError("invalid");
      return directory.readLink(name);
    },
    close: () => directory.close?.(),
  };
}

/**
 * Opens what a directory holds without changing anything. To make a file that is there already is to open it.
 * @throws {FileError} `read-only` for what would change something
 */
export function openReadOnly(directory: Directory, name: string, options: OpenOptions): OpenFile | Directory {
  const { create, exclusive, truncate, write } = options;
  if (create || truncate || write) {
    const stat = directory.stat(name);
    if (stat === undefined && !create) throw new FileError("no-entry");
    if (stat !== undefined && create && exclusive) throw new FileError("exist");
    if (stat?.type === "symbolic-link") throw new FileError("loop");
    if (stat === undefined || truncate || write) throw new FileError("read-only");
  }
  return directory.open(name, { ...options, create: false });
}

function fileOf(file: OpenFile): OpenFile {
  return {
    kind: "file",
    stat: () => file.stat(),
    read: (offset, length) => file.read(offset, length),
    close: () => file.close?.(),
  };
}

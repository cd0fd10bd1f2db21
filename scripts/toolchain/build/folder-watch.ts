/**
 * A set of folders under the system's own watch, which tells of what is written, made, renamed and removed directly in them.
 *
 * A folder that is removed, or renamed, and made again is another one: it is told by its number in the file system.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { join } from "node:path";

interface Open {
  readonly watcher: FSWatcher;
  readonly inode: number;
}

export class FolderWatch {
  private readonly changed: (path: string) => void;
  private readonly refused: () => void;
  private readonly open = new Map<string, Open>();

  /**
   * @param changed hears of a path in a watched folder, or of the folder itself
   * @param refused called when the system gives no watch, such as when there are too many
   */
  constructor(changed: (path: string) => void, refused: () => void) {
    this.changed = changed;
    this.refused = refused;
  }

  /** Watches exactly these folders; one that is not there is left out. @returns whether one is new */
  set(folders: ReadonlySet<string>): boolean {
    for (const [folder, { watcher, inode }] of this.open) {
      if (folders.has(folder) && inodeOf(folder) === inode) continue;
      watcher.close();
      this.open.delete(folder);
    }
    const before = this.open.size;
    for (const folder of folders) {
      const inode = inodeOf(folder);
      if (this.open.has(folder) || inode === undefined) continue;
      try {
        const watcher = watch(folder, (_event, name) => this.changed(name === null ? folder : join(folder, name)));
        watcher.on("error", () => this.changed(folder));
        this.open.set(folder, { watcher, inode });
      } catch {
        this.refused();
      }
    }
    return this.open.size > before;
  }

  close(): void {
    for (const { watcher } of this.open.values()) watcher.close();
    this.open.clear();
  }
}

function inodeOf(folder: string): number | undefined {
  try {
    const info = statSync(folder);
    return info.isDirectory() ? info.ino : undefined;
  } catch {
    return undefined;
  }
}

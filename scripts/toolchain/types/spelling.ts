/**
 * What those who write the parts of a declaration file need of the whole: how its types are spelled, and what is said about them.
 */
import type { ExternDecl, ResourceType, ValueType } from "../../../host/model/types.ts";

/** Items that stand together: an interface's, or those of the world itself. */
export interface Group {
  /** The extern name of the interface; the world's id for its own items. */
  readonly id: string;
  /** The namespace; empty for the world's own items, which stand at the top. */
  readonly namespace: string;
  readonly items: readonly ExternDecl[];
  /** The guest gives it; otherwise the host does. */
  readonly exported: boolean;
}

/** How the types of a file are spelled, and what is said about its items. */
export interface Spelling {
  /**
   * The type as seen from anywhere in the file: its name, or its structure when it has none.
   *
   * @param fromHost the value comes from the host, so that lists and tuples may be read-only
   */
  spell(type: ValueType, fromHost?: boolean): string;
  className(resource: ResourceType): string;
  /** The base of a resource that the component gives, by which nothing else passes for one. */
  guestResource(name: string): string;
  /** A global type, spelled so that no type of the world hides it. */
  global(name: string): string;
  /** A type that the host exports, under a name that no type of the world hides. */
  tenon(name: string): string;
  /** Whether a resource got its name in this group, and not in another interface that it uses. */
  defines(group: Group, name: string, resource: ResourceType): boolean;
  /** The doc of an item; ids are looked up with their version and without. */
  doc(path: string): string | undefined;
}

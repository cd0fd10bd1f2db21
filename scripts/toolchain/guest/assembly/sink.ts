/**
 * Stands for the import of a world that takes lines of text, so that `tenon.ts` can be checked; no bindings hold it.
 */
export function trace(text: string): void {}
export function log(text: string): void {}
export function debug(text: string): void {}
export function info(text: string): void {}
export function warn(text: string): void {}
export function error(text: string): void {}
export function time(label: string): void {}
export function timeLog(label: string): void {}
export function timeEnd(label: string): void {}

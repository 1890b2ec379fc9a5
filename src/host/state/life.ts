import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { type Check, fields, isFlag } from './document-shape.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { isIdentity, replaceJson } from './record.ts';

/** One run of a container: its first process, by which leftover processes are found. */
export interface Life {
  readonly process: ProcessIdentity;
  /** Whether it is the first of a PID namespace, so that all processes end with it. */
  readonly isFirst: boolean;
}

const hasLifeFields: Check = fields({ process: isIdentity, isFirst: isFlag });

function isLife(value: unknown): value is Life {
  return hasLifeFields(value);
}

/** Records a run before its first process can start others; for the holder of the container's lock only. */
export function writeLife(directory: string, life: Life): void {
  replaceJson(join(directory, CONTAINER_NAME.life), life);
}

/** Removes the record of a run: all its processes are gone. */
export function clearLife(directory: string): void {
  rmSync(join(directory, CONTAINER_NAME.life), { recursive: true, force: true });
}

/** Reads the record of a run that has not been cleared; `damaged` where it cannot be parsed. */
export function readLife(directory: string): Life | 'damaged' | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, CONTAINER_NAME.life), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'EISDIR') return 'damaged';
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isLife(value) ? value : 'damaged';
  } catch {
    return 'damaged';
  }
}

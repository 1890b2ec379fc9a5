import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { type Check, fields, isFlag } from './document-shape.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { isIdentity, replaceJson } from './record.ts';

/** Of whose processes a container is made. */
export interface Life {
  readonly process: ProcessIdentity;
  /** Whether that is the first of a PID namespace, so that its end is the end of all. */
  readonly isFirst: boolean;
}

const hasLifeFields: Check = fields({ process: isIdentity, isFirst: isFlag });

function isLife(value: unknown): value is Life {
  return hasLifeFields(value);
}

/** Writes down a life before anything of it can go astray; for the holder of the container's lock only. */
export function writeLife(directory: string, life: Life): void {
  replaceJson(join(directory, CONTAINER_NAME.life), life);
}

/** All processes of a life are gone. */
export function clearLife(directory: string): void {
  rmSync(join(directory, CONTAINER_NAME.life), { recursive: true, force: true });
}

/**
 * The life that somebody began and nobody has seen to the end; `damaged` where what is written of it makes no sense.
 */
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

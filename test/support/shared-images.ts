import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './checkout.ts';

/** The folder of images that other tools wrote, beside the checkout on machines that have it. */
export const SHARED = join(ROOT, '..', 'shared', 'images');

/** Returns the path of a shared image. Where it is absent, prints a line about that and returns undefined. */
export function sharedImage(name: string): string | undefined {
  const path = join(SHARED, name);
  if (existsSync(path)) return path;
  console.log('skipped: needs ../shared/images');
  return undefined;
}

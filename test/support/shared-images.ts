import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './checkout.ts';

/** Images that other tools wrote; they lie beside the checkout on machines that have them. */
export const SHARED = join(ROOT, '..', 'shared', 'images');

/** The path of a shared image; where it is absent, prints the line that says so and is undefined. */
export function sharedImage(name: string): string | undefined {
  const path = join(SHARED, name);
  if (existsSync(path)) return path;
  console.log('skipped: needs ../shared/images');
  return undefined;
}

import { readFileSync } from 'node:fs';

/** tsimg's version, from its package.json: dist/src → the package's root. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

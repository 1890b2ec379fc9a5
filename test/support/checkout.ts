import { dirname, join } from 'node:path';

/** dist/test/support → the checkout. */
export const ROOT = dirname(dirname(dirname(import.meta.dirname)));
/** The example image that comes with the project: `docker save` form, gzip'd. */
export const EXAMPLE_ARCHIVE = join(ROOT, 'fixtures', 'images', 'busybox-amd64.tar.gz');
/** Names the same without its gzip, which `npm test` makes (scripts/test.ts): a run of it takes 100 ms, not 140. */
export const EXAMPLE_VARIABLE = 'TSIMG_TEST_EXAMPLE';
/** What tests run. */
export const EXAMPLE_IMAGE = process.env[EXAMPLE_VARIABLE] ?? EXAMPLE_ARCHIVE;

import { dirname, join } from 'node:path';

/** dist/test/support → the checkout. */
export const ROOT = dirname(dirname(dirname(import.meta.dirname)));
/** The example image that comes with the project: `docker save` form, gzip'd. */
export const EXAMPLE_IMAGE = join(ROOT, 'fixtures', 'images', 'busybox-amd64.tar.gz');

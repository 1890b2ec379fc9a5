/** How many inputs each target is fed in the test suite: a fraction of a second's. `npm run fuzz` goes on from there. */
export const ITERATIONS: Readonly<Record<string, number>> = {
  'tar-reader': 3000,
  'tar-differential': 250,
  pax: 5000,
  gzip: 100,
  zstd: 100,
  layers: 150,
  'layers-as-user': 100,
  images: 120,
  documents: 600,
  reference: 3000,
  platform: 3000,
  passwd: 600,
  headers: 3000,
  'auth-file': 600,
  'host-texts': 600,
};

/** Of all runs in the test suite: the same inputs every time. */
export const SEED = 20_240_817;

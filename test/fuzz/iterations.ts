/** The inputs of each target in the test suite: a fraction of a second. `npm run fuzz` tries more. */
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
  'registries-conf': 600,
  'hosts-toml': 600,
  'signature-annotations': 400,
  bundle: 400,
  checkpoint: 300,
  statement: 1500,
  policy: 1500,
  'trusted-root': 200,
};

/** The seed of the test suite, which has the same inputs every time. */
export const SEED = 20_240_817;

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as tsimg from '../../../src/api.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { tempDir } from '../../support/temp-dir.ts';

// The options of the functions of images: what is wrong is told before a registry is asked or a file is opened.

const test = suite('library/options/image-options');
const root = tempDir();
const sink = {
  label: 'x',
  has: async () => true,
  write: async () => {},
  publish: async () => {},
  close: async () => {},
};
const image = { layers: [], config: {} };

/** Calls of each function, with the arguments before its options. */
const CALLS: Readonly<Record<string, readonly unknown[]>> = {
  appendLayers: ['x', []],
  configureImage: ['x', {}],
  copyImage: [image, sink],
  copySource: ['x', 'oci:y'],
  createNetwork: [],
  createVolume: [],
  exportRootfs: ['x', 'y'],
  getContainer: ['x'],
  getNetwork: ['x'],
  imageHistory: ['x'],
  inspectImage: ['x'],
  listContainers: [],
  listImages: [],
  listNetworks: [],
  loadArchive: ['x'],
  openImage: ['x'],
  packImage: ['x', {}],
  planPull: ['x'],
  pruneStore: [],
  pullImage: ['x', sink],
  pullToStore: ['x'],
  pushImage: ['x', 'localhost:1/y'],
  removeImages: [['x']],
  saveImages: [['x'], 'y'],
  tagImage: ['x', 'y'],
  unpackImage: [image, 'y'],
  unpackSource: ['x', 'y'],
};

const call = async (name: string, ...given: readonly unknown[]): Promise<unknown> =>
  await Reflect.apply(Reflect.get(tsimg, name), undefined, given);
/** Calls a function that fails with a code, and returns what it says. */
const failing = async (code: string, name: string, ...given: readonly unknown[]): Promise<string> => {
  const error = await call(name, ...given).catch((thrown: unknown) => thrown);
  // The class of the entry, which may be made of a script of its own
  if (!(error instanceof tsimg.TsimgError)) throw error;
  assert.is(error.code, code, error.message);
  return `${error.message}; ${error.hint ?? ''}`;
};
const usage = (name: string, ...given: readonly unknown[]) => failing('USAGE', name, ...given);

test('an option that does not exist, and options that are none, are refused by each function', async () => {
  for (const [name, given] of Object.entries(CALLS)) {
    assert.match(await usage(name, ...given, { onEvnt: 1 }), `not an option of ${name} (onEvnt)`);
    assert.match(await usage(name, ...given, 5), `the options of ${name}: 5`);
  }
});

test('a value of a wrong kind is told by the name of its option, and so is one in an option', async () => {
  const wrong: readonly (readonly [name: string, options: unknown, told: string])[] = [
    ['pullToStore', { allPlatforms: 'yes' }, 'allPlatforms: "yes"'],
    ['pullToStore', { limits: { maxsize: 1 } }, 'not an option of limits (maxsize); did you mean maxSize?'],
    ['pullToStore', { limits: { maxSize: -1 } }, 'limits.maxSize: -1'],
    ['pullToStore', { requests: { timeouts: { idle: 'x' } } }, 'requests.timeouts.idle: x'],
    ['pullToStore', { credentials: { username: 'x', password: 'y' } }, 'credentials: an object'],
    ['pullToStore', { mirrors: true }, 'mirrors: true); an object, or false'],
    ['listContainers', { filters: ['a', ['b']] }, 'filters: a list'],
    ['pushImage', { compression: 'zstd' }, 'compression: "zstd"'],
    ['pushImage', { compression: { kind: 'lz4' } }, 'compression.kind: "lz4"'],
    ['pushImage', { chunkSize: 0 }, 'chunkSize: 0'],
    ['copySource', { destination: { tlsVerify: 'no' } }, 'destination.tlsVerify: "no"'],
    ['packImage', { tags: 'mine:1' }, 'tags: "mine:1"'],
    ['packImage', { owner: { uid: 1.5 } }, 'owner.uid: 1.5'],
    ['unpackSource', { ids: 'me' }, 'ids: "me"'],
    ['saveImages', { format: 'tar' }, 'format: "tar"'],
    ['listContainers', { filters: { label: 5 } }, 'filters: an object'],
    ['createVolume', { labels: ['a'] }, 'labels: a list'],
  ];
  for (const [name, options, told] of wrong) {
    const said = await usage(name, ...(CALLS[name] ?? []), options);
    assert.ok(said.includes(told), said);
  }
  assert.match(await usage('pullToStore', 5), 'reference: 5');
  assert.match(await usage('unpackImage', { image }, 'y'), 'the property `image` of what it returns');
  assert.match(await usage('copyImage', image, {}), 'sink: an object');
  assert.match(await usage('packImage', 'x', { environment: {} }), 'did you mean env?');
  assert.match(await usage('saveImages', ['x'], 5), 'destination: 5');
  assert.match(await usage('unpackTar', 'x.tar', 'y'), 'archive: "x.tar"');
  await failing('PLATFORM_INVALID', 'pullToStore', 'x', { platform: 'linux/' });
});

test('settings, platforms and references are objects or texts', async () => {
  const tree = tempDir();
  mkdirSync(join(tree, 'bin'));
  writeFileSync(join(tree, 'bin', 'x'), 'x');
  const texts = await tsimg.packImage(
    tree,
    { cmd: '["/bin/x","a b"]', env: ['A=1'], label: ['a=b'] },
    { root, tags: ['mine:1'], platform: tsimg.parsePlatform('linux/arm64') },
  );
  const objects = await tsimg.packImage(
    tree,
    { cmd: ['/bin/x', 'a b'], env: { A: 1, B: undefined }, label: { a: 'b' } },
    { root, tags: ['mine:2'], platform: 'linux/arm64' },
  );
  assert.equal(objects.layers, texts.layers);
  const options = { root, platform: 'linux/arm64' };
  const { Config, Architecture } = await tsimg.inspectImage('mine:2', options);
  assert.equal([Config, Architecture], [(await tsimg.inspectImage('mine:1', options)).Config, 'arm64']);
  assert.equal(Config?.Cmd, ['/bin/x', 'a b']);
  const changed = await tsimg.configureImage('mine:2', { env: ['A-'], user: '7' }, { ...options, tags: ['mine:3'] });
  assert.equal(changed.layers, objects.layers);
  await using opened = await tsimg.openImage(EXAMPLE_IMAGE, { root, platform: 'linux/amd64' });
  assert.is(opened.image.config.platform.architecture, 'amd64');
  assert.is((await tsimg.createVolume({ root, name: 'data' })).name, 'data');
});

test.run();

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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
const source = { label: 'x', resolve: async () => undefined, open: async () => undefined, close: async () => {} };

/** Calls of each function, with the arguments before its options. */
const CALLS: Readonly<Record<string, readonly unknown[]>> = {
  appendLayers: ['x', []],
  attachFiles: ['x', [{ path: 'x' }]],
  checkStore: [],
  configureImage: ['x', {}],
  copyImage: [image, sink],
  copySource: ['x', 'oci:y'],
  createNetwork: [],
  createVolume: [],
  deleteImage: ['x'],
  diagnoseHost: [],
  dropBlobs: [],
  exportRootfs: ['x', 'y'],
  foldImage: [image],
  getContainer: ['x'],
  getLogin: ['x'],
  getNetwork: ['x'],
  imageHistory: ['x'],
  inspectImage: ['x'],
  inspectVolume: ['x'],
  listContainers: [],
  listFiles: [image],
  listImages: [],
  listNetworks: [],
  listReferrersOf: ['x'],
  listTags: ['x'],
  listVolumes: [],
  loadArchive: ['x'],
  loadImage: [source],
  login: ['x', { username: 'x', password: 'y' }],
  logout: ['x'],
  logoutAll: [],
  openImage: ['x'],
  openOciLayoutSink: ['x'],
  openRegistrySink: ['x'],
  openRegistrySource: ['x'],
  openStoreSink: ['x'],
  openStoreSource: ['x'],
  packImage: ['x', {}],
  planPull: ['x'],
  pruneStore: [],
  pruneVolumes: [],
  pullImage: ['x', sink],
  pullToStore: ['x'],
  pushImage: ['x', 'localhost:1/y'],
  readImageFile: [image, 'x'],
  readManifest: ['x'],
  readSbom: ['x'],
  readTar: [[]],
  removeImages: [['x']],
  removeVolume: ['x'],
  runContainer: ['x', []],
  runSource: ['x', { command: [] }],
  saveImages: [['x'], 'y'],
  startContainer: ['x'],
  tagImage: ['x', 'y'],
  unpackImage: [image, 'y'],
  unpackSource: ['x', 'y'],
  unpackTar: [Readable.from([]), 'y'],
  updateTrust: [],
  verifySource: ['x'],
  watchEvents: [],
};

/** Functions without options: of values, and one that has nothing to be told. */
const WITHOUT_OPTIONS = `chainIds choosePlatform digestOf formatFamiliar formatPlatform formatReference isDigest
  openConnections parseDigest parseImageConfig parseImageIndex parseManifest parsePlatform parseReference
  verified`.split(/\s+/);
/** Their options are an argument that must be there. */
const WITH_NEEDED_OPTIONS = ['decompressed'];
const CLASSES = ['Container', 'Network', 'TsimgError'];

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

test('each function of the library is among these', () => {
  const functions = Object.entries(tsimg).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));
  const known = [...Object.keys(CALLS), ...WITHOUT_OPTIONS, ...WITH_NEEDED_OPTIONS, ...CLASSES];
  assert.equal(functions.toSorted(), known.toSorted());
});

test('an option that does not exist, and options that are none, are refused by each function', async () => {
  for (const [name, given] of Object.entries(CALLS)) {
    assert.match(await usage(name, ...given, { onEvnt: 1 }), `not an option of ${name} (onEvnt)`);
    assert.match(await usage(name, ...given, 5), `the options of ${name}: 5`);
    assert.match(await usage(name, ...given, new AbortController().signal), `the options of ${name}: an object`);
  }
});

test('a value of a wrong kind is told by the name of its option, and so is one in an option', async () => {
  const wrong: readonly (readonly [name: string, options: unknown, told: string])[] = [
    ['pullToStore', { allPlatforms: 'yes' }, 'allPlatforms: "yes"'],
    ['pullToStore', { limits: { maxsize: 1 } }, 'not an option of limits (maxsize); did you mean maxSize?'],
    ['pullToStore', { limits: { maxSize: -1 } }, 'limits.maxSize: -1'],
    ['pullToStore', { requests: { timeouts: { idle: 'x' } } }, 'requests.timeouts.idle: x'],
    ['pullToStore', { credentials: { username: 'x', password: 'y' } }, 'credentials: an object'],
    ['pullToStore', { credentials: { kind: 'basic', username: 'x' } }, 'credentials.password'],
    ['pullToStore', { credentials: { kind: 'Basic', username: 'x', password: 'y' } }, 'credentials.kind: "Basic"'],
    ['listTags', { credentials: { kind: 'registry-token', tokn: 'x' } }, 'credentials (tokn); did you mean token?'],
    ['listTags', { tlsverify: false }, 'not an option of listTags (tlsverify); did you mean tlsVerify?'],
    ['listTags', { connections: {} }, 'connections: an object'],
    ['deleteImage', { certDir: 5 }, 'certDir: 5'],
    ['deleteImage', { trustedRealms: ['sso.test', 'https://sso.test'] }, 'trustedRealms[1]: "https://sso.test"'],
    ['login', { credentials: {} }, 'not an option of login (credentials)'],
    ['logout', { authFile: true }, 'authFile: true'],
    ['getLogin', { requests: { retries: -1 } }, 'requests.retries: -1'],
    ['attachFiles', { annotations: ['a=b'] }, 'annotations: a list'],
    ['attachFiles', { chunkSize: 0.5 }, 'chunkSize: 0.5'],
    ['readManifest', { withPlatform: 'linux/arm64' }, 'withPlatform: "linux/arm64"'],
    ['readManifest', { platform: { os: 'linux' } }, 'platform.architecture: undefined'],
    ['checkStore', { storeRoot: 'x' }, 'not an option of checkStore (storeRoot)'],
    ['checkStore', { repair: 'yes' }, 'repair: "yes"'],
    ['dropBlobs', { root: 5 }, 'root: 5'],
    ['verifySource', {}, 'signatures: undefined'],
    ['verifySource', { signatures: { keys: 'cosign.pub' } }, 'signatures.keys: "cosign.pub"'],
    ['verifySource', { signatures: { identity: 'me', issuer: { pattern: '.*' } } }, 'signatures.identity: "me"'],
    ['readSbom', { signatures: { issuer: { pattern: '.*' } } }, 'signatures.issuer: an object'],
    ['readImageFile', { maxBytes: '1m' }, 'maxBytes: 1m'],
    ['readTar', { limits: { entrie: 1 } }, 'not an option of limits (entrie); did you mean entries?'],
    ['openRegistrySource', { known: true }, 'known: true'],
    ['openStoreSink', { verify: 1 }, 'verify: 1'],
    ['runSource', { life: { rm: true } }, 'not an option of life (rm)'],
    ['runSource', { streams: { stdin: process.stdin } }, 'streams.stdout: undefined'],
    ['runSource', { signals: process }, 'signals: an object'],
    ['unpackSource', { policy: { owner: 'ignore' } }, 'did you mean owners?'],
    ['unpackSource', { policy: { owners: 'no' } }, 'policy.owners: "no"'],
    ['packImage', { compression: { level: 3 } }, 'compression.kind: undefined'],
    ['pruneVolumes', { filters: { dangeling: true } }, 'did you mean dangling?'],
    ['updateTrust', { mirrors: 'x' }, 'did you mean mirror?'],
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
  for (const name of ['pullToStore', 'planPull', 'listTags', 'deleteImage', 'openRegistrySource', 'openRegistrySink']) {
    assert.match(await usage(name, 5), 'reference: 5');
    assert.match(await usage(name, { repository: 'x' }), 'reference: an object');
    await failing('REFERENCE_INVALID', name, 'UPPER');
  }
  assert.match(await usage('attachFiles', 'x', 'file'), 'files: "file"');
  assert.match(await usage('attachFiles', 'x', ['file']), 'files[0]: "file"');
  assert.match(await usage('attachFiles', 'x', [{ path: 'x' }, { mediaType: 'a/b' }]), 'files[1].path: undefined');
  for (const name of ['verifySource', 'readSbom', 'readManifest', 'listReferrersOf', 'runSource', 'openImage']) {
    assert.match(await usage(name, '', { command: [] }), 'source: ""');
  }
  for (const name of ['login', 'logout', 'getLogin']) assert.match(await usage(name, 5), 'registry: 5');
  for (const name of ['foldImage', 'listFiles', 'readImageFile'])
    assert.match(await usage(name, 'x.tar'), 'image: "x.tar"');
  for (const name of ['parseReference', 'parsePlatform', 'parseDigest']) assert.match(await usage(name, 5), 'text: 5');
  assert.match(await usage('loadImage', 'x.tar'), 'source: "x.tar"');
  assert.match(await usage('readTar', 'x.tar'), 'chunks: "x.tar"');
  assert.match(await usage('decompressed', 'x.gz', { where: 'x' }), 'source: "x.gz"');
  assert.match(await usage('decompressed', Readable.from([])), 'options: undefined');
  assert.match(await usage('decompressed', Readable.from([]), {}), 'options.where: undefined');
  assert.match(await usage('runSource', 'x'), 'command: undefined');
  assert.match(await usage('runSource', 'x', { command: ['x'], enviroment: [] }), 'did you mean env?');
  assert.match(await usage('runSource', 'x', { command: ['x'], resources: { memory: 5 } }), 'resources.memory: 5');
  assert.match(await usage('unpackImage', { image }, 'y'), 'the property `image` of what it returns');
  assert.match(await usage('copyImage', image, {}), 'sink: an object');
  assert.match(await usage('packImage', 'x', { environment: {} }), 'did you mean env?');
  assert.match(await usage('saveImages', ['x'], 5), 'destination: 5');
  assert.match(await usage('unpackTar', 'x.tar', 'y'), 'archive: "x.tar"');
  await failing('PLATFORM_INVALID', 'pullToStore', 'x', { platform: 'linux/' });
});

test('no error shows what may be a password', async () => {
  const secrets: readonly (readonly [name: string, ...given: unknown[]])[] = [
    ['login', 'x', 'me:sesame'],
    ['login', 'x', { username: 'me', password: Buffer.from('sesame') }],
    ['login', 'x', { username: 'me', password: ['sesame'] }],
    ['login', 'x', ['me', 'sesame']],
    ['pullToStore', 'x', { credentials: 'me:sesame' }],
    ['pullToStore', 'x', { credentials: { kind: 'basic', username: 'me', password: { of: 'sesame' } } }],
    ['copySource', 'x', 'oci:y', { destination: { credentials: 'me:sesame' } }],
    ['openRegistrySink', 'x', { credentials: { kind: 'registry-token', token: 735_3376 } }],
  ];
  for (const [name, ...given] of secrets) {
    const told = await usage(name, ...given);
    assert.match(told, /account|credentials/);
    assert.not.match(told, /sesame|7353376/);
  }
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

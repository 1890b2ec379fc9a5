import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

// The rules that keep the architecture of docs/architecture.md true. dist/test → the checkout.
const ROOT = dirname(dirname(import.meta.dirname));
const SRC = join(ROOT, 'src');

/** A room imports rooms of a lower rank only. Files of src itself: errors and events below all, api and main above. */
const RANKS: readonly (readonly string[])[] = [
  ['boolean-text', 'byte-size', 'errno-words.data', 'option-names.data', 'plural', 'schema', 'unsafe-text', 'version'],
  ['option-words'],
  ['errors', 'events', 'store-layout'],
  ['oci', 'linux'],
  ['crypto'],
  ['sys'],
  ['streams', 'tar'],
  ['image', 'rootfs', 'launch', 'verify'],
  ['registry', 'store', 'disk', 'host'],
  ['sources', 'sinks'],
  ['verbs'],
  ['cli', 'library'],
  ['api', 'testing', 'sandbox'],
  ['main', 'start-script'],
];

/** The rooms inside of each room, the lowest first: one imports lower ones only. */
const SUB_ROOMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  linux: [['device', 'seccomp']],
  oci: [['commit']],
  sys: [['file', 'library'], ['process'], ['stub'], ['stub/call', 'stub/machine']],
  streams: [['compress', 'decompress']],
  tar: [['read', 'write']],
  rootfs: [['fold'], ['plan']],
  launch: [['facts'], ['limits', 'network'], ['options'], ['plan'], ['oci', 'show']],
  registry: [['failure'], ['http'], ['auth', 'mirrors'], ['write']],
  disk: [['directory'], ['publish', 'scan', 'write'], ['read']],
  host: [['cgroup', 'facts', 'stdio'], ['network', 'steps'], ['start'], ['state'], ['box'], ['exec'], ['life']],
  sources: [['files'], ['form']],
  verify: [['policy']],
  verbs: [
    ['helper'],
    ['layers'],
    ['verify'],
    ['image'],
    ['registry', 'rootfs', 'signatures', 'store'],
    ['author'],
    ['volumes'],
    ['changes'],
    ['life'],
    ['network'],
    ['run'],
    ['attach'],
    ['look'],
  ],
  library: [['options'], ['images'], ['container'], ['host'], ['testing'], ['sandbox/egress'], ['sandbox']],
  cli: [
    ['completion', 'option', 'show'],
    ['template'],
    ['verb', 'verb/author', 'verb/container', 'verb/image', 'verb/life', 'verb/registry'],
  ],
};

/** Files of a folder at most, its README apart. */
const MAX_FILES = 16;

/** Rooms without I/O, and what they may import of Node. */
const PURE_ROOMS = new Set([
  'boolean-text',
  'byte-size',
  'errno-words.data',
  'errors',
  'events',
  'option-names.data',
  'option-words',
  'schema',
  'store-layout',
  'plural',
  'unsafe-text',
  'oci',
  'linux',
  'crypto',
  'rootfs',
  'launch',
  'verify',
]);
const PURE_MODULES = new Set(['node:path/posix']);

/** Each npm package is imported by one room only. */
const PACKAGE_HOME: Readonly<Record<string, string>> = {
  '@noble/curves': 'crypto',
  '@sigstore/bundle': 'verify',
  '@sigstore/core': 'crypto',
  '@sigstore/protobuf-specs': 'verify',
  '@sigstore/tuf': 'verbs',
  '@sigstore/verify': 'verify',
  yaml: 'verify',
  commander: 'cli',
  fzstd: 'streams',
  got: 'registry',
  'smol-toml': 'registry',
  socks: 'registry',
  'gunzip-maybe': 'streams',
  koffi: 'sys',
  'tar-stream': 'tar',
  zod: 'schema',
};

const MAX_LINES = 300;

interface SourceFile {
  /** Relative to src. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** All module specifiers, type imports and dynamic imports among them. */
  readonly imports: readonly string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;

function readSources(folder: string): readonly SourceFile[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return files.map((path) => {
    const text = readFileSync(join(folder, path), 'utf8');
    const imports = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
    return { path, room: path.split('/')[0]?.replace(/\.ts$/, '') ?? path, text, imports };
  });
}

const sources = readSources(SRC);

/** The path relative to src that a relative specifier in this file means. */
function targetOf(file: SourceFile, specifier: string): string {
  return relative(SRC, resolve(dirname(join(SRC, file.path)), specifier));
}

function roomOf(path: string): string {
  return path.split('/')[0]?.replace(/\.ts$/, '') ?? path;
}

function localImports(file: SourceFile): readonly string[] {
  return file.imports.filter((specifier) => specifier.startsWith('.')).map((specifier) => targetOf(file, specifier));
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const test = suite('architecture');

test('there are sources, and their imports are seen', () => {
  assert.ok(sources.length > 20);
  assert.ok(sources.some((file) => file.imports.includes('node:zlib')));
  assert.ok(sources.some((file) => file.imports.includes('koffi')));
});

test('every room has a rank', () => {
  const known = new Set(RANKS.flat());
  const unknown = sources.filter((file) => !known.has(file.room)).map((file) => file.path);
  assert.equal(unknown, []);
});

test('a room imports rooms of a lower rank only, never a sibling', () => {
  const rank = new Map(RANKS.flatMap((rooms, index) => rooms.map((room) => [room, index] as const)));
  const wrong: string[] = [];
  for (const file of sources) {
    for (const target of localImports(file)) {
      const other = roomOf(target);
      if (other !== file.room && (rank.get(other) ?? Number.POSITIVE_INFINITY) >= (rank.get(file.room) ?? -1)) {
        wrong.push(`${file.path} imports ${target}`);
      }
    }
  }
  assert.equal(wrong, []);
});

/** A folder inside a room, or a file directly in the room. */
function placeOf(path: string): string {
  const folder = dirname(path);
  return folder.includes('/') ? folder : path;
}

test('every room inside of a room has a rank there, and imports lower ones only', () => {
  const wrong: string[] = [];
  const rank: ReadonlyMap<string, number> = new Map(
    Object.entries(SUB_ROOMS).flatMap(([room, ranks]) =>
      ranks.flatMap((folders, index) => folders.map((folder) => [`${room}/${folder}`, index] as const)),
    ),
  );
  for (const file of sources) {
    const own = dirname(file.path);
    if (!own.includes('/')) continue;
    if (!rank.has(own)) wrong.push(`${own} has no rank`);
    for (const target of localImports(file)) {
      const other = dirname(target);
      if (other === own || roomOf(target) !== file.room || !other.includes('/')) continue;
      if ((rank.get(other) ?? Number.POSITIVE_INFINITY) >= (rank.get(own) ?? -1))
        wrong.push(`${file.path} imports ${target}`);
    }
  }
  const unused = [...rank.keys()].filter((folder) => !sources.some(({ path }) => dirname(path) === folder));
  assert.equal([...wrong, ...unused], []);
});

test('no folder of src or test has more than 16 files', () => {
  const count = new Map<string, number>();
  for (const top of ['src', 'test']) {
    for (const { path } of readSources(join(ROOT, top))) {
      const folder = dirname(join(top, path));
      count.set(folder, (count.get(folder) ?? 0) + 1);
    }
  }
  assert.equal(
    [...count].filter(([, files]) => files > MAX_FILES),
    [],
  );
});

test('rooms without I/O import nothing of Node and no room with effects', () => {
  const wrong: string[] = [];
  // tar/header.ts has types only, which rootfs uses.
  const pureFiles = new Set(['tar/header.ts']);
  for (const file of sources.filter((candidate) => PURE_ROOMS.has(candidate.room))) {
    for (const specifier of file.imports) {
      if (specifier.startsWith('node:') && !PURE_MODULES.has(specifier))
        wrong.push(`${file.path} imports ${specifier}`);
    }
    for (const target of localImports(file)) {
      if (!PURE_ROOMS.has(roomOf(target)) && !pureFiles.has(target)) wrong.push(`${file.path} imports ${target}`);
    }
    const code = file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    const used = /\bprocess\.|\bfetch\(|\bDate\.now\(|\bsetTimeout\(/.exec(code);
    if (used !== null) wrong.push(`${file.path} uses ${used[0]}`);
  }
  assert.equal(wrong, []);
});

test('each npm package is imported by one room only', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    for (const specifier of file.imports.filter((name) => !name.startsWith('.') && !name.startsWith('node:'))) {
      const name = packageOf(specifier);
      if (PACKAGE_HOME[name] !== file.room) wrong.push(`${file.path} imports ${specifier}`);
    }
  }
  assert.equal(wrong, []);
});

test('every dependency of package.json does work in src', () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const used = new Set(sources.flatMap((file) => file.imports.map(packageOf)));
  assert.equal(
    // Packages of types work for users that compile against ours.
    Object.keys(dependencies).filter((name) => !used.has(name) && !name.startsWith('@types/')),
    [],
  );
});

/** Each way from a name back to itself. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    if (trail.includes(name)) {
      cycles.push([...trail.slice(trail.indexOf(name)), name].join(' → '));
      return;
    }
    if (done.has(name)) return;
    for (const next of graph.get(name) ?? []) visit(next, [...trail, name]);
    done.add(name);
  };
  for (const name of graph.keys()) visit(name, []);
  return cycles;
}

test('there are no import cycles', () => {
  assert.equal(cyclesOf(new Map(sources.map((file) => [file.path, localImports(file)]))), []);
});

test('there are no import cycles between the places of a room', () => {
  const graph = new Map<string, readonly string[]>();
  for (const file of sources) {
    const own = placeOf(file.path);
    const others = localImports(file)
      .map(placeOf)
      .filter((place) => place !== own);
    graph.set(own, [...(graph.get(own) ?? []), ...others]);
  }
  assert.equal(cyclesOf(graph), []);
});

test('no file is over 300 lines, except tables of data', () => {
  const long = sources.filter(
    (file) => !file.path.endsWith('.data.ts') && file.text.split('\n').length > MAX_LINES + 1,
  );
  assert.equal(
    long.map((file) => file.path),
    [],
  );
});

test('there are no barrels, default exports or folders named for nothing', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    if (/^export \*/m.test(file.text)) wrong.push(`${file.path}: export *`);
    if (/^export default/m.test(file.text)) wrong.push(`${file.path}: default export`);
    if (/(^|\/)(utils?|helpers|common|misc|index)(\.ts|\/)/.test(file.path))
      wrong.push(`${file.path}: its name says nothing`);
    if (!/^[a-z0-9-]+(\.data)?\.ts$/.test(file.path.split('/').at(-1) ?? ''))
      wrong.push(`${file.path}: not in kebab-case`);
  }
  assert.equal(wrong, []);
});

test('only the spawn in sys starts processes, and only main ends this one', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    if (file.room !== 'sys' && file.imports.includes('node:child_process'))
      wrong.push(`${file.path} imports node:child_process`);
    if (file.room !== 'main' && /\bprocess\.exit(Code)?\b/.test(file.text)) wrong.push(`${file.path} ends the process`);
  }
  assert.equal(wrong, []);
});

test('only a monitor, whose process is its own, changes the flags of V8: they hold for a program that uses tsimg', () => {
  const changing = sources.filter(({ text }) => /\bsetFlagsFromString\b|\bexpose[-_]gc\b|\bgc\(/.test(text));
  assert.equal(
    changing.map((file) => file.path),
    ['host/life/monitor.ts'],
  );
});

test('node:fs closes only descriptors that it opened: in worker threads it keeps count', () => {
  const closing = sources.filter(({ text }) => /\bcloseSync\b/.test(text) && !/\bopenSync\b/.test(text));
  assert.equal(
    closing.map((file) => file.path),
    [],
  );
});

test('every test file runs each suite that it makes', () => {
  const silent: string[] = [];
  for (const file of readSources(join(ROOT, 'test')).filter((candidate) => candidate.path.endsWith('.test.ts'))) {
    const made = [...file.text.matchAll(/const (\w+) = suite(?:<[^>]*>)?\(/g)].map((match) => match[1]);
    for (const name of made) if (!file.text.includes(`${name}.run()`)) silent.push(`${file.path}: ${name}`);
    if (made.length === 0) silent.push(`${file.path}: no suite`);
  }
  assert.equal(silent, []);
});

/** Paths below src that a page names in backticks: rooms with a slash at the end, files with their extension. */
function pathsIn(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8');
  return [...text.matchAll(/`([a-z0-9-]+(?:\/[a-z0-9-]+)*(?:\/|(?:\.data)?\.ts))`/g)].map((match) => match[1] ?? '');
}

test('docs/architecture.md names every room, and only files that exist', () => {
  const named = pathsIn('architecture.md');
  const holding = sources.flatMap(({ path, room }) => [dirname(path), ...(path.includes('/') ? [room] : [])]);
  const folders = [...new Set(holding)].map((folder) => `${folder}/`);
  const alone = sources.filter(({ path }) => !path.includes('/')).map(({ path }) => path);
  assert.equal(
    [...folders.filter((folder) => folder !== './'), ...alone].filter((path) => !named.includes(path)),
    [],
  );
  const known = new Set([...folders, ...sources.map(({ path }) => path)]);
  const others = new Set(['test/', 'src/', 'fixtures/', 'scripts/', 'bench/']);
  assert.equal(
    named.filter((path) => !known.has(path) && !others.has(path)),
    [],
  );
});

test('the rooms of docs/architecture.md stand in the order of their ranks', () => {
  const order = pathsIn('architecture.md').filter((path) => path.endsWith('/'));
  const wrong = Object.entries(SUB_ROOMS).flatMap(([room, ranks]) => {
    const places = ranks.map((folders) => folders.map((folder) => order.lastIndexOf(`${room}/${folder}/`)));
    return places.slice(1).flatMap((own, index) => {
      const highest = Math.max(...(places[index] ?? []));
      return own.some((place) => place < highest) ? [`${room}: ${ranks[index + 1]?.join(', ')}`] : [];
    });
  });
  assert.equal(wrong, []);
});

test('every room has a README', () => {
  const rooms = [...new Set(sources.filter(({ path }) => path.includes('/')).map(({ room }) => room))];
  assert.equal(
    rooms.filter((room) => !existsSync(join(SRC, room, 'README.md'))),
    [],
  );
});

test('every decision has a number without a gap, a status, a date, and the same four parts', () => {
  const folder = join(ROOT, 'docs', 'decisions');
  const index = readFileSync(join(folder, 'README.md'), 'utf8');
  const pages = readdirSync(folder).filter((name) => /^\d{4}-/.test(name));
  for (const [place, name] of pages.toSorted().entries()) {
    assert.is(Number(name.slice(0, 4)), place + 1, name);
    const page = readFileSync(join(folder, name), 'utf8');
    assert.match(page, new RegExp(`^# ${place + 1}\\. .*\n\n- Status: \\w+.*\n- Date: \\d{4}-\\d\\d-\\d\\d`), name);
    const parts = [...page.matchAll(/^## (.*)$/gm)].map((match) => match[1]);
    assert.equal(parts, ['Context', 'Decision', 'Rejected', 'Consequences'], name);
    assert.ok(index.includes(`](${name})`), `${name} is not in the index`);
  }
});

test('every error code has an entry in docs/errors.md, and every entry a code', async () => {
  const { ERROR_CODES } = await import('../src/errors.ts');
  const documented = [...readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8').matchAll(/^### (\w+)/gm)].map(
    (match) => match[1],
  );
  assert.equal([...documented].sort(), Object.keys(ERROR_CODES).sort());
});

test.run();

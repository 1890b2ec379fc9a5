import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { apiReport } from '../../scripts/docs/api-report.ts';
import { ROOT } from '../support/checkout.ts';
import { tempDir } from '../support/temp-dir.ts';

// docs/api is made by TypeDoc (npm run check says when it is stale). Here: is all of the library in it, and documented?

const test = suite('docs/api');
const TYPEDOC = join(ROOT, 'scripts', 'api-docs');

/** Runs TypeDoc with the project's settings on a module of its own. */
function documented(text: string) {
  const folder = tempDir();
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
  write('api.ts', text);
  write('package.json', JSON.stringify({ name: 'documented', version: '1.0.0' }));
  // The modules use nothing of a browser: reading its types takes a third of the time
  write('tsconfig.json', JSON.stringify({ compilerOptions: { types: [], lib: ['es5'] }, include: ['api.ts'] }));
  const settings = { extends: [join(TYPEDOC, 'typedoc.json')], entryPoints: ['api.ts'], tsconfig: 'tsconfig.json' };
  write('typedoc.json', JSON.stringify({ ...settings, intentionallyNotExported: [], readme: 'none', out: 'out' }));
  const typedoc = join(TYPEDOC, 'node_modules', 'typedoc', 'bin', 'typedoc');
  return spawnSync(process.execPath, [typedoc, '--options', join(folder, 'typedoc.json')], {
    cwd: TYPEDOC,
    encoding: 'utf8',
  });
}

test('every export of the library has a page', () => {
  const api = readFileSync(join(ROOT, 'src', 'api.ts'), 'utf8');
  const exported = [...api.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim().replace(/^type /, '')),
  );
  assert.ok(exported.length > 40);
  const pages = readdirSync(join(ROOT, 'docs', 'api'), { recursive: true, encoding: 'utf8' });
  const documentedNames = pages.flatMap((path) => /\/(\w+)\.md$/.exec(path)?.[1] ?? []);
  assert.equal([...documentedNames].sort(), exported.filter((name) => name !== '').sort());
});

test('the page of declarations says what the library exports now; a change of it is one for users', () => {
  const page = readFileSync(join(ROOT, 'docs', 'api', 'declarations.md'), 'utf8');
  assert.is(apiReport(join(ROOT, 'dist', 'src')), page, 'run: npm run docs');
});

test('an export without a docstring is refused, and so is a link to what is not there', () => {
  const good = documented('/** Adds. */\nexport function add(a: number, b: number): number { return a + b; }\n');
  assert.is(good.status, 0, good.stdout + good.stderr);
  const { status, stdout, stderr } = documented(
    'export function add(a: number): number { return a; }\n/** As {@link nothing}. */\nexport const one = 1;\n',
  );
  assert.is.not(status, 0);
  assert.match(stdout + stderr, /add .*does not have any documentation/);
  assert.match(stdout + stderr, /nothing/);
});

test('a type that a signature reaches and that is not exported is refused', () => {
  const { status, stdout, stderr } = documented(
    '/** A part. */\ninterface Part { readonly size: number }\n/** Adds. */\nexport function add(part: Part): void {}\n',
  );
  assert.is.not(status, 0);
  assert.match(stdout + stderr, /Part, defined in .*is referenced by add/);
});

test.run();

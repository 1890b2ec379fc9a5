import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';
import { tempDir } from '../support/temp-dir.ts';

// The `ts` blocks of the docs compile with the types of the library. examples/ has programs that are run, too.

const test = suite('docs/code-blocks');

const pages = ['docs', 'docs/guides'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

test('each block compiles', () => {
  const folder = tempDir();
  let blocks = 0;
  for (const page of ['README.md', ...pages]) {
    const text = readFileSync(join(ROOT, page), 'utf8');
    for (const [, code = ''] of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
      const line = text.slice(0, text.indexOf(code)).split('\n').length;
      // An export makes it a module, with `await` at its top.
      writeFileSync(join(folder, `${page.replaceAll('/', '-')}-line-${line}.ts`), `${code}\nexport {};\n`);
      blocks += 1;
    }
  }
  assert.ok(blocks > 3);
  // Runners that are not installed here are declared as far as the pages use them.
  writeFileSync(
    join(folder, 'vitest.d.ts'),
    `declare module 'vitest' {
      type Context = { task: { result?: { state: 'pass' | 'fail' } } };
      type Hook = (action: (context: Context) => unknown, timeout?: number) => void;
      export const beforeAll: Hook, afterAll: Hook, afterEach: Hook;
      type Test<Given> = ((name: string, action: (given: Given) => unknown) => void) & {
        extend<More>(fixtures: {
          [Name in keyof More]: (context: Context, use: (value: More[Name]) => Promise<void>) => Promise<void>;
        }): Test<Given & More>;
      };
      export const test: Test<Context>;
    }\n`,
  );
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable', 'dom'],
    module: 'nodenext',
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
    paths: {
      tsimg: [join(ROOT, 'dist', 'src', 'api.d.ts')],
      'tsimg/*': [join(ROOT, 'dist', 'src', '*.d.ts')],
    },
  };
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { cwd: folder, encoding: 'utf8' });
  assert.is(status, 0, stdout);
});

test.run();

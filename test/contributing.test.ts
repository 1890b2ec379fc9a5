import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from './support/checkout.ts';
import { tempDir } from './support/temp-dir.ts';
import { haveTools, missingPackages } from './support/tools.ts';

// What helps people who work on tsimg does what CONTRIBUTING.md says of it.

const test = suite('contributing');
const read = (...path: readonly string[]) => readFileSync(join(ROOT, ...path), 'utf8');

const git = haveTools('git') ? test : test.skip;
git('the hook refuses a commit that npm run check refuses, and no other', () => {
  const [, command = ''] = /^ {4}(git config core\.hooksPath .*)$/m.exec(read('CONTRIBUTING.md')) ?? [];
  const [folder, programs] = [tempDir(), tempDir()];
  const env = {
    PATH: `${programs}:${process.env.PATH}`,
    HOME: folder,
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.org',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.org',
  };
  const sh = (script: string) => spawnSync('sh', ['-ec', script], { cwd: folder, env, encoding: 'utf8' });
  const npmAnswers = (status: number) =>
    writeFileSync(join(programs, 'npm'), `#!/bin/sh\necho "$@" > asked\nexit ${status}\n`, { mode: 0o755 });
  const made = sh(`git init -q .; mkdir scripts; cp -p -r '${join(ROOT, 'scripts', 'hooks')}' scripts; ${command}`);
  assert.is(made.status, 0, made.stderr);
  npmAnswers(1);
  assert.is.not(sh('git commit -q --allow-empty -m one').status, 0);
  assert.is(readFileSync(join(folder, 'asked'), 'utf8').trim(), 'run --silent check');
  npmAnswers(0);
  assert.is(sh('git commit -q --allow-empty -m two').status, 0);
  assert.is(sh('git log --format=%s').stdout, 'two\n');
  assert.ok((statSync(join(ROOT, 'scripts', 'hooks', 'pre-commit')).mode & 0o111) !== 0);
});

test('what a suite prepares is told where it fails: no file calls uvu’s own before()', () => {
  // The latter has two suites as a text, for uvu's own order
  const may = ['support/prepare.ts', 'scripts/select-tests.test.ts'];
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const callers = files.filter((name) => /\w\.before\(/.test(read('test', name)));
  assert.equal(callers.toSorted(), may.toSorted());
});

test('the container for development has the least Node that is supported, and installs what the tests need', () => {
  const { engines }: { engines: { node: string } } = JSON.parse(read('package.json'));
  const container: { image: string; privileged: boolean; postCreateCommand: string } = JSON.parse(
    read('.devcontainer', 'devcontainer.json'),
  );
  assert.is(`>=${/^node:(\d+)-bookworm$/.exec(container.image)?.[1]}`, engines.node);
  assert.ok(container.privileged);
  const [, script = ''] = /\$\(node (dist\/\S+)\)/.exec(container.postCreateCommand) ?? [];
  const { stdout } = spawnSync(process.execPath, [join(ROOT, script)], { encoding: 'utf8' });
  assert.is(stdout, `${missingPackages().join(' ')}\n`);
});

test('package.json names one repository, where the homepage and the place for bugs are', () => {
  const { repository, homepage, bugs }: { repository: { url: string }; homepage: string; bugs: { url: string } } =
    JSON.parse(read('package.json'));
  const [, place] = /^git\+(https:\/\/.*)\.git$/.exec(repository.url) ?? [];
  assert.equal([homepage, bugs.url], [`${place}#readme`, `${place}/issues`]);
});

test('.editorconfig says what biome.json says', () => {
  const { formatter }: { formatter: { indentStyle: string; indentWidth: number; lineWidth: number } } = JSON.parse(
    read('biome.json'),
  );
  const editor = read('.editorconfig');
  for (const line of [
    `indent_style = ${formatter.indentStyle}`,
    `indent_size = ${formatter.indentWidth}`,
    `max_line_length = ${formatter.lineWidth}`,
  ]) {
    assert.ok(editor.includes(`\n${line}\n`), line);
  }
});

test.run();

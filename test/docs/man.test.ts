import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mdocFlags, mdocText, mdocWords } from '../../scripts/docs/mdoc.ts';
import { optionGroups } from '../../src/cli/option-groups.ts';
import { createProgram } from '../../src/cli/program.ts';
import { EXAMPLE_IMAGE, ROOT } from '../support/checkout.ts';
import { tsimg } from '../support/command/tsimg.ts';
import { PACKAGE } from '../support/command/user-project.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// man/ is made of the program (npm run check says when it is stale). Here: can it be read, and does npm install it?

const test = suite('docs/man');
const program = await createProgram(() => {});
const verbs = program.commands.map((command) => command.name()).filter((name) => name !== 'help');
const PAGES = ['tsimg.1', ...verbs.map((name) => `tsimg-${name}.1`)].sort();
const pathOf = (page: string) => join(ROOT, 'man', page);
const packageJson: { readonly man: readonly string[] } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** What a program prints of a page, without its styles; its complaints fail the test. */
function shown(command: string, args: readonly string[]): string {
  const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', MANWIDTH: '100' };
  const { stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
  assert.is(stderr, '', args.join(' '));
  const plain = stdout.replaceAll(/.\u0008|\u001b\[[0-9;]*m/g, '');
  return plain.replaceAll(/‐\n\s+/g, '').replaceAll('−', '-');
}

test('there is a page for the command and for each verb, and package.json names them all', () => {
  assert.equal(readdirSync(join(ROOT, 'man')).sort(), PAGES);
  assert.equal(
    [...packageJson.man].sort(),
    PAGES.map((page) => `./man/${page}`),
  );
});

test('text cannot become a request or a macro, and what is not ASCII is written so that every roff reads it', () => {
  assert.is(mdocText('.so /etc/passwd'), '\\&.so /etc/passwd');
  assert.is(mdocText("'a b"), '\\(aqa b');
  assert.is(mdocText('a\\fB … é. Next one'), 'a\\efB \\[u2026] \\[u00E9].\nNext one');
  assert.is(mdocWords('No such (thing)'), '\\&No\\& such \\&(thing)\\&');
  assert.is(mdocFlags('-e, --env <name[=value]>'), 'Fl e , Fl -env Ar \\&name[=value]\\&');
  assert.is(mdocFlags('-p, --pause [bool]'), 'Fl p , Fl -pause Oo Ar bool Oc');
  assert.is(mdocFlags('--rm'), 'Fl -rm');
});

const mandoc = haveTools('mandoc') ? test : test.skip;
mandoc('mandoc has no complaint about any page', () => {
  const args = ['-T', 'lint', '-W', 'warning', ...PAGES.map(pathOf)];
  const { stdout, stderr, status } = spawnSync('mandoc', args, { encoding: 'utf8' });
  assert.equal([status, stdout, stderr], [0, '', '']);
});

const groff = haveTools('groff') ? test : test.skip;
groff('groff lays every page out without a warning, with every option under its heading', () => {
  // One process for all: each page begins with its title
  const text = shown('groff', ['-ww', '-mandoc', '-Tutf8', '-rLL=100n', ...PAGES.map(pathOf)]);
  const pages = text.split(/^(?=TSIMG\S*\(1\) .* TSIMG)/m);
  assert.is(pages.length, PAGES.length);
  for (const [index, page] of PAGES.entries()) {
    const name = page.replace(/^tsimg-?|\.1$/g, '');
    const command = name === '' ? program : program.commands.find((each) => each.name() === name);
    assert.ok(command !== undefined, page);
    let rest = pages[index] ?? '';
    assert.ok(rest.startsWith(`${page.replace(/\.1$/, '').toUpperCase()}(1)`), page);
    for (const [heading, options] of optionGroups(command)) {
      const place = rest.indexOf(`\n   ${heading.replace(/:$/, '')}\n`);
      assert.ok(place >= 0, `${page}: ${heading}`);
      rest = rest.slice(place);
      for (const { flags } of options) {
        const plain = flags.replace(/ <(.*)>$/, ' $1');
        assert.ok(rest.includes(plain), `${page}: ${plain}`);
      }
    }
  }
});

const man = haveTools('man', 'groff') ? test : test.skip;
man('man shows a page without a warning', () => {
  assert.match(shown('man', ['--warnings', '-l', pathOf('tsimg-run.1')]), /^ +-e, --env name\[=value\]$/m);
});

const examples = haveRoot() ? test : test.skip;
examples('the examples of tsimg(1) do what they say', () => {
  const commands = [...readFileSync(pathOf('tsimg.1'), 'utf8').matchAll(/^\.Dl tsimg (.*)$/gm)].map(([, words = '']) =>
    words.replaceAll('\\&', '').split(' '),
  );
  assert.is(commands.length, 3);
  const folder = tempDir();
  copyFileSync(EXAMPLE_IMAGE, join(folder, 'image.tar.gz'));
  const outputs = commands.map((args) => {
    const { status, stdout, stderr } = tsimg(args, { cwd: folder });
    assert.is(status, 0, stderr);
    return stdout;
  });
  assert.ok(existsSync(join(folder, 'rootfs', 'bin')));
  assert.is(outputs[1], 'hello\n');
  assert.match(outputs[2] ?? '', /unshare/);
});

const npm = haveTools('npm', 'man', 'groff') ? test : test.skip;
npm('npm install -g puts the pages where man finds them, and the completions where docs/completion.md says', () => {
  const prefix = tempDir();
  const run = (command: string, args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
    assert.is(status, 0, stderr);
    return stdout.trim();
  };
  // Of the package, what has a part in this: npm would pack the rest, and unpack it
  for (const part of ['package.json', 'completions', 'man', 'dist/src/tsimg.cjs']) {
    cpSync(join(PACKAGE, part), join(prefix, 'package', part), { recursive: true });
  }
  // What it depends on would come from elsewhere
  const manifest = join(prefix, 'package', 'package.json');
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), dependencies: {} }));
  const global = ['-g', '--prefix', prefix];
  run('npm', ['install', ...global, '--install-links', '--offline', '--ignore-scripts', join(prefix, 'package')]);
  assert.equal(readdirSync(join(prefix, 'share', 'man', 'man1')).sort(), PAGES);
  const env = { PATH: process.env.PATH, MANPATH: join(prefix, 'share', 'man'), LC_ALL: 'C.UTF-8' };
  const { stdout } = spawnSync('man', ['tsimg-run'], { env, encoding: 'utf8' });
  assert.match(stdout.replaceAll(/.\u0008/g, ''), /tsimg run/);
  const completions = join(run('npm', ['root', ...global]), 'tsimg', 'completions');
  assert.equal(readdirSync(completions).sort(), ['_tsimg', 'tsimg.bash', 'tsimg.fish']);
});

test.run();

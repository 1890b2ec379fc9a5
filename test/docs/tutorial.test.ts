import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_ARCHIVE } from '../support/checkout.ts';
import { MAIN } from '../support/command/tsimg.ts';
import { cgroupVersion, OWN_WORLD_NEEDS } from '../support/host/own-world.ts';
import { haveRoot, haveTools } from '../support/tools.ts';
import { type DocStep, docStepsOf, matchesDoc, runDocSteps } from './support/doc-steps.ts';
import { readPage } from './support/page.ts';

// Every command of docs/tutorial.md is run, as root and as an ordinary user.

const test = suite('docs/tutorial');
const OVERLAYFS_SUPER_MAGIC = 0x794c_7630;
const read = (name: string) => docStepsOf(readPage(`docs/${name}`).blocks);
const steps = read('tutorial.md');
/** For all readers, for one of them, or for root on machines with cgroups of one version. */
const TAGS = ['', 'root', 'user', 'root v1', 'root v2'];
const stepsFor = (...tags: readonly string[]) => steps.filter((step) => tags.includes(step.tags.join(' ')));
const world = { main: MAIN, files: { 'busybox-amd64.tar.gz': EXAMPLE_ARCHIVE } };

function haveAll(): boolean {
  if (!haveTools(...OWN_WORLD_NEEDS, 'busybox', 'nft', 'pasta', 'ps', 'pgrep', 'nsenter') || !haveRoot()) return false;
  if (process.arch === 'x64' && statfsSync(tmpdir()).type !== OVERLAYFS_SUPER_MAGIC) return true;
  console.log('skipped: needs an x64 machine and a folder for temporary files that is not on an overlay');
  return false;
}
const run = haveAll() ? test : test.skip;

run('its commands do for root what it says', () => {
  const version = cgroupVersion();
  if (version !== 1) console.log('skipped: needs cgroups of version 1, for the commands that make them');
  runDocSteps(stepsFor('', 'root', `root v${version}`), { ...world, as: 'root' });
});

run('its commands do for an ordinary user what it says', () => {
  runDocSteps(stepsFor('', 'user'), { ...world, as: 'user' });
});

test('both languages have the same commands, which print the same', () => {
  const withoutLines = (all: readonly DocStep[]) => all.map(({ line: _, ...step }) => step);
  assert.equal(withoutLines(read('tutorial.zh.md')), withoutLines(steps));
});

test('each command is for one of the readers that are tested', () => {
  assert.equal(stepsFor(...TAGS), steps);
});

test('a page that says other than what is printed is found', () => {
  assert.ok(matchesDoc('a 1 b\nx\ny\nend\n', 'a … b\n…\nend\n'));
  assert.ok(matchesDoc('end\n', '…\nend\n'));
  assert.not.ok(matchesDoc('a 1 b\nend\n', 'a … c\nend\n'));
  assert.not.ok(matchesDoc('a\nend\nmore\n', 'a\nend\n'));
  assert.not.ok(matchesDoc('abc\n', 'a.c\n'));
});

test.run();

import type { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADINGS, MOST_USED, optionGroups } from '../../src/cli/option-groups.ts';
import { createProgram } from '../../src/cli/program.ts';
import { tsimg, tsimgEach } from '../support/command/tsimg.ts';
import { tempDir } from '../support/temp-dir.ts';

// Help shows options under headings, the most used options first.

const test = suite('cli/help');
const program = await createProgram(() => {});
const MOST_USED_AT_MOST = 11;

function flagsOf(command: Command): readonly string[] {
  return command.options.map(({ flags }) => flags);
}

/** Returns the options of a help text by heading: the lines that begin with a dash. */
function shownGroups(text: string): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  let heading = '';
  for (const line of text.split('\n')) {
    if (/^\S.*:$/.test(line)) heading = line;
    if (/^ {2}-/.test(line)) groups.set(heading, [...(groups.get(heading) ?? []), line.trim().split(/ {2,}/)[0] ?? '']);
  }
  return groups;
}

for (const command of program.commands.filter(({ options }) => options.length > 0)) {
  test(`each option of ${command.name()} stands under one heading that help knows`, () => {
    const groups = optionGroups(command);
    const shown = [...groups.values()].flat().map(({ flags }) => flags);
    assert.equal(shown.filter((flags) => !flags.endsWith('--help')).sort(), [...flagsOf(command)].sort());
    assert.equal(
      [...groups.keys()],
      HEADINGS.filter((heading) => groups.has(heading)),
    );
  });
}

test('the most used options of a verb are few, and options that it has', () => {
  for (const [name, mostUsed] of Object.entries(MOST_USED)) {
    const command = program.commands.find((each) => each.name() === name);
    const own = command?.options.map(({ long }) => long) ?? [];
    assert.equal(
      mostUsed.filter((long) => !own.includes(long)),
      [],
      name,
    );
    assert.ok(mostUsed.length <= MOST_USED_AT_MOST, name);
  }
});

test('tsimg run --help shows the most used options first, and all options of the groups', () => {
  const shown = shownGroups(tsimg(['run', '--help']).stdout);
  const command = program.commands.find((each) => each.name() === 'run');
  assert.ok(command !== undefined);
  assert.equal(
    [...shown],
    [...optionGroups(command)].map(([heading, options]) => [heading, options.map(({ flags }) => flags)]),
  );
  assert.is([...shown.keys()][0], 'Most used:');
  assert.ok(shown.size > 8);
  assert.ok(shown.get('Network:')?.includes('--network <mode>'));
});

test('no line of help is longer than 80 columns', () => {
  const calls = [['--help'], ...program.commands.map((command) => ['help', command.name()])];
  for (const [index, { stdout, status }] of tsimgEach(calls, { env: { TSIMG_ROOT: tempDir() } }).entries()) {
    const args = calls[index] ?? [];
    assert.is(status, 0, args.join(' '));
    assert.equal(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
      args.join(' '),
    );
  }
});

test('tsimg help lists all commands under headings', () => {
  const { stdout } = tsimg(['help']);
  for (const heading of ['Images:', 'Containers:', 'This host:']) assert.match(stdout, new RegExp(`^${heading}$`, 'm'));
  for (const command of program.commands) assert.match(stdout, new RegExp(`^  ${command.name()} `, 'm'));
  assert.not.match(stdout, /^Commands:$/m);
});

test.run();

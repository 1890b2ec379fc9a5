import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { groupsFor, VERB_GROUPS } from '../../src/cli/verb-groups.ts';

const test = suite('cli/verb-groups');

for (const { names, load } of VERB_GROUPS) {
  test(`what is loaded for ${names.join(', ')} adds these verbs and no others`, async () => {
    const program = new Command().enablePositionalOptions();
    const addVerbs = await load();
    addVerbs(program, () => {});
    assert.equal(
      program.commands.map((command) => command.name()),
      names,
    );
  });
}

test('a verb that comes first loads its own file alone; whatever else comes first loads all', () => {
  assert.equal(
    groupsFor(['run', 'pull']).flatMap(({ names }) => names),
    ['run'],
  );
  for (const args of [[], ['help'], ['--root', 'run', 'pull'], ['rnu'], ['toString']]) {
    assert.is(groupsFor(args), VERB_GROUPS, args.join(' '));
  }
});

test.run();

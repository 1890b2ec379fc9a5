import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VERBS, verbsFor } from '../../src/cli/verbs.ts';

const test = suite('cli/verbs');

for (const { name, load } of VERBS) {
  test(`the file of ${name} adds this verb and no other`, async () => {
    const program = new Command().enablePositionalOptions();
    const addVerb = await load();
    addVerb(program, () => {});
    assert.equal(
      program.commands.map((command) => command.name()),
      [name],
    );
  });
}

test('a verb as the first argument loads its own file only; another first argument loads all', () => {
  assert.equal(
    verbsFor(['run', 'pull']).map(({ name }) => name),
    ['run'],
  );
  for (const args of [[], ['help'], ['--root', 'run', 'pull'], ['rnu'], ['toString']]) {
    assert.is(verbsFor(args), VERBS, args.join(' '));
  }
});

test.run();

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
    // Such an option would take the operands behind it
    const greedy = program.commands.flatMap(({ options }) => options.filter(({ variadic }) => variadic));
    assert.equal(greedy, []);
  });
}

test('a verb behind general options loads its own file only; other arguments load all', () => {
  for (const general of [[], ['--root', 'pull'], ['--root=pull', '--json'], ['--debug', '--root', '--json']]) {
    assert.equal(
      verbsFor([...general, 'run', 'pull']).map(({ name }) => name),
      ['run'],
      general.join(' '),
    );
  }
  for (const args of [[], ['help'], ['--root', 'run'], ['--root'], ['--help', 'run'], ['rnu'], ['toString']]) {
    assert.is(verbsFor(args), VERBS, args.join(' '));
  }
});

test.run();

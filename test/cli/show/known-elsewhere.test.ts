import type { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createProgram } from '../../../src/cli/program.ts';
import { KNOWN_ELSEWHERE } from '../../../src/cli/show/known-elsewhere.data.ts';
import { tsimg } from '../../support/command/tsimg.ts';

const test = suite('cli/show/known-elsewhere');
const program = await createProgram(() => {});
const flagsOf = (verb: string): readonly string[] => {
  const command = program.commands.find((each) => each.name() === verb);
  assert.ok(command, verb);
  const both = (of: Command) => of.options.flatMap(({ short, long }) => [short, long]);
  return [...both(command), ...both(program)].filter((flag) => flag !== undefined);
};

test('a verb lacks the option, and has those that the words name', () => {
  for (const [option, places] of Object.entries(KNOWN_ELSEWHERE)) {
    for (const { verbs, words } of places) {
      for (const verb of verbs) {
        assert.not(flagsOf(verb).includes(option), `${verb} ${option}`);
        const [own = '', other] = words.split(/tsimg (?=[a-z]+ -)/);
        for (const [named] of own.matchAll(/(?<![\w-])--?[a-z][\w-]*/g)) {
          assert.ok(flagsOf(verb).includes(named), `${verb} ${option}: ${named}`);
        }
        if (other === undefined) continue;
        const [otherVerb = ''] = other.split(' ', 1);
        for (const [named] of other.matchAll(/(?<![\w-])--?[a-z][\w-]*/g)) {
          assert.ok(flagsOf(otherVerb).includes(named), `${verb} ${option}: ${otherVerb} ${named}`);
        }
      }
    }
    for (const verb of places.flatMap(({ verbs }) => verbs)) {
      assert.is(places.filter(({ verbs }) => verbs.includes(verb)).length, 1, `${verb} ${option}`);
    }
  }
});

test('an option of another program fails with what tsimg has for its purpose, and no guess by letters', () => {
  for (const [args, words] of [
    [['copy', '--format', 'v2s2', 'a', 'b'], 'manifests keep their media types'],
    [['copy', '--src-tls-verify=false', 'a', 'b'], '--dest-tls-verify that of the destination'],
    [['push', '-a', 'a'], 'tsimg copy --all SOURCE SINK'],
    [['pull', '--username', 'me', 'a'], '--creds USER:PASSWORD'],
    [['tags', '--plain-http', 'a'], '--tls-verify=false'],
  ] as const) {
    const { status, stderr } = tsimg(args);
    assert.is(status, 2);
    assert.match(stderr, words);
    assert.match(stderr, `tsimg help ${args[0]} shows its operands and options`);
    assert.not.match(stderr, 'did you mean');
  }
  assert.match(tsimg(['config', '--format', 'x', 'a']).stderr, 'did you mean --force?');
});

test.run();

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLineOf } from '../../src/cli/completion/command-line.ts';
import { createProgram } from '../../src/cli/program.ts';
import { completionScript } from '../../src/cli/verb/completion.ts';
import { EXAMPLE_IMAGE, ROOT } from '../support/checkout.ts';
import { bashOffers, completedLines, completionPlace, fishOffers } from '../support/command/shell-completion.ts';
import { tsimg } from '../support/command/tsimg.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// What `tsimg completion SHELL` prints completes in that shell itself, and nothing from outside is run by it.

const test = suite('cli/completion');
const program = await createProgram(() => {});
const line = commandLineOf(program);

const STORE = join(tempDir(), 'store');
tsimg(['load', '-q', '-i', EXAMPLE_IMAGE], { env: { TSIMG_ROOT: STORE } });
tsimg(['tag', 'tsimg/example', 'registry.example:5000/a/b:1.0'], { env: { TSIMG_ROOT: STORE } });
const IMAGES = ['registry.example:5000/a/b:1.0', 'tsimg/example:latest'];

const place = completionPlace(tempDir(), STORE);
const SCRIPTS = tempDir();
const scripts = { bash: join(SCRIPTS, 'tsimg.bash'), zsh: join(SCRIPTS, '_tsimg'), fish: join(SCRIPTS, 'tsimg.fish') };
for (const shell of ['bash', 'zsh', 'fish'] as const) {
  writeFileSync(scripts[shell], tsimg(['completion', shell]).stdout);
}

/** Names that no container or image can have, which a command prints besides such as they can have. */
const HOSTILE = [
  '$(touch ran)',
  '`touch ran`',
  "';touch ran;'",
  '"; touch ran; "',
  'a;touch ran',
  '$(touch${IFS}ran)',
  'a;touch${IFS}ran;',
  '-rf',
  '--root=x',
  'two words',
  '*',
  '~',
  '{a,b}',
  'a$HOME',
  'a\\tb',
  'a\u001b[31m',
  '',
];
const FAKE = `
case "$1" in
ps) printf '%s\\n' web db; [ "$2" = -a ] && echo ended; cat hostile ;;
images)
  echo 'REPOSITORY   TAG   IMAGE ID'
  echo 'alpine   3.19   0123'
  grep '^[^ -]*$' hostile | grep . | sed 's/$/   latest   0123/; p; s/^/evil   /'
  ;;
*) echo called >> ran ;;
esac`;
const fake = completionPlace(tempDir(), STORE, FAKE);
writeFileSync(join(fake.folder, 'hostile'), `${HOSTILE.join('\n')}\n`);
mkdirSync(join(fake.folder, 'folder'));

test('every option, verb and choice is in what shells complete from', () => {
  assert.equal(
    line.verbs.map(({ name }) => name),
    program.commands.map((command) => command.name()),
  );
  const run = line.verbs.find(({ name }) => name === 'run');
  assert.equal([run?.endsAtOperand, run?.operands.map(({ kind }) => kind)], [true, ['rootfs', 'file']]);
  const names = run?.options.flatMap((option) => option.names) ?? [];
  for (const name of ['-it'.slice(0, 2), '--network', '--help', '--root', '-v']) assert.ok(names.includes(name), name);
  assert.equal(
    line.verbs.filter(({ endsAtOperand }) => endsAtOperand).map(({ name }) => name),
    ['run', 'create', 'exec', 'unshare'],
  );
});

test('words and names that scripts hold are plain: no shell reads anything into them', () => {
  for (const { options, name } of line.verbs) {
    assert.match(name, /^[a-z]+$/);
    for (const { names, value } of options) {
      for (const each of names) assert.match(each, /^--?[A-Za-z-]+$/);
      if (typeof value === 'object') for (const word of value.words) assert.match(word, /^[\w:,=./-]+$/, word);
    }
  }
});

test('a shell that is not known is a wrong call', () => {
  const { status, stderr } = tsimg(['completion', 'tcsh']);
  assert.is(status, 2);
  assert.match(stderr, /bash, zsh, fish/);
});

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  test(`the command prints the script of ${shell} that the program makes`, async () => {
    const { stdout, status } = tsimg(['completion', shell]);
    assert.is(status, 0);
    assert.is(stdout, await completionScript(shell, program));
  });
}

/** By line: what is offered behind it, the same in bash and fish. */
const OFFERS: readonly (readonly [typed: string, offers: readonly string[]])[] = [
  ['tsimg comm', ['commit']],
  ['tsimg --root x im', ['images']],
  ['tsimg run --netw', ['--network', '--network-alias']],
  ['tsimg run --pull ', ['always', 'missing', 'never']],
  ['tsimg kill -s TT', ['TTIN', 'TTOU']],
  ['tsimg help comp', ['completion']],
  ['tsimg completion ', ['bash', 'fish', 'zsh']],
  ['tsimg rmi ', IMAGES],
  ['tsimg rmi --force tsimg/', ['tsimg/example:latest']],
  ['tsimg rmi --root /nowhere ', []],
  ['tsimg run -it --name x tsi', ['tsimg/example:latest']],
  ['tsimg run -ite A tsi', ['tsimg/example:latest']],
  ['tsimg run --env ', []],
  ['tsimg run tsimg/example --netw', []],
  ['tsimg exec web --env', []],
  ['tsimg ps --nothing-such', []],
];

const FAKE_OFFERS: readonly (readonly [typed: string, offers: readonly string[]])[] = [
  ['tsimg rm ', ['db', 'ended', 'web']],
  ['tsimg rm -f web e', ['ended']],
  ['tsimg stop ', ['db', 'web']],
  ['tsimg exec -it w', ['web']],
  ['tsimg rmi ', ['alpine:3.19']],
];

/** One shell is asked for all lines: what is offered behind each, by the line. */
function offersOf(shell: typeof bashOffers, lines: readonly string[], script: string, where = place) {
  const offered = shell(lines, script, where);
  assert.is(offered.length, lines.length);
  return new Map(lines.map((line, index) => [line, offered[index] ?? []]));
}

const linesOf = (table: readonly (readonly [typed: string, ...rest: readonly unknown[]])[]) =>
  table.map(([typed]) => typed);

const bash = haveTools('bash') ? test : test.skip;
const inBash = haveTools('bash') ? offersOf(bashOffers, linesOf(OFFERS), scripts.bash) : undefined;
for (const [typed, offers] of OFFERS) {
  bash(`bash offers ${offers.join(', ') || 'nothing'} behind: ${typed}`, () => {
    const offered = inBash?.get(typed)?.filter((each) => !each.startsWith('compopt'));
    assert.equal(offered?.toSorted(), offers);
  });
}

bash('bash replaces what stands behind the last : or = alone', () => {
  const lines = ['tsimg rmi registry.example:5000/a/b:1', 'tsimg run --pull=m', 'tsimg run --network='];
  const [tags, pulls, networks] = bashOffers(lines, scripts.bash, place);
  assert.equal(tags, ['1.0']);
  assert.equal(pulls, ['missing']);
  assert.ok(networks?.includes('slirp4netns'));
});

bash(
  'bash suggests files where they are wanted, folders where only these are, and neither where another value is',
  () => {
    const lines = ['tsimg load -i ', 'tsimg unpack x ', 'tsimg run --name ', 'tsimg cp ./'];
    const told = [['compopt -o default'], ['compopt -o dirnames'], [], ['compopt -o default']];
    assert.equal(bashOffers(lines, scripts.bash, place), told);
  },
);

const fish = haveTools('fish') ? test : test.skip;
const inFish = haveTools('fish') ? offersOf(fishOffers, linesOf(OFFERS), scripts.fish) : undefined;
for (const [typed, offers] of OFFERS) {
  fish(`fish offers ${offers.join(', ') || 'nothing'} behind: ${typed}`, () => {
    assert.equal(inFish?.get(typed)?.toSorted(), offers);
  });
}

const both = haveTools('bash', 'fish') ? test : test.skip;
const fakes = haveTools('bash', 'fish')
  ? [
      offersOf(bashOffers, linesOf(FAKE_OFFERS), scripts.bash, fake),
      offersOf(fishOffers, linesOf(FAKE_OFFERS), scripts.fish, fake),
    ]
  : [];
for (const [typed, offers] of FAKE_OFFERS) {
  both(`names that are none are neither offered nor run behind: ${typed}`, () => {
    for (const each of fakes) assert.equal(each.get(typed)?.toSorted(), offers);
    assert.not.ok(existsSync(join(fake.folder, 'ran')));
  });
}

fish('fish suggests files and folders where they are wanted', () => {
  const [files, folders, all] = fishOffers(['tsimg load -i host', 'tsimg unpack x ', 'tsimg cp '], scripts.fish, fake);
  assert.equal(files, ['hostile']);
  assert.equal(folders, ['folder/']);
  assert.equal(all?.toSorted(), ['db:', 'ended:', 'folder/', 'hostile', 'web:']);
});

/** By what is typed before a tabulator: the line that it makes. */
const COMPLETED: readonly (readonly [typed: string, made: string])[] = [
  ['tsimg comp', 'tsimg completion '],
  ['tsimg run --netw', 'tsimg run --network'],
  ['tsimg run --pull=m', 'tsimg run --pull=missing '],
  ['tsimg rmi -f registry.example:5000/a/b:1', 'tsimg rmi -f registry.example:5000/a/b:1.0 '],
  ['tsimg run -it tsi', 'tsimg run -it tsimg/example:latest '],
  ['tsimg run tsimg/example --netw', 'tsimg run tsimg/example --netw'],
];
const FAKE_COMPLETED: typeof COMPLETED = [
  ['tsimg stop w', 'tsimg stop web'],
  ['tsimg rm en', 'tsimg rm ended'],
  ['tsimg rm -', 'tsimg rm -'],
  ['tsimg rm a', 'tsimg rm a'],
  ['tsimg rmi alp', 'tsimg rmi alpine:3.19'],
  ['tsimg rmi ev', 'tsimg rmi ev'],
];

for (const shell of ['bash', 'zsh'] as const) {
  const canType = haveTools(shell, 'python3');
  const typing = canType ? test : test.skip;
  const lines = canType ? completedLines(shell, linesOf(COMPLETED), scripts[shell], place) : [];
  for (const [index, [typed, made]] of COMPLETED.entries()) {
    typing(`${shell} on a terminal completes: ${typed}`, () => {
      // zsh takes the blank away again when what is typed next ends the word
      assert.is(lines[index]?.trimEnd(), made.trimEnd());
    });
  }
  typing(`${shell} on a terminal neither offers nor runs names that are none`, () => {
    const completed = completedLines(shell, linesOf(FAKE_COMPLETED), scripts[shell], fake);
    for (const [index, [typed, made]] of FAKE_COMPLETED.entries()) {
      assert.is(completed[index]?.trimEnd().replace(/--?$/, '-'), made, typed);
    }
    assert.not.ok(existsSync(join(fake.folder, 'ran')));
  });
}

/** The lines of docs/completion.md that a shell is to run, by the shell. */
function switchOn(shell: string): string {
  const page = readFileSync(join(ROOT, 'docs', 'completion.md'), 'utf8');
  const [, section = ''] = new RegExp(`^## ${shell}\n([^#]*)`, 'm').exec(page) ?? [];
  return [...section.matchAll(/^ {4}(.*)$/gm)].map((match) => match[1]).join('\n');
}

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  const shown = haveTools(shell) ? test : test.skip;
  shown(`what docs/completion.md says of ${shell} puts the script where the shell finds it`, () => {
    const { folder, env } = completionPlace(tempDir(), STORE);
    const commands = switchOn(shell);
    assert.match(commands, /tsimg completion/);
    const { status, stderr } = spawnSync('sh', ['-ec', commands], { cwd: folder, env, encoding: 'utf8' });
    assert.equal([status, stderr], [0, '']);
    const places = {
      bash: '.local/share/bash-completion/completions/tsimg',
      zsh: '.zfunc/_tsimg',
      fish: '.config/fish/completions/tsimg.fish',
    };
    assert.is(readFileSync(join(env.HOME ?? '', places[shell]), 'utf8'), readFileSync(scripts[shell], 'utf8'));
  });
}

bash('bash takes the script from the command itself, as docs/completion.md says', () => {
  const [, command = ''] =
    /add this line to .*: `(.*)`/.exec(readFileSync(join(ROOT, 'docs', 'completion.md'), 'utf8')) ?? [];
  const { folder, env } = place;
  const { stdout } = spawnSync('bash', ['-c', `${command}\ncomplete -p tsimg`], { cwd: folder, env, encoding: 'utf8' });
  assert.is(stdout, 'complete -F _tsimg tsimg\n');
});

const fishAlone = haveTools('fish') ? test : test.skip;
fishAlone('fish finds the script by itself where docs/completion.md puts it', () => {
  const { folder, env } = completionPlace(tempDir(), STORE);
  spawnSync('sh', ['-ec', switchOn('fish')], { cwd: folder, env });
  const { stdout } = spawnSync('fish', ['-c', 'complete -C "tsimg comp"'], { cwd: folder, env, encoding: 'utf8' });
  assert.match(stdout, /^completion\t/);
});

const zshAlone = haveTools('zsh', 'python3') ? test : test.skip;
zshAlone('zsh finds the script by itself where docs/completion.md puts it', () => {
  const found = completionPlace(tempDir(), STORE);
  spawnSync('sh', ['-ec', switchOn('zsh')], { cwd: found.folder, env: found.env });
  const [line] = completedLines('zsh', ['tsimg comp'], '~/.zshrc', found);
  assert.is(line?.trimEnd(), 'tsimg completion');
});

test.run();

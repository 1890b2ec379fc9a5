import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { compiledCode } from '../support/command/compiled-code.ts';
import { MAIN, tsimg } from '../support/command/tsimg.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// The command as a shell starts it: by its first line, in pipelines, with broken outputs and inputs that never come.

const test = suite('cli/streams');
const asRoot = haveRoot() ? test : test.skip;
const folder = tempDir();
const bash = (script: string) =>
  spawnSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      T: MAIN,
      IMAGE: EXAMPLE_IMAGE,
      TSIMG_ROOT: join(folder, 'store'),
      ...compiledCode(undefined),
    },
    timeout: 60_000,
  });

asRoot('--env-file is tsimg’s, never Node’s: a file cannot put options into the process on the host', () => {
  assert.is(tsimg(['unpack', '-q', EXAMPLE_IMAGE, join(folder, 'rootfs')]).status, 0);
  writeFileSync(
    join(folder, 'evil.cjs'),
    `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'evil'))}, '')`,
  );
  writeFileSync(join(folder, 'env'), `NODE_OPTIONS=--require=${join(folder, 'evil.cjs')}\n`);
  const inside = bash('"$T" run --network none --env-file env ./rootfs env');
  assert.match(inside.stdout, /^NODE_OPTIONS=--require=/m);
  assert.not(existsSync(join(folder, 'evil')));
  assert.is(bash('"$T" run --network none ./rootfs echo --env-file=x').stdout, '--env-file=x\n');
  assert.is(bash('"$T" run --network none --env-file nope ./rootfs true').status, 125);
});

const asRootOnBusybox = haveRoot() && haveTools('busybox') ? test : test.skip;
asRootOnBusybox('the command starts where env(1) is that of busybox, which takes no option', () => {
  const script = 'mount --bind "$(command -v busybox)" "$(command -v env)" && "$1" run --env-file nope x; echo $?';
  const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', MAIN], { encoding: 'utf8' });
  assert.match(stderr, /^tsimg: .*nope/);
  assert.is(stdout, '125\n');
});

asRoot('options behind the operand are the command’s, in errors too', () => {
  const { stderr, status } = bash('"$T" run --network none ./rootfs nosuch --json --debug');
  assert.is(status, 127);
  assert.match(stderr, /^tsimg: .*\n$/);
});

asRoot('a command in a container outlives the reader of its output, and its status is told', () => {
  const script = 'echo a; sleep 0.2; touch /after; exit 5';
  const { stdout } = bash(`"$T" run --network none ./rootfs sh -c '${script}' | head -1; echo "\${PIPESTATUS[0]}"`);
  assert.is(stdout, 'a\n5\n');
  assert.ok(existsSync(join(folder, 'rootfs', 'after')));
});

test('a reader that goes away ends the verb as SIGPIPE would, without a message', () => {
  const { stdout, stderr } = bash('"$T" save -q "$IMAGE" | head -c 10 > /dev/null; echo "${PIPESTATUS[0]}"');
  assert.is(stdout, '141\n');
  assert.is(stderr, '');
});

test('a full disk below the output is an error of one line', () => {
  const { status, stderr } = bash('"$T" ls -q "$IMAGE" > /dev/full');
  assert.is(status, 1);
  assert.match(stderr, /^tsimg: cannot write the result \(standard output\): no space is left.*\n$/);
});

asRoot('what a container writes and nobody can keep is an error, not a success that lost it', () => {
  const { status, stderr } = bash('"$T" run --rm --network none ./rootfs echo lost > /dev/full');
  assert.is(status, 125);
  assert.match(stderr, /^tsimg: cannot write the output \(standard output\): no space is left.*\n$/);
});

asRoot('every verb tells an output that is full, and ends as by SIGPIPE where nobody reads', () => {
  const lines = 'i=0; while [ $i -lt 5000 ]; do echo "a line that is long enough to fill a pipe $i"; i=$((i+1)); done';
  bash('"$T" load -q -i "$IMAGE"');
  assert.is(
    bash(
      `"$T" run -q -d --network none --name lines tsimg/example sh -c '${lines}' > /dev/null; "$T" wait lines >/dev/null`,
    ).status,
    0,
  );
  const verbs = [
    'images',
    'images --json',
    'ps -a',
    'logs lines',
    'logs -f lines',
    'inspect lines',
    'history tsimg/example',
    'ls tsimg/example',
    'export -q tsimg/example',
    'save -q tsimg/example',
    'cp lines:/bin -',
    'doctor',
    'help',
    '--help',
    'run --help',
    '--version',
    'run --network none --dry-run tsimg/example',
  ];
  for (const verb of verbs) {
    const launch = verb.startsWith('run');
    const full = bash(`"$T" ${verb} > /dev/full`);
    assert.is(full.status, launch ? 125 : 1, `${verb}: ${full.stderr}`);
    assert.match(full.stderr, /no space is left/, verb);
    // The reader goes away before anything is written, so the result does not depend on timing.
    const gone = bash(`exec 3> >(exec true); wait $!; "$T" ${verb} >&3; echo $?`);
    assert.is(gone.stdout, '141\n', `${verb}: ${gone.stderr}`);
    assert.is(gone.stderr, '', verb);
  }
  bash('"$T" rm -f lines');
});

test('unpack is completed though nobody reads its progress', () => {
  const { stdout } = bash(
    '"$T" unpack --progress json "$IMAGE" unread 2>&1 | head -1 > /dev/null; echo "${PIPESTATUS[0]}"',
  );
  assert.is(stdout, '0\n');
  assert.ok(existsSync(join(folder, 'unread', 'bin', 'busybox')));
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith('.tsimg')),
    [],
  );
});

test('an interrupt ends the wait for input that never comes', () => {
  // timeout(1) ends with 124 where the command ended on its signal, and with 137 where it was killed.
  assert.is(bash('mkfifo pipe; timeout -s INT -k 5 1 "$T" ls ./pipe').status, 124);
  assert.is(bash('sleep 8 | timeout -s INT -k 5 1 "$T" ls -').status, 124);
});

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { editPairs, editRunConfig, type RunConfigEdit } from '../../../src/oci/commit/edit-run-config.ts';
import { EMPTY_RUN_CONFIG, type RunConfig } from '../../../src/oci/run-config.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('oci/commit/edit-run-config');

const BEFORE: RunConfig = {
  ...EMPTY_RUN_CONFIG,
  env: ['PATH=/bin', 'A=1', 'B=2'],
  entrypoint: ['/old'],
  cmd: ['arg'],
  workingDir: '/srv',
  labels: { a: '1', b: '2' },
  exposedPorts: ['80/tcp'],
  volumes: ['/data'],
  user: 'app',
  stopSignal: 'SIGTERM',
};
const noCheck = () => {};
const edited = (edit: RunConfigEdit) => editRunConfig(BEFORE, edit, noCheck);

test('nothing is changed by no edit', () => {
  assert.equal(edited({}), BEFORE);
});

test('a variable is replaced at its place, a new one comes last, and NAME- removes one', () => {
  assert.equal(edited({ env: ['A=x=y', 'C=', 'B-'] }).env, ['PATH=/bin', 'A=x=y', 'C=']);
  assert.equal(edited({ env: ['A-', 'A=again'] }).env, ['PATH=/bin', 'B=2', 'A=again']);
});

test('labels, ports and volumes are added and removed', () => {
  const { labels, exposedPorts, volumes } = edited({
    label: ['a-', 'c=3', 'trailing-=x'],
    expose: ['80-', '8000-8001/udp', '9000-9001/tcp-', '443'],
    volume: ['/data-', '/more'],
  });
  assert.equal(labels, { b: '2', c: '3', 'trailing-': 'x' });
  assert.equal(exposedPorts, ['8000/udp', '8001/udp', '443/tcp']);
  assert.equal(volumes, ['/more']);
});

test('a command is a JSON list or a line for the shell, and an empty text is none', () => {
  assert.equal(edited({ cmd: '["a", "b c"]' }).cmd, ['a', 'b c']);
  assert.equal(edited({ cmd: 'echo $A' }).cmd, ['/bin/sh', '-c', 'echo $A']);
  assert.equal(edited({ cmd: '' }).cmd, []);
  assert.equal(edited({ cmd: '' }).entrypoint, ['/old']);
});

test('a new entrypoint removes the command, unless a command comes with it', () => {
  assert.equal([edited({ entrypoint: '["/new"]' }).entrypoint, edited({ entrypoint: '["/new"]' }).cmd], [['/new'], []]);
  assert.equal(edited({ entrypoint: '["/new"]', cmd: '["-v"]' }).cmd, ['-v']);
  assert.equal(edited({ entrypoint: '' }).entrypoint, []);
});

test('what is cleared is cleared first, and instructions of a Dockerfile come last', () => {
  const { env, labels } = edited({
    clear: ['env', 'label'],
    env: ['A=1'],
    label: ['new=1'],
    changes: ['ENV B=$A', 'LABEL new=2'],
  });
  assert.equal(env, ['A=1', 'B=1']);
  assert.equal(labels, { new: '2' });
});

test('a working directory is relative to the one before, and empty texts remove settings', () => {
  assert.is(edited({ workdir: 'sub' }).workingDir, '/srv/sub');
  assert.is(edited({ workdir: '/' }).workingDir, '/');
  const { workingDir, user, stopSignal } = edited({ workdir: '', user: '', stopSignal: '' });
  assert.equal([workingDir, user, stopSignal], ['', '', '']);
});

test('what makes no sense is refused, and the option is named', async () => {
  const wrong: readonly RunConfigEdit[] = [
    { env: ['A'] },
    { env: ['=x'] },
    { env: ['-'] },
    { label: ['a'] },
    { expose: ['0'] },
    { expose: ['99999'] },
    { expose: ['http'] },
    { volume: ['data'] },
    { cmd: '[1]' },
    { changes: ['RUN x'] },
  ];
  for (const edit of wrong) {
    const { code } = await failureOf(Promise.resolve().then(() => edited(edit)));
    assert.is(code, 'USAGE', JSON.stringify(edit));
  }
});

test('keys that JavaScript objects have of their own are keys like others', () => {
  const labels = editPairs({}, 'label', ['__proto__=x', 'constructor=y']);
  assert.is(JSON.stringify(labels), '{"__proto__":"x","constructor":"y"}');
});

test.run();

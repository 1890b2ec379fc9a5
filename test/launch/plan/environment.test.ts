import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandCandidates, planCommand } from '../../../src/launch/plan/command.ts';
import { mergeEnvironment, parseEnvFile, planEnvironment } from '../../../src/launch/plan/environment.ts';

const test = suite('launch/plan/environment');

const parts = {
  image: [],
  files: [],
  options: [],
  hostname: 'h',
  terminal: false,
  hostEnv: { A: 'host', TERM: 'vt100' },
};

test('the image is above the defaults, a file above the image, -e above all', () => {
  const env = planEnvironment({
    ...parts,
    image: ['PATH=/i', 'X=image', 'Y=image'],
    files: ['X=file\nZ=file'],
    options: ['Z=option'],
  });
  assert.equal(env, ['PATH=/i', 'HOSTNAME=h', 'X=file', 'Y=image', 'Z=option']);
});

test('a name alone is the caller’s value, or nothing', () => {
  assert.equal(planEnvironment({ ...parts, options: ['A', 'B'] }).slice(2), ['A=host']);
});

test('TERM is xterm with a terminal, unless -e sets it, and absent without one', () => {
  assert.ok(planEnvironment({ ...parts, terminal: true }).includes('TERM=xterm'));
  assert.ok(planEnvironment({ ...parts, terminal: true, options: ['TERM'] }).includes('TERM=vt100'));
  assert.not.ok(planEnvironment(parts).some((entry) => entry.startsWith('TERM=')));
});

test('a file’s quotes and later equals signs are part of the value; comments and blank lines are not', () => {
  assert.equal(parseEnvFile('\uFEFF# c\n\n  A="x y"\r\nB=1=2\nC=\n', {}), ['A="x y"', 'B=1=2', 'C=']);
});

test('a name with blanks in a file is refused with its line', () => {
  for (const line of ['A B=1', 'A =1', 'export A=1', 'A B', 'A\t=1'])
    assert.throws(() => parseEnvFile(`X=1\n${line}`, {}), /line 2 of --env-file/);
  assert.equal(parseEnvFile('A= b c \n# D E=1', {}), ['A= b c ']);
});

test('each name stands once, with its last value', () => {
  assert.equal(mergeEnvironment(['A=1', 'B=2'], ['A=3'], ['__proto__=x']), ['A=3', 'B=2', '__proto__=x']);
});

test('arguments replace Cmd; --entrypoint replaces the entrypoint and drops Cmd', () => {
  const config = { entrypoint: ['/e'], cmd: ['c'] };
  assert.equal(planCommand(config, [], undefined), ['/e', 'c']);
  assert.equal(planCommand(config, ['x'], undefined), ['/e', 'x']);
  assert.equal(planCommand(config, [], '/other'), ['/other']);
  assert.equal(planCommand(config, ['x'], ''), ['x']);
  assert.throws(() => planCommand(config, [], ''), /no command/);
});

test('a program is tried in each absolute directory of the container’s PATH, one with a slash as it is', () => {
  assert.equal(commandCandidates('ls', ['PATH=/a/:relative::/b']), ['/a/ls', '/b/ls']);
  assert.equal(commandCandidates('./ls', ['PATH=/a']), ['./ls']);
});

test.run();

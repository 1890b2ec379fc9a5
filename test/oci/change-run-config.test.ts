import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { changeRunConfig } from '../../src/oci/change-run-config.ts';
import { EMPTY_RUN_CONFIG } from '../../src/oci/run-config.ts';

const test = suite('oci/change-run-config');

const change = (...instructions: readonly string[]) => instructions.reduce(changeRunConfig, EMPTY_RUN_CONFIG);

test('a command is a list as JSON, or a line for the shell', () => {
  assert.equal(change('CMD ["a", "b c"]').cmd, ['a', 'b c']);
  assert.equal(change('cmd echo $A').cmd, ['/bin/sh', '-c', 'echo $A']);
  assert.equal(change('ENTRYPOINT ["x"]', 'ENTRYPOINT []').entrypoint, []);
});

test('ENV and LABEL take pairs with quotes, and the old form of one pair; the last word on a name wins', () => {
  assert.equal(change('ENV A=1 B="two words" C=x\\ y').env, ['A=1', 'B=two words', 'C=x y']);
  assert.equal(change('ENV A=1 B=2', 'ENV A the rest').env, ['B=2', 'A=the rest']);
  assert.equal(change("LABEL a.b='c \"d'").labels, { 'a.b': 'c "d' });
});

test('ports, volumes, user, directory and signal are added or replaced', () => {
  assert.equal(change('EXPOSE 80 53/udp', 'EXPOSE 80/tcp').exposedPorts, ['80/tcp', '53/udp']);
  assert.equal(change('VOLUME /a /b', 'VOLUME ["/c d"]').volumes, ['/a', '/b', '/c d']);
  assert.is(change('WORKDIR /a', 'WORKDIR b').workingDir, '/a/b');
  assert.is(change('USER 1:2', 'STOPSIGNAL SIGINT').user, '1:2');
});

test('what is no such instruction is refused', () => {
  for (const instruction of ['', 'RUN x', 'ENV', 'ENV =x', 'EXPOSE http', 'LABEL a=1 b', 'USER ']) {
    assert.throws(
      () => change(instruction),
      (error: unknown) => error instanceof TsimgError && error.code === 'USAGE',
      instruction,
    );
  }
});

test.run();

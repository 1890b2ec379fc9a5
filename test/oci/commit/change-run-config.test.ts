import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { parseSignal } from '../../../src/linux/signals.ts';
import { changeRunConfig } from '../../../src/oci/commit/change-run-config.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('oci/commit/change-run-config');

const start = { ...EMPTY_RUN_CONFIG, env: ['PATH=/bin', 'EMPTY='], cmd: ['old'] };
const change = (...instructions: readonly string[]) => changeRunConfig(start, instructions, parseSignal);
const added = (...instructions: readonly string[]) => change(...instructions).env.slice(2);

test('a command is a list as JSON, or a line for the shell', () => {
  assert.equal(change('CMD ["a", "b c"]').cmd, ['a', 'b c']);
  assert.equal(change('cmd echo $A').cmd, ['/bin/sh', '-c', 'echo $A']);
  assert.equal(change('CMD [echo]').cmd, ['/bin/sh', '-c', '[echo]']);
  assert.equal(change('ENTRYPOINT ["x"]', 'ENTRYPOINT []').entrypoint, []);
});

test('an entrypoint removes the old command, unless CMD came before it', () => {
  assert.equal(change('ENTRYPOINT ["x"]').cmd, []);
  assert.equal(change('CMD ["y"]', 'ENTRYPOINT ["x"]').cmd, ['y']);
  assert.equal(change('ENTRYPOINT ["x"]', 'CMD ["y"]').cmd, ['y']);
});

test('ENV and LABEL take pairs with quotes, and the old form of one pair; the last word on a name wins', () => {
  assert.equal(added('ENV A=1 B="two words" C=x\\ y'), ['A=1', 'B=two words', 'C=x y']);
  assert.equal(added('ENV A=1 B=2', 'ENV A the rest'), ['B=2', 'A=the rest']);
  assert.equal(added('ENV A "the rest" = all'), ['A=the rest = all']);
  assert.equal(change('LABEL "a b"="c d" e=f').labels, { 'a b': 'c d', e: 'f' });
  assert.equal(change('LABEL a\\ b=c').labels, { 'a b': 'c' });
  assert.equal(change('LABEL a="b=c"').labels, { a: 'b=c' });
  assert.equal(change("LABEL a.b='c \"d'").labels, { 'a.b': 'c "d' });
});

test('ports, volumes, user, directory and signal are added or replaced', () => {
  assert.equal(change('EXPOSE 80 53/udp', 'EXPOSE 80/tcp').exposedPorts, ['80/tcp', '53/udp']);
  assert.equal(change('VOLUME /a /b', 'VOLUME ["/c d"]').volumes, ['/a', '/b', '/c d']);
  assert.is(change('WORKDIR /a', 'WORKDIR b').workingDir, '/a/b');
  assert.is(change('USER 1:2', 'STOPSIGNAL SIGINT').user, '1:2');
});

test('words are read as a Dockerfile’s: quotes, backslashes and variables that the image sets', () => {
  assert.is(change('WORKDIR "/a b"').workingDir, '/a b');
  assert.is(change('USER "alice"').user, 'alice');
  assert.equal(added('ENV A=$PATH:/x B="${PATH}" C=\'$PATH\' D=\\$PATH E="\\$PATH \\n"'), [
    'A=/bin:/x',
    'B=/bin',
    'C=$PATH',
    'D=$PATH',
    'E=$PATH \\n',
  ]);
  assert.equal(added('ENV A=${NONE:-x$PATH} B=${EMPTY-y}${EMPTY:-z} C=${PATH:+set}${NONE+set} D=$NONE$'), [
    'A=x/bin',
    'B=z',
    'C=set',
    'D=$',
  ]);
  assert.equal(change('# why\nENV A=1 \\\n B=2\nUSER 7').env.slice(2), ['A=1', 'B=2']);
});

test('ports are ranges and protocols in either case', () => {
  assert.equal(change('EXPOSE 8000-8002').exposedPorts, ['8000/tcp', '8001/tcp', '8002/tcp']);
  assert.equal(change('EXPOSE 80/TCP 53/Udp').exposedPorts, ['80/tcp', '53/udp']);
});

test('other instructions are refused', () => {
  for (const instruction of [
    '',
    'RUN x',
    'ENV',
    'ENV =x',
    'EXPOSE http',
    'LABEL a=1 b',
    'USER ',
    'USER ""',
    'STOPSIGNAL BOGUS',
    'CMD ["a",1]',
    'ENV A="x',
    "ENV A='x",
    'ENV A=${x',
    'ENV A=${',
    'ENV A=${NONE?gone}',
    'EXPOSE 0',
    'EXPOSE 9-8',
    'EXPOSE 70000',
    'EXPOSE 80/icmp',
    'VOLUME []',
    'VOLUME [""]',
    'ENV A',
    '# nothing',
  ]) {
    assert.throws(
      () => change(instruction),
      (error: unknown) => error instanceof TsimgError && error.code === 'USAGE',
      instruction,
    );
  }
});

test.run();

import { once } from 'node:events';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { listContainers } from '../../../src/library/container/find-container.ts';
import { type ReadyCheck, startContainer } from '../../../src/library/container/start-container.ts';
import { withContainer } from '../../../src/library/testing/fixture.ts';
import { ready } from '../../../src/library/testing/ready.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { failureOf } from '../../support/failure-of.ts';
import { serverImage } from '../../support/image/debian-server.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot } from '../../support/tools.ts';

// Real servers; examples/database.test.ts has one as an ordinary user.

const test = suite('library/testing/ready');

if (haveRoot()) {
  const root = tempDir();
  test.after.each(async () => {
    assert.equal(await listContainers({ root, all: true }), [], 'each container is removed');
  });

  const [postgres, redis, nginx] = [
    await serverImage('postgres'),
    await serverImage('redis'),
    await serverImage('nginx'),
  ];
  if (postgres !== undefined) {
    test('PostgreSQL is ready when it listens, says so, and answers', async () => {
      await using db = await startContainer(postgres, {
        root,
        env: { POSTGRES_PASSWORD: 'x' },
        ports: [5432],
        ready: ready.all(
          ready.port(5432),
          ready.log('ready to accept connections'),
          ready.command(['pg_isready', '-h', '127.0.0.1'], { user: 'postgres' }),
          ready.healthy(),
        ),
      });
      const { stdout } = await db.exec(['psql', '-U', 'postgres', '-Atc', 'select 6 * 7'], { user: 'postgres' });
      assert.is(stdout, '42\n');
    });
  }

  if (redis !== undefined) {
    test('Redis answers behind the port that was chosen', async () => {
      await withContainer(redis, { root, ports: [6379], ready: ready.port(6379) }, async (server) => {
        const socket = connect(server.port(6379), server.host);
        socket.write('PING\r\n');
        const [answer] = await once(socket, 'data');
        assert.is(String(answer), '+PONG\r\n');
        socket.destroy();
      });
    });

    test('a server on the loopback of its container is not ready, and the error says so', async () => {
      const command = ['redis-server', '--bind', '127.0.0.1'];
      const settings = { root, command, ports: [6379], ready: ready.port(6379), readyTimeout: 5000 };
      const { message } = await failureOf(startContainer(redis, settings));
      assert.match(message, 'it took more than 5000 ms');
      assert.match(message, 'on the loopback of the container alone');
    });
  }

  if (nginx !== undefined) {
    test('nginx is ready when it answers as wanted, and its log is told when its user fails', async () => {
      const logs: string[] = [];
      const options = {
        root,
        ports: [80],
        ready: ready.all(ready.http(80, '/health'), ready.http(80, '/nothing', { status: 404 })),
        onFailure: (log: string) => void logs.push(log),
        logLines: 2,
      };
      const failed = await failureOf(
        withContainer(nginx, options, async () => {
          throw new TsimgError('USAGE', 'the test fails');
        }),
      );
      assert.is(failed.what, 'the test fails');
      assert.is(logs.length, 1);
      assert.match(logs[0] ?? '', '"GET /nothing HTTP/1.1" 404');
      assert.is(logs[0]?.split('\n').length, 2);
    });
  }

  test('the body of an answer is judged by a text, an expression or a function', async () => {
    const bodies: string[] = [];
    await using _ = await startContainer(EXAMPLE_IMAGE, {
      root,
      ports: [80],
      command: ['sh', '-c', 'mkdir /www; echo fine > /www/x; exec httpd -f -p 80 -h /www'],
      ready: ready.all(
        ready.http(80, '/x', { body: 'ine' }),
        ready.http(80, '/x', { body: /^fine$/m }),
        ready.http(80, '/x', { body: (text) => bodies.push(text) > 1 }),
      ),
    });
    assert.equal(bodies, ['fine\n', 'fine\n']);
  });

  test('an error says what was missing, and has the end of the log', async () => {
    const start = (script: string, check: ReadyCheck) =>
      failureOf(
        startContainer(EXAMPLE_IMAGE, {
          root,
          command: ['sh', '-c', script],
          ready: check,
          readyTimeout: 4000,
          ports: [90],
        }),
      );
    const forPort = await start('echo up; exec sleep 100', ready.port(90));
    assert.match(forPort.message, 'no program listens on it');
    assert.equal(forPort.facts.log, ['up']);
    const forCommand = await start('exec sleep 100', ready.command(['sh', '-c', 'echo not yet >&2; false']));
    assert.match(forCommand.message, 'status 1: not yet');
    const ended = await start('echo one; exit 3', ready.log('two'));
    assert.match(ended.message, /ended with status 3|came 0 of 1 times/);
    const unchecked = await start('exec sleep 100', ready.healthy());
    assert.match(unchecked.message, 'the container has no health check');
    const unpublished = await start('exec sleep 100', ready.http(91));
    assert.match(unpublished.message, '91');
  });
}

test.run();

// Tests with a database of their own: node --test examples/database.test.ts
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { ready, useContainer } from 'tsimg/testing';

// It is started before the first test and removed after the last, or when this process dies in any way.
const db = useContainer({ before, after, afterEach }, process.env.POSTGRES_IMAGE ?? 'postgres:16', {
  env: { POSTGRES_PASSWORD: 'secret' },
  ports: [5432],
  // It listens before it answers: a port that is open is not enough for PostgreSQL.
  ready: ready.command(['pg_isready', '-h', '127.0.0.1']),
});

async function query(sql: string): Promise<string> {
  const words = [
    'psql',
    '--username=postgres',
    '--set=ON_ERROR_STOP=1',
    '--tuples-only',
    '--no-align',
    `--command=${sql}`,
  ];
  const { exitCode, stdout, stderr } = await db().exec(words, { user: 'postgres' });
  assert.equal(exitCode, 0, stderr);
  return stdout.trim();
}

test('a row can be read that was written', async () => {
  await query('create table fruit (name text)');
  await query("insert into fruit values ('quince')");
  assert.equal(await query('select name from fruit'), 'quince');
});

test('the server can be reached from this machine', async () => {
  // A client library connects to the same host and port.
  const socket = connect(db().port(5432), db().host);
  await once(socket, 'connect');
  socket.destroy();
});

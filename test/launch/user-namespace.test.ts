import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAPPED_FACTS, ROOT_FACTS, SINGLE_FACTS, USER_FACTS } from '../../fixtures/make/plans.ts';
import { TsimgError } from '../../src/errors.ts';
import type { HostFacts } from '../../src/launch/facts/host-facts.ts';
import { planUserNamespace, storedMap, type UserNamespaceMode } from '../../src/launch/plan/id-map.ts';
import { mapId } from '../../src/linux/ids.ts';

const test = suite('launch/user-namespace');

function refused(facts: HostFacts, mode: UserNamespaceMode): TsimgError {
  try {
    planUserNamespace(facts, mode);
  } catch (error) {
    if (error instanceof TsimgError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

test('for ordinary users, host and auto give the same map', () => {
  const map = planUserNamespace(USER_FACTS);
  assert.is(map?.by, 'newuidmap');
  for (const mode of ['host', 'auto'] as const) assert.equal(planUserNamespace(USER_FACTS, mode), map);
});

test('keep-id: the caller is itself, and all other IDs from 0 on are subordinate ones, each once', () => {
  const map = planUserNamespace(USER_FACTS, 'keep-id');
  assert.equal(map?.caller, { uid: 1000, gid: 1000 });
  assert.equal(map?.uids, [
    { inside: 1000, outside: 1000, count: 1 },
    { inside: 0, outside: 100_000, count: 1000 },
    { inside: 1001, outside: 101_000, count: 64_536 },
    { inside: 65_537, outside: 300_000, count: 1000 },
  ]);
  const outside = Array.from({ length: 66_537 }, (_, id) => mapId(map?.uids ?? [], id));
  assert.not(outside.includes(undefined));
  assert.is(new Set(outside).size, outside.length);
});

test('keep-id: a caller outside of all subordinate IDs is itself too', () => {
  const map = planUserNamespace({ ...USER_FACTS, uid: 500_000 }, 'keep-id');
  assert.is(mapId(map?.uids ?? [], 500_000), 500_000);
  assert.is(mapId(map?.uids ?? [], 66_535), 300_999);
  assert.is(mapId(map?.uids ?? [], 66_536), undefined);
});

test('keep-id without subordinate IDs, without newuidmap or as root is refused with a remedy', () => {
  const bare = { ...USER_FACTS, tools: { ...USER_FACTS.tools, newuidmap: undefined } };
  for (const [facts, remedy] of [
    [SINGLE_FACTS, /usermod/],
    [bare, /newuidmap/],
    [{ ...USER_FACTS, noNewPrivileges: true }, /outside of the sandbox/],
  ] as const) {
    const { code, hint } = refused(facts, 'keep-id');
    assert.is(code, 'HOST_UNSUPPORTED');
    assert.match(hint ?? '', remedy);
  }
  assert.is(refused(ROOT_FACTS, 'keep-id').code, 'USAGE');
});

test('root has no user namespace unless it asks for one, whose root is its first subordinate ID', () => {
  assert.is(planUserNamespace(MAPPED_FACTS), undefined);
  assert.is(planUserNamespace(MAPPED_FACTS, 'host'), undefined);
  const map = planUserNamespace(MAPPED_FACTS, 'auto');
  assert.equal(map?.uids, [{ inside: 0, outside: 1_000_000_000, count: 65_536 }]);
  assert.equal(map?.gids, [{ inside: 0, outside: 1_100_000_000, count: 65_536 }]);
});

test('the host’s root is never in root’s map', () => {
  const facts = { ...MAPPED_FACTS, subordinateUids: [{ start: 0, count: 65_536 }] };
  assert.is(refused(facts, 'auto').code, 'HOST_UNSUPPORTED');
  assert.match(refused(ROOT_FACTS, 'auto').hint ?? '', /usermod --add-subuids/);
});

test('with root’s map files are stored with the image’s IDs, with other maps by the map', () => {
  assert.is(storedMap(planUserNamespace(MAPPED_FACTS, 'auto')), undefined);
  const map = planUserNamespace(USER_FACTS, 'keep-id');
  assert.is(storedMap(map), map);
});

test.run();

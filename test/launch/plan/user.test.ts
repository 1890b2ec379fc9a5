import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { USER_FACTS as FACTS } from '../../../fixtures/make/plans.ts';
import type { HostFacts } from '../../../src/launch/facts/host-facts.ts';
import { planAccountFiles, resolveUser } from '../../../src/launch/plan/user.ts';
import { formatStep } from '../../../src/launch/show/format-step.ts';

const test = suite('launch/plan/user');

const files = {
  passwd: [
    'root:x:0:0:root:/root:/bin/sh',
    'app:x:1000:1001:App:/home/app:/bin/sh',
    '12345:x:7:7::/:/bin/sh',
    'broken',
    'x:x:4294967296:0::/:',
    '',
  ].join('\n'),
  group: 'root:x:0:\napp:x:1001:\nstaff:x:50:app,other\nwheel:x:10:root\nbad:x:-1:app\n',
};

const resolve = (spec: string) => resolveUser(spec, files);

test('nothing means root, with the groups that name root', () => {
  assert.equal(resolve(''), { uid: 0, gid: 0, groups: [0, 10], home: '/root' });
});

test('a name brings its group, its further groups and its home', () => {
  assert.equal(resolve('app'), { uid: 1000, gid: 1001, groups: [1001, 50], home: '/home/app' });
});

test('a number gets the group and home that the file gives it', () => {
  assert.equal(resolve('1000'), resolve('app'));
});

test('a number that no file names is used as it is, in group 0', () => {
  assert.equal(resolve('4242'), { uid: 4242, gid: 0, groups: [0], home: '/' });
});

test('an explicit group is the only one', () => {
  assert.equal(resolve('app:staff'), { uid: 1000, gid: 50, groups: [50], home: '/home/app' });
  assert.equal(resolve('7:8'), { uid: 7, gid: 8, groups: [8], home: '/' });
});

test('an empty group is none, and an empty user is root', () => {
  assert.equal(resolve('app:'), resolve('app'));
  assert.equal(resolve('1000:'), resolve('1000'));
  assert.equal(resolve(':50'), { uid: 0, gid: 50, groups: [50], home: '/root' });
});

test('the primary group is always in the list (CVE-2022-2989)', () => {
  for (const spec of ['', 'app', '4242', 'app:staff', '7:8'])
    assert.ok(resolve(spec).groups.includes(resolve(spec).gid));
});

test('digits are an ID, whatever names the file has', () => {
  assert.is(resolve('12345').uid, 12345);
});

test('text that is neither an ID nor a name is refused', () => {
  for (const spec of ['4294967295', '4294967296', '99999999999', 'nobody', 'app:nogroup', 'a:b:c', 'x', '1:-1']) {
    assert.throws(() => resolve(spec), /user|group/, spec);
  }
});

const extent = { inside: 0, outside: 1000, count: 1 };
const map = { uids: [extent], gids: [extent], by: 'newuidmap', caller: { uid: 1000, gid: 100 } } as const;

test('a name or a home that would break the line is replaced', () => {
  const lines = (facts: HostFacts, cwd: string) =>
    planAccountFiles(facts, map, cwd).map((step) =>
      step.do === 'file' && 'line' in step.content ? step.content.line : '',
    );
  assert.equal(lines({ ...FACTS, userName: 'me' }, '/work'), ['me:*:1000:100::/work:/bin/sh', 'me:x:100:']);
  for (const userName of ['a:b', 'a\nb', '', undefined]) {
    assert.equal(lines({ ...FACTS, userName }, '/a:b'), ['user:*:1000:100::/:/bin/sh', 'user:x:100:']);
  }
  assert.equal(planAccountFiles(FACTS, { uids: [extent], gids: [extent], by: 'newuidmap' }, '/'), []);
});

test('the plan shows the line as a command', () => {
  const [step] = planAccountFiles({ ...FACTS, userName: 'me' }, map, '/');
  assert.is(
    step && formatStep(step),
    "grep -q :1000: ROOT/etc/passwd || echo 'me:*:1000:100::/:/bin/sh' >> ROOT/etc/passwd",
  );
});

test.run();

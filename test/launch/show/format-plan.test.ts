import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PLAN_CASES } from '../../../fixtures/make/plans.ts';
import { formatPlan } from '../../../src/launch/show/format-plan.ts';
import { formatStep } from '../../../src/launch/show/format-step.ts';

const test = suite('launch/show/format-plan');

function textOf(name: string): readonly string[] {
  const found = PLAN_CASES.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no plan ${name}`);
  return formatPlan(found.plan()).split('\n');
}

test('a plan has a line for each step, and ends with the command', () => {
  const lines = textOf('all-options');
  assert.is(lines.at(-1), "exec /bin/other 'arg with space'");
  assert.ok(lines.includes('mount --rbind -o nodev,ro /home/user/data/deep ROOT/data/deep'));
  assert.ok(lines.includes('mknod -m 666 ROOT/dev/null c 1 3'));
  assert.ok(lines.includes('pivot_root ROOT # read-only'));
});

test('a file of the host that gets lines is shown with them', () => {
  const content = { hostFile: '/etc/hosts', append: '10.0.0.5\tdb\n' };
  assert.is(
    formatStep({ do: 'file', target: '/etc/hosts', content }),
    "cp /etc/hosts ROOT/etc/hosts && printf %s $'10.0.0.5\\tdb\\n' >> ROOT/etc/hosts",
  );
});

test('a user’s maps are shown, and a warning is a comment', () => {
  assert.ok(textOf('user-directory').includes('user IDs 0:1000:1 1:100000:65536 65537:300000:1000'));
  assert.match(textOf('user-single-id')[0] ?? '', /^# warning: no subordinate IDs/);
});

test.run();

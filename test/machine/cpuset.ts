import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineCpusetTests } from '../support/container/cpuset-tests.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { delegate } from './delegate.ts';

// The cpuset controller of version 2, which a kernel in user mode lacks: for root, and for a user without its
// delegation. Run in a virtual machine by test/host/cgroup/cgroup2-cpuset.test.ts.

const asRoot = suite('machine/cpuset');
const asUser = suite('machine/cpuset as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh, user }) => {
  if (user === undefined) {
    defineCpusetTests(test, sh);
    return;
  }
  const { leaf } = delegate(test, user, '+cpu +memory +pids -cpuset');
  test('a limit of a controller that is not delegated is an error with a reason and a hint', async () => {
    const { status, stderr } = await sh('true', { resources: { cpusetCpus: '0' } }, { cgroup: leaf });
    assert.is(status, 125);
    assert.match(stderr, 'cpuset');
    assert.match(stderr, 'delegated');
  });
});

asRoot.run();
asUser.run();

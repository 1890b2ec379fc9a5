import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineCpusetTests } from '../support/cpuset-tests.ts';
import { defineRuns } from '../support/define-runs.ts';
import { delegate } from './delegate.ts';

// The controller of cgroups of version 2 that a kernel in user mode does not have, for root and where it is not
// delegated to a user. Run in a virtual machine by test/host/cgroup/cgroup2-cpuset.test.ts.

const asRoot = suite('machine/cpuset');
const asUser = suite('machine/cpuset as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh, user }) => {
  if (user === undefined) {
    defineCpusetTests(test, sh);
    return;
  }
  const { leaf } = delegate(test, user, '+cpu +memory +pids -cpuset');
  test('a controller that is not delegated is refused with cause and remedy', async () => {
    const { status, stderr } = await sh('true', { resources: { cpusetCpus: '0' } }, { cgroup: leaf });
    assert.is(status, 125);
    assert.match(stderr, 'cpuset');
    assert.match(stderr, 'delegated');
  });
});

asRoot.run();
asUser.run();

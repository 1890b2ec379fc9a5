import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunFixture } from './define-runs.ts';

/** Defines the tests of --cpuset-cpus that hold with cgroups of both versions, as root. */
export function defineCpusetTests(test: Test, sh: RunFixture['sh']): void {
  test('a command runs on the processors of its set only', async () => {
    const { stdout } = await sh('grep Cpus_allowed_list /proc/self/status', { resources: { cpusetCpus: '0' } });
    assert.is(stdout, 'Cpus_allowed_list:\t0\n');
  });

  test('processors that the host does not have are refused, and nothing is left', async () => {
    const { status, stderr } = await sh('true', { resources: { cpusetCpus: '4000' } });
    assert.is(status, 125);
    assert.match(stderr, '--cpuset-cpus');
  });
}

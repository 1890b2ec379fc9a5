import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli } from '../support/command/container-cli.ts';
import { defineRuns } from '../support/container/define-runs.ts';

// A container's usage by cgroups of version 2. Run on a kernel of its own by test/host/cgroup/cgroup2.test.ts.

const asRoot = suite('machine/stats');
const asUser = suite('machine/stats as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  if (user !== undefined) return;
  const cli = makeContainerCli(user);
  test.after(() => cli.clear());

  test('stats shows the usage and limits of a container', () => {
    // Most of the one processor is left to tsimg
    const limits = ['-m', '64m', '--pids-limit', '20', '--cpus', '0.3'];
    const script = 'while :; do :; done';
    cli.ok('run', '-d', '--name', 'busy', '--network', 'none', ...limits, rootfs, '/bin/sh', '-c', script);
    const [busy, ...others] = JSON.parse(cli.ok('stats', '--no-stream', '--json'));
    assert.equal(others, []);
    assert.is(busy.memoryLimit, 64 * 1024 ** 2);
    assert.ok(busy.memory > 4096 && busy.memory < busy.memoryLimit, String(busy.memory));
    assert.ok(busy.processorPercent > 10, String(busy.processorPercent));
    assert.is(busy.tasks, 1);
  });
});

asRoot.run();
asUser.run();

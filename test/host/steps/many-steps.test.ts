import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { performSteps } from '../../../src/host/steps/steps.ts';
import type { Step } from '../../../src/launch/launch-plan.ts';
import { openPath, readAll } from '../../../src/sys/stub/call/files.ts';
import { makeNamespaces } from '../../../src/sys/stub/call/namespaces.ts';
import { startStub } from '../../../src/sys/stub/start-stub.ts';
import { haveRoot } from '../../support/tools.ts';

const test = suite('host/steps/many-steps');
const HOOKS = { takeMaster: () => {}, joinCgroups: () => {} };
const MANY = 2000;
/** Together they do not fit in a stub's memory. */
const LONG = 'x'.repeat(4096);

if (haveRoot()) {
  test('steps of any number are performed in their order, also where every other one goes another way', async () => {
    const { stub, process } = await startStub();
    try {
      // The setting is this namespace's.
      makeNamespaces(stub, ['uts']);
      const steps = Array.from({ length: MANY }, (_, index): Step => {
        if (index % 2 === 0) return { do: 'sysctl', name: 'kernel/domainname', value: `number-${index}` };
        // The kernel does not have it, which is no error.
        return { do: 'sysctl', name: 'kernel/absent', value: LONG };
      });
      performSteps(stub, steps, HOOKS);
      const content = readAll(stub, openPath(stub, '/proc/sys/kernel/domainname', 0), 100);
      assert.is(String(content), `number-${MANY - 2}\n`);
    } finally {
      stub.close();
      await process.ended;
    }
  });
}

test.run();

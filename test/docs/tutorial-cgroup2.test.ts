import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { userModeKernel } from '../machine/define-in-machine.ts';
import { docStepsOf, matchesDoc } from './support/doc-steps.ts';
import { readPage } from './support/page.ts';

// The commands of docs/tutorial.md that are for cgroups of version 2, on a kernel that has them, whatever the
// host has.

const test = suite('docs/tutorial-cgroup2');
const machine = userModeKernel();
const inMachine = machine === undefined ? test.skip : test;
const MARK = '=====';

inMachine('the commands for version 2 do what the tutorial says', () => {
  const steps = docStepsOf(readPage('docs/tutorial.md').blocks).filter(({ tags }) => tags.includes('v2'));
  assert.ok(steps.length > 0);
  const said = machine?.(
    `dmesg -n 1
mkdir /tools
busybox --install -s /tools
export PATH=$PATH:/tools
cat > /commands <<'END OF COMMANDS'
exec 2>&1
set -e
${steps.map(({ commands }) => `echo ${MARK}\n${commands}`).join('')}echo ${MARK}
END OF COMMANDS
sh /commands`,
  );
  const [, ...printed] = (said ?? '').split(`${MARK}\n`);
  assert.is(printed.length, steps.length + 1, `not all of them were run: ${said}`);
  for (const [index, { line, output }] of steps.entries()) {
    if (output !== undefined) assert.ok(matchesDoc(printed[index] ?? '', output), `line ${line}: ${printed[index]}`);
  }
});

test.run();

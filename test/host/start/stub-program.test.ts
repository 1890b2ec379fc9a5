import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runInContainer } from '../../support/container/container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

/** dist/src, as the tests run it. */
const STUB = join(import.meta.dirname, '..', '..', '..', 'src', 'sys', 'stub', `stub-${process.arch}`);

const asRoot = suite('host/start/stub-program as root');
const asUser = suite('host/start/stub-program as an ordinary user');

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  test('a script with /proc/self/exe as its interpreter does not run (CVE-2019-5736)', async () => {
    const rootfs = freshRootfs();
    writeFileSync(join(rootfs, 'script'), '#!/proc/self/exe\necho from a shell\n');
    chmodSync(join(rootfs, 'script'), 0o755);
    const before = readFileSync(STUB);
    const { status, stdout, stderr } = await runInContainer({ rootfs, request: { command: ['/script'] } }, { user });
    assert.equal({ status, stdout }, { status: 126, stdout: '' }, stderr);
    assert.equal(readFileSync(STUB), before);
  });
});
asRoot.run();
asUser.run();

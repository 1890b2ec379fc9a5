import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runInContainer } from '../support/container.ts';
import { defineRuns } from '../support/define-runs.ts';
import { haveTools } from '../support/tools.ts';

/** The libraries that Node needs here, by absolute path. */
function nodeLibraries(): readonly string[] {
  const { stdout } = spawnSync('ldd', [process.execPath], { encoding: 'utf8' });
  return stdout.match(/\/[^ )]+/g) ?? [];
}

// Setting the mode that it has already changes nothing, but needs a mount that can be written to.
const SCRIPT = `#!/proc/self/exe
const fs = require('node:fs');
const mode = fs.statSync('/proc/self/exe').mode & 0o7777;
try { fs.chmodSync('/proc/self/exe', mode); console.log('changed'); } catch (error) { console.log(error.code); }
`;

const asRoot = suite('host/stage-program as root');
const asUser = suite('host/stage-program as an ordinary user');

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  if (!haveTools('ldd')) return;
  test('a script that makes /proc/self/exe its interpreter runs the host’s Node, and cannot write to it (CVE-2019-5736)', async () => {
    const rootfs = freshRootfs();
    for (const library of nodeLibraries()) {
      mkdirSync(join(rootfs, dirname(library)), { recursive: true });
      copyFileSync(library, join(rootfs, library));
    }
    writeFileSync(join(rootfs, 'script'), SCRIPT);
    chmodSync(join(rootfs, 'script'), 0o755);
    const { stdout, stderr } = await runInContainer({ rootfs, request: { command: ['/script'] } }, { user });
    // A user is not even the owner of the host's program.
    assert.match(stdout, user === undefined ? /^EROFS$/m : /^(EROFS|EPERM)$/m, stderr);
  });
});
asRoot.run();
asUser.run();

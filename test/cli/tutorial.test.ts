import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimg } from '../support/command/tsimg.ts';
import { startDockerRegistry } from '../support/registry/docker-registry.ts';
import { sharedImage } from '../support/shared-images.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// The steps of the tutorial that tsimg grew from: pull alpine:3.9, unpack an archive of `docker save`, run a shell in
// it.

const test = suite('cli/tutorial');
const alpine = sharedImage('alpine-3.9.4-docker-save.tar.gz');
const ready = alpine !== undefined && haveRoot() && haveTools('docker-registry', 'skopeo', 'ipcmk');
const walk = ready ? test : test.skip;

walk('alpine:3.9 goes from a registry to a running shell that is isolated', async () => {
  const folder = tempDir();
  const plain = join(folder, 'docker-save.tar');
  writeFileSync(plain, gunzipSync(readFileSync(alpine ?? '')));
  await using registry = await startDockerRegistry();
  const [queueLine] = execFileSync('ipcmk', ['-Q'], { encoding: 'utf8' }).match(/\d+/) ?? [];
  try {
    const reference = `${registry.host}/library/alpine:3.9`;
    registry.fill(`docker-archive:${plain}`, 'library/alpine:3.9');

    const env = { TSIMG_ROOT: join(folder, 'store') };
    const pulled = tsimg(['pull', reference], { env });
    assert.is(pulled.status, 0, pulled.stderr);
    const lines = pulled.stdout.trim().split('\n');
    assert.match(lines[0] ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.is(lines.at(-1), reference);
    const again = tsimg(['pull', '--progress', 'json', reference], { env });
    assert.is(again.status, 0, again.stderr);
    assert.is(again.stdout, pulled.stdout);
    assert.not(again.stderr.includes('"reused":false'), 'a second pull transfers no blob');

    const archive = join(folder, 'alpine.tar');
    execFileSync('skopeo', [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${reference}`,
      `docker-archive:${archive}:alpine:3.9`,
    ]);
    const unpacked = tsimg(['unpack', 'alpine.tar', './rootfs'], { cwd: folder, env });
    assert.is(unpacked.status, 0, unpacked.stderr);

    const script = 'cat /etc/os-release; ps; ip a; hostname; ipcs -q; echo made > /made-inside';
    const run = tsimg(['run', '--network', 'none', './rootfs', '/bin/sh', '-c', script], { cwd: folder, env });
    assert.is(run.status, 0, run.stderr);
    assert.match(run.stdout, /VERSION_ID=3\.9\.4/);
    assert.match(run.stdout, /^\s+1 root .*\/bin\/sh -c/m);
    assert.equal(
      [...run.stdout.matchAll(/^\d+: (\w+):/gm)].map((match) => match[1]),
      ['lo'],
    );
    assert.not(run.stdout.includes(execFileSync('hostname', { encoding: 'utf8' }).trim()));
    assert.match(run.stdout, /Message Queues/);
    assert.not(
      new RegExp(`^\\S+\\s+${queueLine}\\s`, 'm').test(run.stdout.slice(run.stdout.indexOf('Message Queues'))),
    );
    assert.is(readFileSync(join(folder, 'rootfs', 'made-inside'), 'utf8'), 'made\n');
  } finally {
    spawnSync('ipcrm', ['-q', queueLine ?? '']);
  }
});

walk('from an image, the container has an overlay of its own and leaves the shared files untouched', () => {
  const folder = tempDir();
  const env = { TSIMG_ROOT: join(folder, 'store') };
  const first = tsimg(
    ['run', '--rm', '--network', 'none', alpine ?? '', '/bin/sh', '-c', 'echo x > /made; rm /etc/passwd; ls /made'],
    {
      env,
    },
  );
  assert.is(first.status, 0, first.stderr);
  assert.is(first.stdout, '/made\n');
  const second = tsimg(
    ['run', '--rm', '--network', 'none', alpine ?? '', '/bin/sh', '-c', 'ls /etc/passwd; ls /made'],
    { env },
  );
  assert.is(second.stdout, '/etc/passwd\n');
  assert.is(second.status, 1);
  assert.ok(existsSync(join(folder, 'store')));
  assert.not(readdirSync(folder).includes('made'));
});

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { getContainer, runContainer, TsimgError, type TsimgEvent } from '../../../src/api.ts';
import type { ContainerOptions } from '../../../src/library/options/container-options.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

// What only the plan of a launch finds wrong is told by the names that the library has for options.

const test = suite('library/options/option-names');

/** Options that are refused, and what the error names. */
const WRONG: readonly (readonly [options: ContainerOptions, named: RegExp])[] = [
  [{ memory: '1g', memorySwap: '512m' }, /memorySwap: 512m\)/],
  [{ memory: '1g', memoryReservation: '2g' }, /memoryReservation: 2g\).*not more than memory/],
  [{ cpus: 'x' }, /cpus: x\)/],
  [{ cpuShares: 1 }, /cpuShares: 1\)/],
  [{ cpusetCpus: 'x' }, /cpusetCpus: x\)/],
  [{ pids: '0x' }, /pids: 0x\)/],
  [{ blkioWeight: 1 }, /blkioWeight: 1\)/],
  [{ deviceReadBps: ['x'] }, /deviceReadBps: x\)/],
  [{ ulimits: ['x'] }, /ulimits: x\)/],
  [{ devices: ['x:y:z:a'] }, /devices: x:y:z:a\)/],
  [{ deviceRules: ['x'] }, /deviceRules: x\)/],
  [{ mounts: ['type=x'] }, /mounts: type=x\)/],
  [{ tmpfs: ['x'] }, /tmpfs: x\)/],
  [{ tmpfs: ['/a'], mounts: ['type=tmpfs,target=/a'] }, /two of volumes, mounts and tmpfs/],
  [{ hosts: ['x'] }, /hosts: x\)/],
  [{ dns: ['x'] }, /dns: x\)/],
  [{ dnsSearch: ['a b'] }, /dnsSearch: a b\)/],
  [{ userns: 'keep-id' }, /userns: keep-id\).*userns auto/],
  [{ umask: 'x' }, /umask: x\)/],
  [{ health: { command: ' ' } }, /health\.command/],
  [{ health: { command: 'x', interval: 'y' } }, /health\.interval: y\)/],
  [{ health: { command: 'x', none: true } }, /health\.none and the other options of health exclude/],
  [{ network: 'no-such:thing' }, /network: no-such:thing\)/],
  [{ stopSignal: 'x' }, /x/],
];

if (canRunContainers()) {
  const rootfs = makeBusyboxRootfs(tempDir());
  const root = tempDir();

  test('an error names an option of the library by its own name', async () => {
    for (const [options, named] of WRONG) {
      const given = { root, network: 'none', ...options };
      const error = await runContainer(rootfs, ['/bin/true'], given).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TsimgError, JSON.stringify(options));
      const told = `${error.message}; ${error.hint ?? ''}`;
      assert.match(told, named);
      assert.not.match(told, /(?:^|\s)--?[a-z]/i);
    }
  });

  test('a warning and a hint name options and verbs by the library’s names, too', async () => {
    const warnings: string[] = [];
    const onEvent = (event: TsimgEvent) => void (event.kind === 'warning' && warnings.push(event.message));
    const options = { root, network: 'none', volumes: [`${tempDir()}:/z:z`], isolation: 'chroot', onEvent } as const;
    await runContainer(rootfs, ['/bin/true'], options);
    assert.equal(
      warnings.filter((each) => /chroot|labels/.test(each)),
      [
        'volumes …:z and :Z have no effect: tsimg sets no SELinux labels',
        'isolation chroot: a process of the container with CAP_SYS_CHROOT could leave it',
      ],
    );
    const error = await getContainer('none', { root }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof TsimgError);
    assert.equal([error.code, error.hint], ['CONTAINER_NOT_FOUND', 'listContainers with all lists all containers']);
  });
}

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AROUND, PLAIN_REQUEST, ROOT_FACTS } from '../../../fixtures/make/plans.ts';
import { planImageVolumes, volumePlaces } from '../../../src/launch/plan/image-volumes.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import type { RunRequest } from '../../../src/launch/plan/run-request.ts';
import { EMPTY_RUN_CONFIG } from '../../../src/oci/run-config.ts';

const test = suite('launch/plan/image-volumes');

function mounted(volumes: readonly string[], request: Partial<RunRequest> = {}): readonly string[] {
  const config = { ...EMPTY_RUN_CONFIG, volumes };
  const around = { ...AROUND, facts: ROOT_FACTS, volumes: '/c/volumes' };
  return planRun(config, { ...PLAIN_REQUEST, network: 'host', ...request }, around).steps.flatMap((step) => {
    if (step.do === 'bind') return [`${step.source}:${step.target}`];
    return step.do === 'file' || (step.do === 'mount' && !step.strict) ? [step.target] : [];
  });
}

const FILES = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];

test('a volume of the image is the container’s own directory, named by its number, mounted before our files', () => {
  assert.equal(mounted(['/data/deep', 'data/', '/etc']), [
    '/c/volumes/1:/data',
    '/c/volumes/2:/etc',
    '/c/volumes/0:/data/deep',
    ...FILES,
  ]);
});

test('a user’s mount at or above an image’s volume wins; one below it is mounted in it', () => {
  assert.equal(mounted(['/data', '/x/y'], { volumes: ['/h:/data', '/h:/x'] }), [...FILES, '/h:/data', '/h:/x']);
  assert.equal(mounted(['/data'], { tmpfs: ['/data'] }), ['/data', ...FILES]);
  assert.equal(mounted(['/data'], { volumes: ['/h:/data/in'] }), ['/c/volumes/0:/data', ...FILES, '/h:/data/in']);
});

test('volumes of the image are in memory, or ignored, on request', () => {
  assert.equal(mounted(['/data'], { imageVolume: 'tmpfs' }), ['/data', ...FILES]);
  assert.equal(mounted(['/data'], { imageVolume: 'ignore' }), FILES);
});

test('volumes at the root or at the kernel’s files are refused, silently where the user mounts something', () => {
  const volumes = ['/', '/sys/fs/cgroup', '/proc/../dev/x', '/data', '/../data/./'];
  assert.equal(volumePlaces(volumes), { places: ['/data'], refused: ['/', '/sys/fs/cgroup', '/dev/x'] });
  const { warnings } = planImageVolumes(volumes, {
    mode: 'bind',
    directory: '/c',
    userMounts: [{ do: 'bind', source: '/sys', target: '/sys', attributes: [] }],
  });
  assert.is(warnings.length, 2);
});

test.run();

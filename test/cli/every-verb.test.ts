import { generateKeyPairSync } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findVerb } from '../../src/cli/find-verb.ts';
import { VERBS } from '../../src/cli/verbs.ts';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { tsimgAlone } from '../support/command/tsimg.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import type { OrdinaryUser } from '../support/host/ordinary-user.ts';
import { prepare } from '../support/prepare.ts';
import { ACCOUNT, type DockerRegistry, startDockerRegistry } from '../support/registry/docker-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// Most calls of tests are made in a process that stays (test/support/command/resident-command.ts). Here each verb is a process
// of its own, as people start it, which must end by itself. The calls build on each other.

/** A call: its words, what it prints, and its status, 0 when absent. */
interface Step {
  readonly call: string;
  readonly prints?: RegExp;
  readonly status?: number;
  readonly input?: string;
  /** Absent: for both. */
  readonly as?: 'root' | 'user';
}

// In the words of a call, HOST stands for a registry and REPO for a repository there. Files are in the current directory.

const IMAGES: readonly Step[] = [
  { call: `load -i ${EXAMPLE_IMAGE}`, prints: /^Loaded image: .*example/ },
  { call: 'images', prints: /^tsimg\/example +latest/m },
  { call: 'tag tsimg/example example:2' },
  { call: 'inspect --format {{.Os}} example:2', prints: /^linux$/m },
  { call: 'history example:2', prints: /^IMAGE/m },
  { call: 'ls example:2', prints: /bin\/sh$/m },
  { call: 'save -o saved.tar example:2' },
  { call: 'export example:2 exported.tar' },
  { call: 'unpack saved.tar ./rootfs' },
  { call: 'pack ./content -t packed:1', prints: /^sha256:/m },
  { call: 'append packed:1 ./content -t appended:1', prints: /^sha256:/m },
  { call: 'config appended:1 --env A=b -t configured:1', prints: /^sha256:/m },
  { call: 'store check' },
];

const REGISTRIES: readonly Step[] = [
  { call: `login --username ${ACCOUNT.username} --password-stdin HOST`, input: ACCOUNT.password },
  { call: 'push configured:1 REPO:1', prints: /sha256:/ },
  { call: 'copy REPO:1 REPO:2', prints: /sha256:/ },
  { call: 'tags REPO', prints: /^1\n2$/m },
  { call: 'manifest REPO:1', prints: /"schemaVersion"/ },
  { call: 'pull REPO:2', prints: /sha256:/ },
  { call: 'attach --artifact-type application/spdx+json REPO:1 sbom.json' },
  { call: 'referrers REPO:1', prints: /application\/spdx\+json/ },
  { call: 'sbom REPO:1', prints: /"spdxVersion"/ },
  { call: 'verify --key key.pem REPO:1', status: 5, prints: /^tsimg: the image has no signature/m },
  {
    call: 'trust update --mirror http://127.0.0.1:1 --tuf-root root.json',
    status: 1,
    prints: /^tsimg: the trusted root cannot be updated/m,
  },
  // Debian’s registry deletes by digest only
  { call: 'delete --yes REPO:1', status: 1, prints: /removes this tag, and the tags 2 with it/ },
  { call: 'logout HOST' },
];

const CONTAINERS: readonly Step[] = [
  { call: 'run -d --name one --network none example:2 sleep 1000' },
  { call: 'ps', prints: /\bone$/m },
  { call: 'exec one echo inside', prints: /^inside$/m },
  { call: 'logs one' },
  { call: 'port one' },
  { call: 'top one', prints: /sleep 1000/ },
  { call: 'stats --no-stream one', prints: /\bone\b/ },
  // An ordinary user has a freezer where cgroups of version 2 are delegated
  { call: 'pause one', as: 'root' },
  { call: 'unpause one', as: 'root' },
  { call: 'cp sbom.json one:/copied' },
  { call: 'diff one', prints: /^A \/copied$/m },
  { call: 'commit one committed:1', prints: /^sha256:/m },
  { call: 'rename one two' },
  { call: 'stop -t 0 two' },
  { call: 'start two' },
  { call: 'restart -t 0 two' },
  { call: 'kill two' },
  { call: 'wait two', prints: /^137$/m },
  { call: 'create --name three --network none example:2 true' },
  { call: 'rm two three' },
  { call: 'events --since 1h --until 0s', prints: /container/ },
  { call: 'volume create data', prints: /^data$/m },
  { call: 'network ls', prints: /^NETWORK ID +NAME/m },
  { call: 'doctor', prints: /kernel/ },
  { call: 'unshare echo inside', as: 'user', prints: /^inside$/m },
  { call: 'rmi committed:1' },
  { call: 'prune -f' },
];

const WALK = [...IMAGES, ...REGISTRIES, ...CONTAINERS];

/** Makes the files that the calls name. */
function makeFiles(user: OrdinaryUser | undefined): string {
  const folder = tempDir(0o755);
  mkdirSync(join(folder, 'content'));
  writeFileSync(join(folder, 'content', 'file'), 'text\n');
  writeFileSync(join(folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}\n');
  writeFileSync(join(folder, 'root.json'), '{}\n');
  const { publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  if (user !== undefined) for (const path of [folder, join(folder, 'content')]) chownSync(path, user.uid, user.gid);
  return folder;
}

const asRoot = suite('cli/every-verb as root');
const asUser = suite('cli/every-verb as an ordinary user');

if (haveTools('docker-registry', 'skopeo')) {
  defineRuns(asRoot, asUser, (test, { user }) => {
    const identity = user === undefined ? 'root' : 'user';
    const folder = makeFiles(user);
    const env = { TSIMG_ROOT: join(folder, 'state'), REGISTRY_AUTH_FILE: join(folder, 'auth.json') };
    const surroundings = { cwd: folder, env, ...(user && { user }) };
    let registry: DockerRegistry | undefined;
    prepare(test, async () => {
      registry = await startDockerRegistry({ login: true, deletes: true });
    });
    test.after(async () => {
      tsimgAlone(['rm', '-f', 'one', 'two', 'three'], surroundings);
      await registry?.[Symbol.asyncDispose]();
    });

    test('each verb does its work as a process of its own, and ends', () => {
      const host = registry?.host ?? '';
      const words = (call: string) =>
        call.split(' ').map((word) => word.replace('REPO', `${host}/every/verb`).replace('HOST', host));
      for (const { call, prints = /(?:)/, status = 0, input = '', as = identity } of WALK) {
        if (as !== identity) continue;
        const ended = tsimgAlone(words(call), { ...surroundings, input });
        const printed = ended.stdout + ended.stderr;
        assert.is(ended.status, status, `${call}: ${printed}`);
        assert.match(printed, prints, `${call}: ${printed}`);
      }
    });
  });
}

const test = suite('cli/every-verb');

test('no verb is left out', () => {
  const called = new Set(WALK.map(({ call }) => findVerb(call.split(' '))));
  assert.equal(
    VERBS.map(({ name }) => name).filter((name) => !called.has(name)),
    [],
  );
});

asRoot.run();
asUser.run();
test.run();

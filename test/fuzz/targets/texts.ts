import { TsimgError } from '../../../src/errors.ts';
import { parseBytes } from '../../../src/launch/limits/resources.ts';
import { parseTmpfs, parseVolume } from '../../../src/launch/options/volumes.ts';
import { parseEnvFile } from '../../../src/launch/plan/environment.ts';
import { resolveUser } from '../../../src/launch/plan/user.ts';
import { parseCgroupMounts, parseFlatKeyed, parseMemberships } from '../../../src/linux/cgroup.ts';
import { parseSubordinateIds } from '../../../src/linux/ids.ts';
import { mountPoints } from '../../../src/linux/mountinfo.ts';
import { formatPlatform, normalizePlatform, parsePlatform } from '../../../src/oci/platform.ts';
import { formatFamiliar, formatReference, parseReference } from '../../../src/oci/reference.ts';
import { type AuthFile, findingsIn, isKeyOf, parseAuthFile } from '../../../src/registry/auth/auth-file.ts';
import { type Challenge, parseChallenges } from '../../../src/registry/auth/challenge.ts';
import { withEntry, withoutEntries } from '../../../src/registry/auth/edit-auth-file.ts';
import { parseRetryAfter } from '../../../src/registry/http/retry.ts';
import { nextPage } from '../../../src/registry/pages.ts';
import { parseContentRange } from '../../../src/registry/resume.ts';
import { parseSourceSpec } from '../../../src/sources/parse-spec.ts';
import { endingOf, fault, mustEqual } from '../ending.ts';
import { mutateSome } from '../mutate/mutate-bytes.ts';
import { jsonOf, mutateJson } from '../mutate/mutate-json.ts';
import type { Random } from '../mutate/random.ts';
import { bytesTarget, type Target } from '../target.ts';

// Texts of users, images, registries and the host. Each parser takes a text or refuses it with a TsimgError.

interface TextTarget {
  readonly name: string;
  readonly rule: string;
  readonly seeds: readonly string[];
  readonly mutate?: (seed: Buffer, other: Buffer, random: Random) => Buffer;
  /** Checks the rule for a text. A TsimgError is a valid answer. */
  readonly check: (text: string) => void;
}

function textTarget({ name, rule, seeds, mutate = mutateSome, check }: TextTarget): Target {
  return bytesTarget({
    name,
    rule,
    seeds: () => seeds.map((seed) => Buffer.from(seed)),
    mutate,
    run: (input) => endingOf(() => check(input.toString('utf8'))),
  });
}

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

const referenceTarget = textTarget({
  name: 'reference',
  rule: 'a reference is refused, or what it is formatted as means the same, in both forms',
  seeds: [
    'alpine',
    'alpine:3.9',
    'a/b:t',
    `alpine@${DIGEST}`,
    `localhost:5000/a/b__c-d.e:T_1@${DIGEST}`,
    'index.docker.io/x',
    'docker.io/library/alpine',
    'localhost/x',
    '[::1]:5000/x/y',
    'Host/x',
    'registry.example.com/team/app:1.0.0-rc.1',
    'docker://alpine:3.9',
    'docker-archive:a.tar:b:c',
    'oci:dir:tag',
    'store:alpine',
    './x',
    '-',
  ],
  check(text) {
    endingOf(() => parseSourceSpec(text));
    const reference = parseReference(text);
    const full = formatReference(reference);
    mustEqual(JSON.stringify(parseReference(full)), JSON.stringify(reference), `${full} is not ${text}`);
    const familiar = formatFamiliar(reference);
    mustEqual(JSON.stringify(parseReference(familiar)), JSON.stringify(reference), `${familiar} is not ${text}`);
    if (/[^\x21-\x7e]/.test(full)) throw fault(`a reference with odd characters: ${JSON.stringify(full)}`);
    if (full.split(/[/:]/).includes('..')) throw fault(`a reference that climbs: ${full}`);
  },
});

const platformTarget = textTarget({
  name: 'platform',
  rule: 'a platform is refused, or what it is formatted as means the same',
  seeds: [
    'linux/amd64',
    'arm64',
    'linux/arm/v7',
    'Linux/aarch64/v8',
    'linux/x86_64/v1',
    'windows/amd64',
    'linux/arm/6',
  ],
  check(text) {
    const platform = parsePlatform(text);
    const again = parsePlatform(formatPlatform(platform));
    mustEqual(JSON.stringify(again), JSON.stringify(platform), `${formatPlatform(platform)} is not ${text}`);
    mustEqual(JSON.stringify(normalizePlatform(platform)), JSON.stringify(platform), 'its normal form is not normal');
  },
});

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nbad:x:4294967296:0::/:\n';
const GROUP = 'root:x:0:\nwheel:x:10:root,user\nuser:x:1000:\nbig:x:4294967295:user\n';
const USERS = ['', 'root', 'user', 'user:wheel', '0:10', '1000', '4294967295', 'nobody', 'user:', ':', 'a:b:c'];

const passwdTarget = textTarget({
  name: 'passwd',
  rule: 'whatever passwd and group of an image say, a user is refused or has ids that Linux has, and an absolute home',
  seeds: [`${PASSWD}\0${GROUP}\0user`, `${PASSWD}\0\0user:wheel`, `\0${GROUP}\x000:10`, 'u:x:100000:65536\nu:1\n0:0:0'],
  check(text) {
    const [passwd = '', group = '', spec = ''] = text.split('\0');
    for (const range of parseSubordinateIds(text, 'u', 1000)) {
      if (range.start + range.count - 1 > 0xfffffffe) throw fault(`a range of ids that are none: ${range.start}`);
    }
    for (const user of [spec, ...USERS]) {
      endingOf(() => {
        const found = resolveUser(user, { passwd, group });
        for (const id of [found.uid, found.gid, ...found.groups]) {
          if (!Number.isInteger(id) || id < 0 || id > 0xfffffffe) throw fault(`${user} is ${id}`);
        }
        if (/^\d+$/.test(user) && found.uid !== Number(user)) throw fault(`${user} became ${found.uid}`);
        if (!found.home.startsWith('/')) throw fault(`home is ${found.home}`);
        if (!found.groups.includes(found.gid)) throw fault('the primary group is not among the groups');
      });
    }
    resolveUser(spec, { passwd, group });
  },
});

function formatChallenge({ scheme, parameters }: Challenge): string {
  const quoted = [...parameters].map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
  return [scheme, quoted.join(',')].filter(Boolean).join(' ');
}

const headerTarget = textTarget({
  name: 'headers',
  rule: 'headers of a registry never throw, say the same when written again, and lead to no other origin',
  seeds: [
    'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull"',
    'Basic realm="x", Bearer realm=y',
    'Negotiate dG9rZW4=, Basic realm="a \\"quoted\\" one"',
    '</v2/_catalog?last=x&n=5>; rel="next"',
    '<https://registry.example.com/v2/a/tags/list?n=2>; rel=next, <x>; rel="prev"',
    'bytes 5-9/10',
    'Wed, 21 Oct 2015 07:28:00 GMT',
    '120',
  ],
  check(text) {
    const challenges = parseChallenges(text);
    const plain = (all: readonly Challenge[]) => JSON.stringify(all.map((each) => [each.scheme, [...each.parameters]]));
    const again = parseChallenges(challenges.map(formatChallenge).join(', '));
    mustEqual(plain(again), plain(challenges), 'challenges do not say the same when written again');
    const page = new URL('https://registry.example.com/v2/a/tags/list');
    const next = nextPage(text, page);
    if (next?.kind === 'page' && next.url.origin !== page.origin) throw fault(`the next page is at ${next.url.href}`);
    const range = parseContentRange(text);
    if (range !== undefined && !Number.isSafeInteger(range.end - range.start)) throw fault('a range that is none');
    const wait = parseRetryAfter(text, 1_700_000_000_000);
    if (wait !== undefined && !(wait >= 0)) throw fault(`to wait for ${wait}`);
  },
});

const SECRET = 'c2VjcmV0OnBhc3M=';

const entriesOf = ({ auths, credHelpers, credsStore }: AuthFile) =>
  JSON.stringify([[...auths], [...credHelpers], credsStore]);

/** A registry that is logged in to and out of. */
const LOGIN = 'login.test';

const authFileTarget = textTarget({
  name: 'auth-file',
  rule:
    'a file of credentials is refused or read, what is said against it never holds a secret, and a login and a logout ' +
    'leave all else as it was',
  seeds: [
    JSON.stringify({ auths: { 'registry.example.com': { auth: SECRET } }, credsStore: 'x' }),
    JSON.stringify({ auths: { 'https://index.docker.io/v1/': { username: 'u', password: 'hunter2' } } }),
    JSON.stringify({ auths: { 'example.com/a/b': { identitytoken: 'hunter2' }, 'example.com': {} } }),
    JSON.stringify({ credHelpers: { 'example.com': 'ecr-login' }, auths: null }),
    JSON.stringify({ 'example.com': { auth: SECRET, registrytoken: 'hunter2' } }),
  ],
  mutate: mutateJson,
  check(text) {
    let refusal: TsimgError | undefined;
    for (const legacy of [false, true]) {
      try {
        const file = parseAuthFile(text, 'auth.json', legacy);
        for (const registry of ['docker.io', 'example.com', 'registry.example.com', '__proto__']) {
          findingsIn(file, { registry, repository: 'a/b' }, 'auth.json');
        }
        if (legacy || [...file.auths.keys()].some((key) => isKeyOf(key, LOGIN))) continue;
        const edited = withEntry(text, LOGIN, LOGIN, { username: 'u', password: 'p', identityToken: undefined });
        const after = parseAuthFile(withoutEntries(edited, LOGIN) ?? '', 'auth.json', false);
        mustEqual(entriesOf(after), entriesOf(file), 'an entry more, and one less, is not the same file');
      } catch (error) {
        if (!(error instanceof TsimgError)) throw error;
        refusal = error;
        const said = `${error.message} ${error.hint} ${JSON.stringify(error.facts)} ${String(error.cause)}`;
        if (said.includes('hunter2') || said.includes(SECRET)) throw fault(`a secret is told: ${said}`);
      }
    }
    if (refusal !== undefined && jsonOf(Buffer.from(text)) === undefined) throw refusal;
  },
});

const hostTextTarget = textTarget({
  name: 'host-texts',
  rule: 'options of a launch and files of the host are refused by an error of tsimg, or read',
  seeds: [
    '/a:/b:ro',
    './data:/data:rw,z',
    '/tmp:rw,size=10m,mode=1777',
    '10m',
    '1.5G',
    'A=b\n# c\nD\nE=f=g\n',
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - cgroup2 cgroup rw,nsdelegate\n37 35 0:1 / /a\\040b rw - cgroup x rw,memory\n',
    '0::/user.slice\n5:memory,cpu:/a\n',
    'usage_usec 5\nnr_periods 7\n',
  ],
  check(text) {
    const parsers: readonly ((text: string) => unknown)[] = [
      (value) => parseVolume(value, '/cwd'),
      parseTmpfs,
      (value) => parseBytes(value, '--memory'),
      (value) => parseEnvFile(value, { HOME: '/root' }),
      mountPoints,
      parseCgroupMounts,
      parseMemberships,
      parseFlatKeyed,
    ];
    const endings = parsers.map((parse) => endingOf(() => parse(text)));
    if (endings.includes('USAGE')) parseVolume(text, '/cwd');
  },
});

export const TEXT_TARGETS: readonly Target[] = [
  referenceTarget,
  platformTarget,
  passwdTarget,
  headerTarget,
  authFileTarget,
  hostTextTarget,
];

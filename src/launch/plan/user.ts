import { TsimgError } from '../../errors.ts';
import { parseId } from '../../linux/ids.ts';
import { parseGroup, parsePasswd } from '../../linux/passwd.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import type { IdMap, Step } from '../launch-plan.ts';

/** The user and the groups of the container's first process. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /**
   * Supplementary groups. They include the primary group: a process could drop it to evade a permission that is denied
   * to the group.
   */
  readonly groups: readonly number[];
  readonly home: string;
}

/** The texts of the image's /etc/passwd and /etc/group, '' for a missing file. */
export interface UserFiles {
  readonly passwd: string;
  readonly group: string;
}

function unknown(what: string, name: string, file: string): TsimgError {
  return new TsimgError('LAUNCH_FAILED', `no such ${what}`, {
    where: name,
    why: `${file} of the root filesystem does not name it`,
    hint: `give a number, or a ${what} that the root filesystem knows`,
  });
}

/** Parses an ID. A text of digits is never a name; an ID that is too large would wrap round to another user's. */
function numeric(text: string, what: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const id = parseId(text);
  if (id !== undefined) return id;
  throw new TsimgError('USAGE', `not a ${what} ID`, { where: text, why: 'IDs go from 0 to 4294967294' });
}

/** Splits `USER[:GROUP]`; an empty group is none, as with docker and podman. @throws USAGE */
export function parseUser(spec: string): { readonly user: string; readonly group: string | undefined } {
  const [user = '', group, ...rest] = spec.split(':');
  for (const [what, text] of [
    ['user', user],
    ['group', group],
  ] as const)
    numeric(text ?? '', what);
  if (rest.length === 0 && !spec.includes('\0')) return { user, group: group === '' ? undefined : group };
  throw new TsimgError('USAGE', 'not a user', { where: spec, hint: 'USER or USER:GROUP, names or numbers' });
}

/**
 * Resolves `USER[:GROUP]` with the image's own files. Without a group, the user's own group and all groups that list
 * the user count. Digits are an ID, never a name. OCI image spec, config.md, "User".
 * @param extraGroups are added
 * @throws USAGE, LAUNCH_FAILED
 */
export function resolveUser(spec: string, files: UserFiles, extraGroups: readonly string[] = []): ResolvedUser {
  const { user: userText, group: groupText } = parseUser(spec);
  const passwd = parsePasswd(files.passwd);
  const groups = parseGroup(files.group);
  const number = userText === '' ? 0 : numeric(userText, 'user');
  const entry = passwd.find((each) => (number === undefined ? each.name === userText : each.uid === number));
  const uid = number ?? entry?.uid;
  if (uid === undefined) throw unknown('user', userText, '/etc/passwd');
  const extra = extraGroups.map((name) => {
    const gid = numeric(name, 'group') ?? groups.find((each) => each.name === name)?.gid;
    if (gid === undefined) throw unknown('group', name, '/etc/group');
    return gid;
  });
  const home = entry?.home.startsWith('/') ? entry.home : '/';
  if (groupText !== undefined) {
    const gid = numeric(groupText, 'group') ?? groups.find((each) => each.name === groupText)?.gid;
    if (gid === undefined) throw unknown('group', groupText, '/etc/group');
    return { uid, gid, groups: [...new Set([gid, ...extra])], home };
  }
  const gid = entry?.gid ?? 0;
  const name = entry?.name;
  const member = groups.filter((each) => name !== undefined && each.members.includes(name)).map((each) => each.gid);
  return { uid, gid, groups: [...new Set([gid, ...member, ...extra])], home };
}

/** The name of a caller whose own name is unknown, or would break the line. */
const UNNAMED = 'user';
const SHELL = '/bin/sh';

function isField(text: string): boolean {
  return /^[^\p{Cc}:]+$/u.test(text);
}

/**
 * Plans a line in /etc/passwd and one in /etc/group for a caller that keeps its IDs, where the image has no line for
 * them: as with podman, so that `whoami` and HOME work. The image's own files stay unchanged.
 * @param cwd the command's working directory, which becomes the home
 */
export function planAccountFiles({ userName }: HostFacts, idMap: IdMap | undefined, cwd: string): readonly Step[] {
  if (idMap?.caller === undefined) return [];
  const { uid, gid } = idMap.caller;
  const name = userName !== undefined && isField(userName) ? userName : UNNAMED;
  const home = isField(cwd) ? cwd : '/';
  const file = (target: string, line: string, unlessId: number): Step => ({
    do: 'file',
    target,
    content: { line, unlessId },
  });
  return [
    file('/etc/passwd', `${name}:*:${uid}:${gid}::${home}:${SHELL}`, uid),
    file('/etc/group', `${name}:x:${gid}:`, gid),
  ];
}

import { parseId } from './ids.ts';

/** A line of /etc/passwd. passwd(5). */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A line of /etc/group. group(5). */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Returns a text of passwd(5) or group(5) with one more line; undefined where a line has the ID already. */
export function withLine(text: Buffer, line: string, id: number): Buffer | undefined {
  // Names may have any bytes.
  const before = text.toString('latin1');
  if (before.split('\n').some((each) => parseId(each.split(':')[2] ?? '') === id)) return undefined;
  const end = before === '' || before.endsWith('\n') ? '' : '\n';
  return Buffer.concat([text, Buffer.from(`${end}${line}\n`)]);
}

/** Parses /etc/passwd, in order. A line with too few fields or an invalid ID is skipped. */
export function parsePasswd(text: string): readonly PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uidText = '', gidText = '', , home = ''] = line.split(':');
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    return name && uid !== undefined && gid !== undefined ? [{ name, uid, gid, home }] : [];
  });
}

/** Parses /etc/group, in order. A line with too few fields or an invalid ID is skipped. */
export function parseGroup(text: string): readonly GroupEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name, , gidText = '', members = ''] = line.split(':');
    const gid = parseId(gidText);
    return name && gid !== undefined
      ? [{ name, gid, members: members.split(',').filter((member) => member !== '') }]
      : [];
  });
}

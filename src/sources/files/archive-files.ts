import { TsimgError } from '../../errors.ts';
import { readSection } from '../../streams/read-section.ts';
import { listMembers, type TarMember } from '../../tar/read/members.ts';
import type { ArchiveFile } from './archive-file.ts';
import { ARCHIVE_HEAD_BYTES, checkArchiveHead } from './archive-head.ts';
import type { Files } from './files.ts';

/** The most members: a root filesystem in one tar may have as many. Each takes some hundred bytes of memory. */
const MAX_MEMBERS = 1_000_000;
/** docker save writes a repeated layer as a link to the first; a chain of more links is an attack. */
const MAX_HOPS = 8;

/** Normalizes a member's name: no `./`, no leading or doubled slash. Undefined where `..` leads out of the archive. */
function memberName(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join('/');
}

/** Finds a member by its name; links are followed inside the archive. */
function findMember(members: ReadonlyMap<string, TarMember>, name: string): TarMember | undefined {
  let at: string | undefined = memberName(name);
  for (let hop = 0; at !== undefined && hop <= MAX_HOPS; hop++) {
    const member = members.get(at);
    if (member === undefined || member.header.kind === 'file') return member;
    const { kind, linkPath } = member.header;
    if (kind === 'hardlink' || (kind === 'symlink' && linkPath.startsWith('/'))) at = memberName(linkPath);
    else if (kind === 'symlink') at = memberName(`${at}/../${linkPath}`);
    else return undefined;
  }
  return undefined;
}

/**
 * The members of an archive as files. Of a repeated name the last member counts, as in extraction; links are followed
 * inside the archive.
 * @throws ARCHIVE_INVALID, TAR_INVALID, FORMAT_UNSUPPORTED, LIMIT_EXCEEDED
 */
export async function archiveFiles(archive: ArchiveFile): Promise<Files> {
  const { handle, label, size } = archive;
  const read = async (offset: number, length: number) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  checkArchiveHead(await read(0, ARCHIVE_HEAD_BYTES), label);
  const members = new Map<string, TarMember>();
  const repeated = new Set<string>();
  for (const member of await listMembers(read, size, { where: label, limits: { entries: MAX_MEMBERS } })) {
    const name = memberName(member.header.path);
    if (name === undefined) continue;
    if (members.get(name)?.header.kind === 'file') repeated.add(name);
    members.set(name, member);
  }
  return {
    label,
    names: members.keys(),
    isRepeated: (name) => repeated.has(memberName(name) ?? ''),
    size: async (name) => findMember(members, name)?.header.size,
    async open(name, signal) {
      const member = findMember(members, name);
      if (member === undefined) return undefined;
      if (member.sparse !== undefined) {
        throw new TsimgError('FORMAT_UNSUPPORTED', 'a sparse file in an archive of images', {
          where: `${label} ${name}`,
          hint: 'pack the archive again without GNU tar’s --sparse',
        });
      }
      return readSection(handle, member.dataOffset, member.dataSize, signal);
    },
    async locate(name) {
      const member = findMember(members, name);
      if (member === undefined || member.sparse !== undefined) return undefined;
      const { dataOffset, dataSize } = member;
      return { descriptor: handle.fd, offset: dataOffset, size: dataSize, close: async () => {} };
    },
    close: () => handle.close(),
  };
}

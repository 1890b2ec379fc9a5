import { createHash } from 'node:crypto';
import { codeOf, readWhole } from '../../support/image/read-tar.ts';
import { file, symlink, tarOf } from '../../support/image/tar.ts';
import { mutateSome } from './mutate-bytes.ts';
import { jsonOf, mutateJson } from './mutate-json.ts';
import { mutateTar } from './mutate-tar.ts';
import type { Random } from './random.ts';

interface Member {
  readonly name: string;
  readonly bytes: Buffer;
}

function membersOf(archive: Buffer): readonly Member[] {
  const members: Member[] = [];
  codeOf(() => {
    for (const { header, content } of readWhole(archive)) {
      if (header.kind === 'file') members.push({ name: header.path, bytes: content });
    }
  });
  return members;
}

const isDocument = ({ bytes }: Member): boolean => jsonOf(bytes) !== undefined;
const hexOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function changed(member: Member, from: string, to: string, sizes: readonly [number, number]): Member {
  const name = member.name.replaceAll(from, to);
  const text = member.bytes.toString('latin1');
  if (!isDocument(member) || !text.includes(from)) return { ...member, name };
  const [oldSize, newSize] = sizes;
  // The size in the same descriptor as the digest, before or after it.
  const bytes = text.replaceAll(from, to).replaceAll(`"size":${oldSize}`, `"size":${newSize}`);
  return { name, bytes: Buffer.from(bytes, 'latin1') };
}

/** Replaces the bytes of a member, and its digest in all documents that name the member, up to the index. */
function replaced(members: readonly Member[], index: number, bytes: Buffer, depth = 0): readonly Member[] {
  const old = members[index];
  if (old === undefined || depth > 8) return members;
  const [from, to] = [hexOf(old.bytes), hexOf(bytes)];
  if (from === to) return members;
  let result: readonly Member[] = members.with(index, { ...old, bytes });
  const namers = members.flatMap((member, at) => (member.bytes.includes(from) && isDocument(member) ? [at] : []));
  result = result.map((member) => ({ ...member, name: member.name.replaceAll(from, to) }));
  for (const at of namers) {
    const namer = result[at];
    if (at === index || namer === undefined) continue;
    const edited = changed(namer, from, to, [old.bytes.length, bytes.length]);
    result = replaced(result, at, edited.bytes, depth + 1);
  }
  return result;
}

/** Changes a document or blob of an image, mostly with correct digests, so that the content is parsed. */
function mutateMember(members: readonly Member[], others: readonly Member[], random: Random): readonly Member[] {
  const documents = members.flatMap((member, index) => (isDocument(member) ? [index] : []));
  const index = documents.length > 0 && !random.once(4) ? random.pick(documents) : random.below(members.length);
  const member = members[index];
  if (member === undefined) return members;
  const other = others.find(isDocument)?.bytes ?? member.bytes;
  const bytes = isDocument(member) ? mutateJson(member.bytes, other, random) : mutateSome(member.bytes, other, random);
  return random.once(4) ? members.with(index, { ...member, bytes }) : replaced(members, index, bytes);
}

/** Makes several changes to an image in one file: to its documents, its blobs, its members or the archive. */
export function mutateImage(seed: Buffer, other: Buffer, random: Random): Buffer {
  if (random.once(4)) return mutateTar(seed, other, random);
  let members = membersOf(seed);
  const others = membersOf(other);
  if (members.length === 0) return mutateTar(seed, other, random);
  for (let count = 1 + random.below(3); count > 0; count--) {
    switch (random.below(8)) {
      case 0:
        members = members.toSpliced(random.below(members.length), 1);
        break;
      case 1:
        members = members.toSpliced(random.below(members.length), 0, ...others.slice(0, 1 + random.below(4)));
        break;
      default:
        members = mutateMember(members, others, random);
    }
  }
  const links = random.once(8) ? [symlink('link', random.pick(members.length > 0 ? members : others).name)] : [];
  return tarOf(...members.map(({ name, bytes }) => file(Buffer.from(name, 'latin1'), bytes)), ...links);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { findTool } from '../../support/tools.ts';

/** An entry of another reader. Names are bytes in hex. */
export interface ListedEntry {
  readonly kind: string;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** SHA-256 of the content in hex; '' for a file that is too large. */
  readonly content: string;
}

/** The largest file that is read, in bytes. */
export const MAX_COMPARED = 1024 * 1024;

/** A Python program that reads archives, each after its length in four bytes, and answers each with a line. */
const PROGRAM = `
import hashlib, io, json, struct, sys, tarfile
def raw(text): return text.encode('utf-8', 'surrogateescape').hex()
kinds = {tarfile.LNKTYPE: 'hardlink', tarfile.SYMTYPE: 'symlink', tarfile.CHRTYPE: 'character-device', b'D': 'directory',
         tarfile.BLKTYPE: 'block-device', tarfile.DIRTYPE: 'directory', tarfile.FIFOTYPE: 'fifo'}
def listing(data):
    entries = []
    with tarfile.open(fileobj=io.BytesIO(data), mode='r:', encoding='utf-8', errors='surrogateescape') as archive:
        for member in archive:
            kind = kinds.get(member.type, 'file')
            small = member.size <= ${MAX_COMPARED}
            content = archive.extractfile(member).read() if kind == 'file' and small else b''
            entries.append({
                'kind': kind, 'path': raw(member.name),
                'linkPath': raw(member.linkname) if kind.endswith('link') else '', 'mode': member.mode & 0o7777,
                'uid': member.uid, 'gid': member.gid, 'size': member.size if kind == 'file' else 0,
                'content': hashlib.sha256(content).hexdigest() if small else ''})
    return entries
while True:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4: break
    data = sys.stdin.buffer.read(struct.unpack('<I', head)[0])
    try: answer = listing(data)
    except Exception as error: answer = str(error)
    print(json.dumps(answer), flush=True)
`;

/** Python's tarfile, in a process for many archives. */
export interface PythonTar {
  /** Returns the entries, or Python's error. */
  list(archive: Buffer): Promise<readonly ListedEntry[] | string>;
  close(): Promise<void>;
}

export function startPython(): PythonTar {
  const child: ChildProcess = spawn(findTool('python3') ?? 'python3', ['-c', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('python3 has no pipes');
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    async list(archive) {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(archive.length);
      stdin.write(head);
      stdin.write(archive);
      const line = await lines.next();
      if (line.done === true) throw new Error('python3 ended');
      return JSON.parse(line.value);
    },
    async close() {
      stdin.end();
      await closed;
    },
  };
}

// Says which files two images have in other forms: compare-images.ts SOURCE SOURCE
import { listFiles, openImage, type TreeNode } from 'tsimg';

/** What two files have in common that are alike; their content is compared by its size alone. */
function formOf(node: TreeNode): string {
  const { mode, uid, gid } = node.attributes;
  const content = node.kind === 'file' ? node.size : node.kind === 'symlink' ? node.target : '';
  return [node.kind, mode.toString(8), uid, gid, content].join(' ');
}

async function filesOf(source: string): Promise<Map<string, string>> {
  await using opened = await openImage(source);
  const files = new Map<string, string>();
  for await (const { path, node } of listFiles(opened.image)) files.set(path, formOf(node));
  return files;
}

const [one = 'alpine:3.19', other = 'alpine:3.20'] = process.argv.slice(2);
const [before, after] = await Promise.all([filesOf(one), filesOf(other)]);
for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
  const [was, is] = [before.get(path), after.get(path)];
  if (was === is) continue;
  const sign = was === undefined ? 'A' : is === undefined ? 'D' : 'C';
  console.log(sign, `/${Buffer.from(path, 'latin1').toString()}`);
}

// Lists the files of an image: list-files.ts SOURCE
import { listFiles, openImage } from 'tsimg';

const [source = 'alpine:3.20'] = process.argv.slice(2);
// Any SOURCE: an archive, a layout, a reference in the store, docker://…
await using opened = await openImage(source);
for await (const { path, node } of listFiles(opened.image)) {
  const { mode, uid, gid } = node.attributes;
  // Names in an image are bytes; the path has one character for each.
  const name = Buffer.from(path, 'latin1').toString();
  console.log(node.kind, mode.toString(8), `${uid}:${gid}`, `/${name}`);
}

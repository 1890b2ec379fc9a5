// Makes an image of a directory and pushes it: make-and-push.ts DIRECTORY REFERENCE
import { packImage, pushImage } from 'tsimg';

const [directory = './rootfs', name = 'localhost:5000/mine:1'] = process.argv.slice(2);
// With SOURCE_DATE_EPOCH, equal directories make equal images.
process.env.SOURCE_DATE_EPOCH ??= '0';

const { id, layers } = await packImage(
  directory,
  { cmd: ['/bin/sh'], env: { LANG: 'C.UTF-8' }, label: { 'org.example.made-by': 'example' } },
  { tags: [name] },
);
console.log(`image ${id}, ${layers[0]?.size} bytes`);
const { reference, digest, reused } = await pushImage(name, name);
console.log(`${reference} is ${digest}; the registry had ${reused} of its blobs`);

import { type Place, tarInvalid } from './place.ts';

const SCHILY = 'SCHILY.xattr.';
const LIBARCHIVE = 'LIBARCHIVE.xattr.';
const NONE: ReadonlyMap<string, Buffer> = new Map();

/**
 * Reads the extended attributes in PAX records. `SCHILY.xattr.NAME` (star, GNU tar, Go) has the bytes as they are; GNU
 * tar quotes `=` and `%` in the name as `%3D` and `%25`. `LIBARCHIVE.xattr.NAME` (bsdtar) has a URL-quoted name and a
 * value in base64. SCHILY wins over LIBARCHIVE. An empty value is an attribute with an empty value, as for GNU tar and
 * containerd.
 * @throws TAR_INVALID for a name that is empty or has a NUL, and for a value that is no base64
 */
export function xattrsOf(values: ReadonlyMap<string, string> | undefined, place: Place): ReadonlyMap<string, Buffer> {
  if (values === undefined) return NONE;
  let xattrs: Map<string, Buffer> | undefined;
  for (const [key, value] of values) {
    if (key.startsWith(SCHILY)) {
      xattrs ??= new Map();
      xattrs.set(checkedName(unquote(key.slice(SCHILY.length)), place), Buffer.from(value, 'latin1'));
    } else if (key.startsWith(LIBARCHIVE)) {
      const name = checkedName(unquote(key.slice(LIBARCHIVE.length)), place);
      xattrs ??= new Map();
      if (!values.has(`${SCHILY}${name}`)) xattrs.set(name, decodeBase64(value, place));
    }
  }
  return xattrs ?? NONE;
}

function checkedName(name: string, place: Place): string {
  if (name === '' || name.includes('\0')) throw tarInvalid(place, 'the name of an extended attribute is not valid');
  return name;
}

function unquote(name: string): string {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Checked here, because Node silently skips other characters. bsdtar writes no padding. */
function decodeBase64(text: string, place: Place): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw tarInvalid(place, 'the value of an extended attribute is no base64');
  return Buffer.from(text, 'base64');
}

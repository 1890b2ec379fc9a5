import { CONTAINER_NAME } from '../../store-layout.ts';
import { replaceUnsafe, unicodeEscape } from '../../unsafe-text.ts';
import type { BindStep, Step } from '../launch-plan.ts';

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function shellEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code > 0xffff) return `\\U${code.toString(16).padStart(8, '0')}`;
  if (code < 0x80) return SHORT_ESCAPES[character] ?? `\\x${code.toString(16).padStart(2, '0')}`;
  return unicodeEscape(character);
}

/** Quotes a word for a shell; characters that a terminal would obey are escaped. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  const plain = word.replace(/[\\']/g, '\\$&');
  const written = replaceUnsafe(plain, shellEscape);
  return written === plain ? `'${word.replaceAll("'", "'\\''")}'` : `$'${written}'`;
}

function attributesOf(attributes: readonly string[], data = ''): string {
  const all = [...attributes, ...(data === '' ? [] : data.split(','))];
  return all.length === 0 ? '' : ` -o ${quote(all.join(','))}`;
}

function formatBind({ source, target, attributes, propagation }: BindStep): string {
  const how = [...attributes, ...(propagation === undefined ? [] : [`r${propagation}`])];
  return `mount --rbind${attributesOf(how)} ${quote(source)} ${quote(`ROOT${target}`)}`;
}

function formatFile({ target, content }: Extract<Step, { do: 'file' }>): string {
  const file = quote(`ROOT${target}`);
  if ('shared' in content) return `mount --bind -o ro ${quote(content.shared)} ${file}`;
  if ('line' in content) {
    return `grep -q ${quote(`:${content.unlessId}:`)} ${file} || echo ${quote(content.line)} >> ${file}`;
  }
  if ('text' in content) return `printf %s ${quote(content.text)} > ${file}`;
  const copied = `cp ${quote(content.hostFile)} ${file}`;
  return content.append === undefined ? copied : `${copied} && printf %s ${quote(content.append)} >> ${file}`;
}

/** Formats a step as the closest command: mount(8), mknod(1) and so on. Paths are below the new root. */
export function formatStep(step: Step): string {
  switch (step.do) {
    case 'private-mounts':
      return 'mount --make-rprivate /';
    case 'hostname':
      return `hostname ${quote(step.name)}`;
    case 'raise-loopback':
      return 'ip link set lo up';
    case 'sysctl':
      return `echo ${quote(step.value)} > /proc/sys/${step.name}`;
    case 'cgroup-namespace':
      return 'unshare --cgroup';
    case 'root': {
      if (step.root.kind === 'directory')
        return `mount --rbind${attributesOf(step.attributes)} ${quote(step.root.path)} ROOT`;
      const { directory, lower, volatile } = step.root;
      const { upper, work } = CONTAINER_NAME;
      const layers = `lowerdir=${lower.join(':')},upperdir=${directory}/${upper},workdir=${directory}/${work}`;
      const data = volatile ? `${layers},volatile` : layers;
      return `mount -t overlay${attributesOf(step.attributes, data)} overlay ROOT`;
    }
    case 'mount': {
      const options = attributesOf(step.attributes, step.data);
      return `mount -t ${step.type}${options} ${step.source ?? step.type} ${quote(`ROOT${step.target}`)}`;
    }
    case 'host-tree':
      return `mount --rbind${attributesOf(step.attributes)} ${quote(step.source)} ${quote(`ROOT${step.target}`)}`;
    case 'directory':
      return `mkdir -m ${step.mode.toString(8)} ${quote(`ROOT${step.target}`)}`;
    case 'device':
      return step.make
        ? `mknod -m 666 ${quote(`ROOT${step.target}`)} c ${step.major} ${step.minor}`
        : `mount --bind ${quote(step.target)} ${quote(`ROOT${step.target}`)}`;
    case 'host-device':
      return `${step.make ? 'cp -a' : 'mount --bind'} ${quote(step.source)} ${quote(`ROOT${step.target}`)}`;
    case 'link':
      return `ln -s ${quote(step.to)} ${quote(`ROOT${step.target}`)}`;
    case 'bind':
      return formatBind(step);
    case 'file':
      return formatFile(step);
    case 'mask':
      return `mount --bind /dev/null ${quote(`ROOT${step.target}`)}`;
    case 'read-only':
      return `mount --bind -o ro ${quote(`ROOT${step.target}`)} ${quote(`ROOT${step.target}`)}`;
    case 'working-directory':
      return `mkdir -p ${quote(`ROOT${step.target}`)}`;
    case 'terminal':
      return 'open a terminal on ROOT/dev/pts';
    case 'pivot':
      return `pivot_root ROOT${step.readOnlyRoot ? ' # read-only' : ''}`;
    case 'chroot':
      return `chroot ROOT${step.readOnlyRoot ? ' # read-only' : ''}`;
  }
}

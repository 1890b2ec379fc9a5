import { parseReference } from '../../../src/oci/reference.ts';
import { hasRegistryTables } from '../../../src/registry/mirrors/has-registry-tables.ts';
import { parseHostsToml } from '../../../src/registry/mirrors/hosts-toml.ts';
import { allowedEntry, hostsByHostsToml, hostsByRegistriesConf } from '../../../src/registry/mirrors/plan-hosts.ts';
import { parseRegistriesConf } from '../../../src/registry/mirrors/registries-conf.ts';
import { codeOrThrow, fault } from '../ending.ts';
import { mutateSome } from '../mutate/mutate-bytes.ts';
import { bytesTarget, type Target } from '../target.ts';

// The files that say which hosts are asked.

const REFERENCES = ['alpine:3.9', 'a.b.example.com/team/app:1', `example.com:5000/x@sha256:${'a'.repeat(64)}`];

const REGISTRIES = [
  `[[registry]]
prefix = "*.example.com"
location = "mirror.example"
insecure = true
[[registry.mirror]]
location = "example.com:5000/hub"
pull-from-mirror = "digest-only"
[aliases]
"app" = "a.example/team/app"
`,
  `[[registry]]
location = "docker.io"
blocked = false
mirror-by-digest-only = true
[[registry.mirror]]
location = "mirror.example/hub"
insecure = true
`,
  '[registries.block]\nregistries = ["docker.io"]\n[registries.insecure]\nregistries = ["example.com:5000"]\n',
];

const HOSTS = [
  `server = "https://registry-1.docker.io"
[host."https://a.example/v2/hub"]
capabilities = ["pull", "resolve"]
override_path = true
ca = ["/a.crt", "b.crt"]
client = [["c.cert", "c.key"]]
dial_timeout = "1m3s"
[host."https://a.example/v2/hub".header]
x-one = ["1", "2"]
[host."http://10.0.0.1:5000"]
skip_verify = true
`,
];

/** Runs a check that may wait. */
async function endingOfAsync(check: () => Promise<void>): Promise<string> {
  try {
    await check();
    return 'accepted';
  } catch (error) {
    return codeOrThrow(error);
  }
}

async function checkRegistries(text: string): Promise<void> {
  const { entries, aliases } = await parseRegistriesConf(text, 'registries.conf');
  if (entries.length > 0 && !hasRegistryTables(text)) throw fault('tables of registries that are not looked for');
  for (const alias of aliases.values()) if (typeof alias !== 'string') throw fault('an alias that is no text');
  for (const reference of REFERENCES.map(parseReference)) {
    const entry = allowedEntry(reference, entries);
    const hosts = entry === undefined ? [] : hostsByRegistriesConf(reference, entry);
    if (entry !== undefined && hosts.filter(({ isLast }) => isLast).length !== 1) throw fault('not one last host');
    for (const { registry, repository } of hosts) {
      const again = parseReference(`${registry}/${repository}`);
      if (again.registry !== registry || again.repository !== repository) throw fault(`${registry}/${repository}`);
    }
  }
}

async function checkHosts(text: string): Promise<void> {
  const file = await parseHostsToml(text, '/certs.d/docker.io', 'hosts.toml');
  const may = { isOrigin: true, isLast: true, resolves: true, pulls: true, pushes: true, insecure: false };
  const plans = hostsByHostsToml({ registry: 'docker.io', repository: 'library/alpine', ...may }, file);
  for (const { entry } of plans) {
    const url = entry?.url;
    if (url !== undefined && !/^https?:$/.test(url.protocol)) throw fault(`a host with ${url.protocol}`);
    if (url?.username || url?.password) throw fault('credentials in a URL');
    for (const [name, value] of Object.entries(entry?.headers ?? {})) {
      if (/[\r\n\0]/.test(name + value)) throw fault(`a header that ends others: ${JSON.stringify([name, value])}`);
    }
    for (const path of entry?.ca ?? []) if (!path.startsWith('/')) throw fault(`a relative file ${path}`);
  }
}

export const REGISTRY_TARGETS: readonly Target[] = [
  bytesTarget({
    name: 'registries-conf',
    rule: 'a registries.conf is refused by an error of tsimg, or each reference has one last host and names that are names',
    seeds: () => REGISTRIES.map((seed) => Buffer.from(seed)),
    mutate: mutateSome,
    run: (input) => endingOfAsync(() => checkRegistries(input.toString('utf8'))),
  }),
  bytesTarget({
    name: 'hosts-toml',
    rule: 'a hosts.toml is refused by an error of tsimg, or its hosts are URLs and its headers end no others',
    seeds: () => HOSTS.map((seed) => Buffer.from(seed)),
    mutate: mutateSome,
    run: (input) => endingOfAsync(() => checkHosts(input.toString('utf8'))),
  }),
];

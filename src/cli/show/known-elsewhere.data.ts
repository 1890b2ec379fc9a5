/** What stands in the place of an option that users know from another program. */
interface KnownElsewhere {
  /** The verbs for which the words are right. */
  readonly verbs: readonly string[];
  readonly words: string;
}

const ASKING = ['pull', 'push', 'copy', 'manifest', 'tags', 'delete', 'attach', 'referrers', 'login'];

const SIGNATURES = 'leave it out: signatures are demanded by policy.json and by options only';
const UNVERIFIED = { verbs: ASKING, words: '--tls-verify=false accepts any certificate, and plain HTTP' };
const ACCOUNT = {
  verbs: ASKING.filter((verb) => verb !== 'login'),
  words: '--creds USER:PASSWORD, or once: tsimg login',
};
const OTHER_PLATFORM = { verbs: ['pull', 'push', 'copy', 'attach'], words: '--platform OS/ARCH[/VARIANT]' };

/**
 * Options of docker, podman, skopeo, crane, regctl and oras that tsimg does not have, and what it has for their
 * purpose: a guess by letters, such as `--format` for `--force`, would mislead.
 */
export const KNOWN_ELSEWHERE: Readonly<Record<string, readonly KnownElsewhere[]>> = {
  '--all': [{ verbs: ['push'], words: 'push sends one image; tsimg copy --all SOURCE SINK sends all platforms' }],
  '--all-platforms': [
    { verbs: ['push'], words: 'push sends one image; tsimg copy --all SOURCE SINK sends all platforms' },
    { verbs: ['copy'], words: '--all copies the images of all platforms' },
  ],
  '--all-tags': [{ verbs: ['pull', 'push', 'copy'], words: 'one tag at a time: tsimg tags REPOSITORY lists them' }],
  '--arch': [OTHER_PLATFORM],
  '--dest-authfile': [
    { verbs: ['copy'], words: '--authfile is for both sides, each registry has its own entry there' },
  ],
  '--dest-compress': [{ verbs: ['copy'], words: '--compression gzip, zstd or none' }],
  '--dest-compress-format': [{ verbs: ['copy'], words: '--compression gzip, zstd or none' }],
  '--dest-compress-level': [{ verbs: ['copy'], words: '--compression-level' }],
  '--dest-decompress': [{ verbs: ['copy'], words: '--compression none' }],
  '--disable-content-trust': [{ verbs: ['pull', 'push'], words: SIGNATURES }],
  '--format': [
    { verbs: ['push', 'copy'], words: 'manifests keep their media types; docker-archive:FILE is what docker loads' },
    { verbs: ['manifest'], words: 'tsimg inspect -f TEMPLATE fills templates' },
  ],
  '--include-tags': [{ verbs: ['copy'], words: 'one tag at a time: tsimg tags REPOSITORY lists them' }],
  '--insecure': [UNVERIFIED],
  '--insecure-policy': [
    { verbs: ['pull', 'push', 'copy'], words: '--signature-policy FILE names another policy.json' },
  ],
  '--multi-arch': [{ verbs: ['copy'], words: '--all copies the images of all platforms' }],
  '--os': [OTHER_PLATFORM],
  '--override-arch': [OTHER_PLATFORM],
  '--override-os': [OTHER_PLATFORM],
  '--password': [ACCOUNT],
  '--plain-http': [UNVERIFIED],
  '--preserve-digests': [{ verbs: ['copy'], words: 'leave it out: digests stay, unless --compression is given' }],
  '--raw': [{ verbs: ['manifest'], words: 'leave it out: the bytes are printed as they are' }],
  '--recursive': [{ verbs: ['copy'], words: '--referrers copies what is attached, --all all platforms' }],
  '--registry-config': [{ verbs: ASKING, words: '--authfile FILE names the file of credentials' }],
  '--remove-signatures': [
    { verbs: ['copy'], words: 'leave it out: what is attached stays behind without --referrers' },
    { verbs: ['push'], words: 'leave it out: what is attached is not sent' },
  ],
  '--src-authfile': [{ verbs: ['copy'], words: '--authfile is for both sides, each registry has its own entry there' }],
  '--src-cert-dir': [
    { verbs: ['copy'], words: '--cert-dir is that of the source, --dest-cert-dir that of the destination' },
  ],
  '--src-creds': [{ verbs: ['copy'], words: '--creds is that of the source, --dest-creds that of the destination' }],
  '--src-tls-verify': [
    { verbs: ['copy'], words: '--tls-verify is that of the source, --dest-tls-verify that of the destination' },
  ],
  '--to-oci-layout': [{ verbs: ['copy'], words: 'oci:PATH[:NAME] is a layout' }],
  '--username': [ACCOUNT],
  '-a': [
    {
      verbs: ['pull'],
      words: 'one tag at a time: tsimg tags REPOSITORY lists them; --all-platforms for the platforms',
    },
    { verbs: ['push'], words: 'push sends one image; tsimg copy --all SOURCE SINK sends all platforms' },
  ],
  '-k': [UNVERIFIED],
  '-p': [ACCOUNT],
  '-r': [{ verbs: ['copy'], words: '--referrers copies what is attached, --all all platforms' }],
  '-u': [ACCOUNT],
};

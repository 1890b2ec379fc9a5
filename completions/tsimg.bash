# bash completion of tsimg. Made by: tsimg completion bash

_tsimg_verbs='pull images unpack ls history inspect save load export verify referrers sbom trust tag rmi store prune pack append config push copy manifest tags delete login logout run create attach exec ps port logs stats start stop restart kill pause unpause wait rm top rename events volume diff commit cp network doctor unshare completion help'
# Of these, what follows the first operand belongs to a command.
_tsimg_ending='run create exec unshare'

# Each of these answers in REPLY.
_tsimg_options() {
  REPLY=''
  case $1 in
    '') REPLY='-v --version --root --json --debug -h --help' ;;
    'pull') REPLY='--allow-foreign-urls --verify-store --all-platforms --dry-run --concurrency --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'images') REPLY='--digests -f --filter --format --no-trunc --root --json --debug --progress -q --quiet -h --help' ;;
    'unpack') REPLY='-f --force --ids --layers --bundle --strict --xattrs --devices --owners --policy --max-size --max-ratio --max-entries --max-depth --max-header --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'ls') REPLY='-l --long --max-size --max-ratio --max-entries --max-depth --max-header --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'history') REPLY='--format --no-trunc --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'inspect') REPLY='--type -s --size -f --format --max-size --max-ratio --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'save') REPLY='-o --output --format --compression --compression-level --max-size --max-ratio --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'load') REPLY='-i --input --max-size --max-ratio --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'export') REPLY='-o --output --max-size --max-ratio --max-entries --max-depth --max-header --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'verify') REPLY='--attestation --all --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'referrers') REPLY='--platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'sbom') REPLY='--key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'trust') REPLY='--mirror --tuf-root --root --json --debug --progress -q --quiet -h --help' ;;
    'tag') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'rmi') REPLY='-f --force --root --json --debug --progress -q --quiet -h --help' ;;
    'store') REPLY='--repair --tls-verify --cert-dir --authfile --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --root --json --debug --progress -q --quiet -h --help' ;;
    'prune') REPLY='-a --all --drop-blobs -f --force --tls-verify --cert-dir --authfile --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --root --json --debug --progress -q --quiet -h --help' ;;
    'pack') REPLY='--concurrency -t --tag -o --output -f --force --author -m --message -e --env --entrypoint --cmd -w --workdir -u --user --expose --volume -l --label --stop-signal --annotation -c --change --clear --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck --compression --compression-level --ids --owner --max-size --max-ratio --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'append') REPLY='--changes --concurrency -t --tag -o --output -f --force --author -m --message --compression --compression-level --ids --owner --max-size --max-ratio --max-entries --max-depth --max-header --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'config') REPLY='--concurrency -t --tag -o --output -f --force --author -m --message -e --env --entrypoint --cmd -w --workdir -u --user --expose --volume -l --label --stop-signal --annotation -c --change --clear --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck --max-size --max-ratio --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'push') REPLY='--chunk-size --compression --compression-level --concurrency --max-size --max-ratio --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'copy') REPLY='-a --all --referrers --allow-foreign-urls -f --force --chunk-size --compression --compression-level --concurrency --max-size --max-ratio --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --dest-creds --dest-tls-verify --dest-cert-dir --root --json --debug --progress -q --quiet -h --help' ;;
    'manifest') REPLY='--digest --list --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'tags') REPLY='--tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'delete') REPLY='-y --yes --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'login') REPLY='-u --username --password-stdin -p --password --get-login --tls-verify --cert-dir --authfile --trust-realm --retry --retry-delay --timeout --root --json --debug --progress -q --quiet -h --help' ;;
    'logout') REPLY='-a --all --authfile --root --json --debug --progress -q --quiet -h --help' ;;
    'run') REPLY='-i --interactive -t --tty -e --env --env-file -w --workdir -u --user --entrypoint -v --volume --tmpfs --read-only -h --hostname --cap-add --cap-drop --pull --name --replace --rm --cidfile -l --label --restart --stop-signal --stop-timeout --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck -m --memory --memory-swap --memory-reservation --cpus --cpu-shares --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --device-read-bps --device-write-bps --device-read-iops --device-write-iops --network --network-alias -p --publish -P --publish-all --expose --dns --dns-search --dns-option --add-host --mount --image-volume --shm-size --group-add --umask --init --ulimit --device --device-cgroup-rule --privileged --security-opt --isolation --time-namespace --userns --ipc --pid --uts --max-size --max-ratio --max-entries --max-depth --max-header --concurrency --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -d --detach --detach-keys --runtime --explain --dry-run --help' ;;
    'create') REPLY='-i --interactive -t --tty -e --env --env-file -w --workdir -u --user --entrypoint -v --volume --tmpfs --read-only -h --hostname --cap-add --cap-drop --pull --name --replace --rm --cidfile -l --label --restart --stop-signal --stop-timeout --health-cmd --health-interval --health-timeout --health-retries --health-start-period --health-start-interval --no-healthcheck -m --memory --memory-swap --memory-reservation --cpus --cpu-shares --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --device-read-bps --device-write-bps --device-read-iops --device-write-iops --network --network-alias -p --publish -P --publish-all --expose --dns --dns-search --dns-option --add-host --mount --image-volume --shm-size --group-add --umask --init --ulimit --device --device-cgroup-rule --privileged --security-opt --isolation --time-namespace --userns --ipc --pid --uts --max-size --max-ratio --max-entries --max-depth --max-header --concurrency --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet --help' ;;
    'attach') REPLY='--no-stdin --detach-keys --sig-proxy --artifact-type --media-type --annotation --platform --disable-path-validation --tls-verify --cert-dir --authfile --creds --trust-realm --registries-conf --hosts-dir --no-mirrors --retry --retry-delay --timeout --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'exec') REPLY='-d --detach -i --interactive -t --tty -e --env --env-file -w --workdir -u --user --privileged --toolbox --dry-run --root --json --debug --progress -q --quiet -h --help' ;;
    'ps') REPLY='-a --all -n --last -l --latest -s --size --format --no-trunc -f --filter --root --json --debug --progress -q --quiet -h --help' ;;
    'port') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'logs') REPLY='-f --follow -n --tail --since --until -t --timestamps --root --json --debug --progress -q --quiet -h --help' ;;
    'stats') REPLY='--no-stream --no-trunc --format --root --json --debug --progress -q --quiet -h --help' ;;
    'start') REPLY='-a --attach -i --interactive --detach-keys --sig-proxy --root --json --debug --progress -q --quiet -h --help' ;;
    'stop') REPLY='-t --time -s --signal --root --json --debug --progress -q --quiet -h --help' ;;
    'restart') REPLY='-t --time --root --json --debug --progress -q --quiet -h --help' ;;
    'kill') REPLY='-s --signal --root --json --debug --progress -q --quiet -h --help' ;;
    'pause') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'unpause') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'wait') REPLY='--condition --root --json --debug --progress -q --quiet -h --help' ;;
    'rm') REPLY='-f --force -v --volumes --root --json --debug --progress -q --quiet -h --help' ;;
    'top') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'rename') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'events') REPLY='--since --until -f --filter --format --root --json --debug --progress -q --quiet -h --help' ;;
    'volume') REPLY='-l --label -d --driver --filter --format -a --all -f --force --root --json --debug --progress -q --quiet -h --help' ;;
    'diff') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'commit') REPLY='-a --author -m --message -c --change -p --pause --compression --compression-level --max-size --max-ratio --root --json --debug --progress -q --quiet -h --help' ;;
    'cp') REPLY='-a --archive -L --follow-link --root --json --debug --progress -q --quiet -h --help' ;;
    'network') REPLY='--subnet --internal -l --label -d --driver --ignore --filter --format -f --force --root --json --debug --progress -q --quiet -h --help' ;;
    'doctor') REPLY='--root --json -h --help' ;;
    'unshare') REPLY='-h --help' ;;
    'completion') REPLY='-h --help' ;;
    'help') REPLY='' ;;
  esac
}

_tsimg_value() {
  REPLY=''
  case $1 in
    ' --root') REPLY='folder' ;;
    'pull --concurrency') REPLY='text' ;;
    'pull --key') REPLY='file' ;;
    'pull --certificate-identity') REPLY='text' ;;
    'pull --certificate-identity-regexp') REPLY='text' ;;
    'pull --certificate-oidc-issuer') REPLY='text' ;;
    'pull --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'pull --trusted-root') REPLY='file' ;;
    'pull --annotation') REPLY='text' ;;
    'pull --signature-policy') REPLY='file' ;;
    'pull --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'pull --tls-verify') REPLY='words true false' ;;
    'pull --cert-dir') REPLY='folder' ;;
    'pull --authfile') REPLY='file' ;;
    'pull --creds') REPLY='text' ;;
    'pull --trust-realm') REPLY='text' ;;
    'pull --registries-conf') REPLY='file' ;;
    'pull --hosts-dir') REPLY='folder' ;;
    'pull --retry') REPLY='text' ;;
    'pull --retry-delay') REPLY='text' ;;
    'pull --timeout') REPLY='text' ;;
    'pull --max-document') REPLY='text' ;;
    'pull --root') REPLY='folder' ;;
    'pull --progress') REPLY='words auto tty plain json none' ;;
    'images -f' | 'images --filter') REPLY='text' ;;
    'images --format') REPLY='words json table' ;;
    'images --root') REPLY='folder' ;;
    'images --progress') REPLY='words auto tty plain json none' ;;
    'unpack --ids') REPLY='words root single subuid' ;;
    'unpack --xattrs') REPLY='words strict warn ignore' ;;
    'unpack --devices') REPLY='words strict warn ignore' ;;
    'unpack --owners') REPLY='words strict warn ignore' ;;
    'unpack --policy') REPLY='text' ;;
    'unpack --max-size') REPLY='text' ;;
    'unpack --max-ratio') REPLY='text' ;;
    'unpack --max-entries') REPLY='text' ;;
    'unpack --max-depth') REPLY='text' ;;
    'unpack --max-header') REPLY='text' ;;
    'unpack --key') REPLY='file' ;;
    'unpack --certificate-identity') REPLY='text' ;;
    'unpack --certificate-identity-regexp') REPLY='text' ;;
    'unpack --certificate-oidc-issuer') REPLY='text' ;;
    'unpack --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'unpack --trusted-root') REPLY='file' ;;
    'unpack --annotation') REPLY='text' ;;
    'unpack --signature-policy') REPLY='file' ;;
    'unpack --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'unpack --tls-verify') REPLY='words true false' ;;
    'unpack --cert-dir') REPLY='folder' ;;
    'unpack --authfile') REPLY='file' ;;
    'unpack --creds') REPLY='text' ;;
    'unpack --trust-realm') REPLY='text' ;;
    'unpack --registries-conf') REPLY='file' ;;
    'unpack --hosts-dir') REPLY='folder' ;;
    'unpack --retry') REPLY='text' ;;
    'unpack --retry-delay') REPLY='text' ;;
    'unpack --timeout') REPLY='text' ;;
    'unpack --max-document') REPLY='text' ;;
    'unpack --root') REPLY='folder' ;;
    'unpack --progress') REPLY='words auto tty plain json none' ;;
    'ls --max-size') REPLY='text' ;;
    'ls --max-ratio') REPLY='text' ;;
    'ls --max-entries') REPLY='text' ;;
    'ls --max-depth') REPLY='text' ;;
    'ls --max-header') REPLY='text' ;;
    'ls --signature-policy') REPLY='file' ;;
    'ls --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'ls --tls-verify') REPLY='words true false' ;;
    'ls --cert-dir') REPLY='folder' ;;
    'ls --authfile') REPLY='file' ;;
    'ls --creds') REPLY='text' ;;
    'ls --trust-realm') REPLY='text' ;;
    'ls --registries-conf') REPLY='file' ;;
    'ls --hosts-dir') REPLY='folder' ;;
    'ls --retry') REPLY='text' ;;
    'ls --retry-delay') REPLY='text' ;;
    'ls --timeout') REPLY='text' ;;
    'ls --max-document') REPLY='text' ;;
    'ls --root') REPLY='folder' ;;
    'ls --progress') REPLY='words auto tty plain json none' ;;
    'history --format') REPLY='words json table' ;;
    'history --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'history --tls-verify') REPLY='words true false' ;;
    'history --cert-dir') REPLY='folder' ;;
    'history --authfile') REPLY='file' ;;
    'history --creds') REPLY='text' ;;
    'history --trust-realm') REPLY='text' ;;
    'history --registries-conf') REPLY='file' ;;
    'history --hosts-dir') REPLY='folder' ;;
    'history --retry') REPLY='text' ;;
    'history --retry-delay') REPLY='text' ;;
    'history --timeout') REPLY='text' ;;
    'history --max-document') REPLY='text' ;;
    'history --root') REPLY='folder' ;;
    'history --progress') REPLY='words auto tty plain json none' ;;
    'inspect --type') REPLY='words container image' ;;
    'inspect -f' | 'inspect --format') REPLY='words json table' ;;
    'inspect --max-size') REPLY='text' ;;
    'inspect --max-ratio') REPLY='text' ;;
    'inspect --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'inspect --tls-verify') REPLY='words true false' ;;
    'inspect --cert-dir') REPLY='folder' ;;
    'inspect --authfile') REPLY='file' ;;
    'inspect --creds') REPLY='text' ;;
    'inspect --trust-realm') REPLY='text' ;;
    'inspect --registries-conf') REPLY='file' ;;
    'inspect --hosts-dir') REPLY='folder' ;;
    'inspect --retry') REPLY='text' ;;
    'inspect --retry-delay') REPLY='text' ;;
    'inspect --timeout') REPLY='text' ;;
    'inspect --max-document') REPLY='text' ;;
    'inspect --root') REPLY='folder' ;;
    'inspect --progress') REPLY='words auto tty plain json none' ;;
    'save -o' | 'save --output') REPLY='file' ;;
    'save --format') REPLY='words docker-archive oci-archive oci-dir' ;;
    'save --compression') REPLY='words gzip zstd none keep' ;;
    'save --compression-level') REPLY='text' ;;
    'save --max-size') REPLY='text' ;;
    'save --max-ratio') REPLY='text' ;;
    'save --signature-policy') REPLY='file' ;;
    'save --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'save --tls-verify') REPLY='words true false' ;;
    'save --cert-dir') REPLY='folder' ;;
    'save --authfile') REPLY='file' ;;
    'save --creds') REPLY='text' ;;
    'save --trust-realm') REPLY='text' ;;
    'save --registries-conf') REPLY='file' ;;
    'save --hosts-dir') REPLY='folder' ;;
    'save --retry') REPLY='text' ;;
    'save --retry-delay') REPLY='text' ;;
    'save --timeout') REPLY='text' ;;
    'save --max-document') REPLY='text' ;;
    'save --root') REPLY='folder' ;;
    'save --progress') REPLY='words auto tty plain json none' ;;
    'load -i' | 'load --input') REPLY='file' ;;
    'load --max-size') REPLY='text' ;;
    'load --max-ratio') REPLY='text' ;;
    'load --signature-policy') REPLY='file' ;;
    'load --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'load --tls-verify') REPLY='words true false' ;;
    'load --cert-dir') REPLY='folder' ;;
    'load --authfile') REPLY='file' ;;
    'load --creds') REPLY='text' ;;
    'load --trust-realm') REPLY='text' ;;
    'load --registries-conf') REPLY='file' ;;
    'load --hosts-dir') REPLY='folder' ;;
    'load --retry') REPLY='text' ;;
    'load --retry-delay') REPLY='text' ;;
    'load --timeout') REPLY='text' ;;
    'load --max-document') REPLY='text' ;;
    'load --root') REPLY='folder' ;;
    'load --progress') REPLY='words auto tty plain json none' ;;
    'export -o' | 'export --output') REPLY='file' ;;
    'export --max-size') REPLY='text' ;;
    'export --max-ratio') REPLY='text' ;;
    'export --max-entries') REPLY='text' ;;
    'export --max-depth') REPLY='text' ;;
    'export --max-header') REPLY='text' ;;
    'export --signature-policy') REPLY='file' ;;
    'export --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'export --tls-verify') REPLY='words true false' ;;
    'export --cert-dir') REPLY='folder' ;;
    'export --authfile') REPLY='file' ;;
    'export --creds') REPLY='text' ;;
    'export --trust-realm') REPLY='text' ;;
    'export --registries-conf') REPLY='file' ;;
    'export --hosts-dir') REPLY='folder' ;;
    'export --retry') REPLY='text' ;;
    'export --retry-delay') REPLY='text' ;;
    'export --timeout') REPLY='text' ;;
    'export --max-document') REPLY='text' ;;
    'export --root') REPLY='folder' ;;
    'export --progress') REPLY='words auto tty plain json none' ;;
    'verify --attestation') REPLY='text' ;;
    'verify --key') REPLY='file' ;;
    'verify --certificate-identity') REPLY='text' ;;
    'verify --certificate-identity-regexp') REPLY='text' ;;
    'verify --certificate-oidc-issuer') REPLY='text' ;;
    'verify --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'verify --trusted-root') REPLY='file' ;;
    'verify -a' | 'verify --annotation') REPLY='text' ;;
    'verify --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'verify --tls-verify') REPLY='words true false' ;;
    'verify --cert-dir') REPLY='folder' ;;
    'verify --authfile') REPLY='file' ;;
    'verify --creds') REPLY='text' ;;
    'verify --trust-realm') REPLY='text' ;;
    'verify --registries-conf') REPLY='file' ;;
    'verify --hosts-dir') REPLY='folder' ;;
    'verify --retry') REPLY='text' ;;
    'verify --retry-delay') REPLY='text' ;;
    'verify --timeout') REPLY='text' ;;
    'verify --max-document') REPLY='text' ;;
    'verify --root') REPLY='folder' ;;
    'verify --progress') REPLY='words auto tty plain json none' ;;
    'referrers --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'referrers --tls-verify') REPLY='words true false' ;;
    'referrers --cert-dir') REPLY='folder' ;;
    'referrers --authfile') REPLY='file' ;;
    'referrers --creds') REPLY='text' ;;
    'referrers --trust-realm') REPLY='text' ;;
    'referrers --registries-conf') REPLY='file' ;;
    'referrers --hosts-dir') REPLY='folder' ;;
    'referrers --retry') REPLY='text' ;;
    'referrers --retry-delay') REPLY='text' ;;
    'referrers --timeout') REPLY='text' ;;
    'referrers --max-document') REPLY='text' ;;
    'referrers --root') REPLY='folder' ;;
    'referrers --progress') REPLY='words auto tty plain json none' ;;
    'sbom --key') REPLY='file' ;;
    'sbom --certificate-identity') REPLY='text' ;;
    'sbom --certificate-identity-regexp') REPLY='text' ;;
    'sbom --certificate-oidc-issuer') REPLY='text' ;;
    'sbom --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'sbom --trusted-root') REPLY='file' ;;
    'sbom -a' | 'sbom --annotation') REPLY='text' ;;
    'sbom --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'sbom --tls-verify') REPLY='words true false' ;;
    'sbom --cert-dir') REPLY='folder' ;;
    'sbom --authfile') REPLY='file' ;;
    'sbom --creds') REPLY='text' ;;
    'sbom --trust-realm') REPLY='text' ;;
    'sbom --registries-conf') REPLY='file' ;;
    'sbom --hosts-dir') REPLY='folder' ;;
    'sbom --retry') REPLY='text' ;;
    'sbom --retry-delay') REPLY='text' ;;
    'sbom --timeout') REPLY='text' ;;
    'sbom --max-document') REPLY='text' ;;
    'sbom --root') REPLY='folder' ;;
    'sbom --progress') REPLY='words auto tty plain json none' ;;
    'trust --mirror') REPLY='text' ;;
    'trust --tuf-root') REPLY='file' ;;
    'trust --root') REPLY='folder' ;;
    'trust --progress') REPLY='words auto tty plain json none' ;;
    'tag --root') REPLY='folder' ;;
    'tag --progress') REPLY='words auto tty plain json none' ;;
    'rmi --root') REPLY='folder' ;;
    'rmi --progress') REPLY='words auto tty plain json none' ;;
    'store --tls-verify') REPLY='words true false' ;;
    'store --cert-dir') REPLY='folder' ;;
    'store --authfile') REPLY='file' ;;
    'store --trust-realm') REPLY='text' ;;
    'store --registries-conf') REPLY='file' ;;
    'store --hosts-dir') REPLY='folder' ;;
    'store --retry') REPLY='text' ;;
    'store --retry-delay') REPLY='text' ;;
    'store --timeout') REPLY='text' ;;
    'store --root') REPLY='folder' ;;
    'store --progress') REPLY='words auto tty plain json none' ;;
    'prune --tls-verify') REPLY='words true false' ;;
    'prune --cert-dir') REPLY='folder' ;;
    'prune --authfile') REPLY='file' ;;
    'prune --trust-realm') REPLY='text' ;;
    'prune --registries-conf') REPLY='file' ;;
    'prune --hosts-dir') REPLY='folder' ;;
    'prune --retry') REPLY='text' ;;
    'prune --retry-delay') REPLY='text' ;;
    'prune --timeout') REPLY='text' ;;
    'prune --root') REPLY='folder' ;;
    'prune --progress') REPLY='words auto tty plain json none' ;;
    'pack --concurrency') REPLY='text' ;;
    'pack -t' | 'pack --tag') REPLY='text' ;;
    'pack -o' | 'pack --output') REPLY='file' ;;
    'pack --author') REPLY='text' ;;
    'pack -m' | 'pack --message') REPLY='text' ;;
    'pack -e' | 'pack --env') REPLY='text' ;;
    'pack --entrypoint') REPLY='text' ;;
    'pack --cmd') REPLY='text' ;;
    'pack -w' | 'pack --workdir') REPLY='file' ;;
    'pack -u' | 'pack --user') REPLY='text' ;;
    'pack --expose') REPLY='text' ;;
    'pack --volume') REPLY='file' ;;
    'pack -l' | 'pack --label') REPLY='text' ;;
    'pack --stop-signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'pack --annotation') REPLY='text' ;;
    'pack -c' | 'pack --change') REPLY='text' ;;
    'pack --clear') REPLY='text' ;;
    'pack --health-cmd') REPLY='text' ;;
    'pack --health-interval') REPLY='text' ;;
    'pack --health-timeout') REPLY='text' ;;
    'pack --health-retries') REPLY='text' ;;
    'pack --health-start-period') REPLY='text' ;;
    'pack --health-start-interval') REPLY='text' ;;
    'pack --compression') REPLY='words gzip zstd none' ;;
    'pack --compression-level') REPLY='text' ;;
    'pack --ids') REPLY='words root single' ;;
    'pack --owner') REPLY='text' ;;
    'pack --max-size') REPLY='text' ;;
    'pack --max-ratio') REPLY='text' ;;
    'pack --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'pack --tls-verify') REPLY='words true false' ;;
    'pack --cert-dir') REPLY='folder' ;;
    'pack --authfile') REPLY='file' ;;
    'pack --creds') REPLY='text' ;;
    'pack --trust-realm') REPLY='text' ;;
    'pack --registries-conf') REPLY='file' ;;
    'pack --hosts-dir') REPLY='folder' ;;
    'pack --retry') REPLY='text' ;;
    'pack --retry-delay') REPLY='text' ;;
    'pack --timeout') REPLY='text' ;;
    'pack --max-document') REPLY='text' ;;
    'pack --root') REPLY='folder' ;;
    'pack --progress') REPLY='words auto tty plain json none' ;;
    'append --changes') REPLY='folder' ;;
    'append --concurrency') REPLY='text' ;;
    'append -t' | 'append --tag') REPLY='text' ;;
    'append -o' | 'append --output') REPLY='file' ;;
    'append --author') REPLY='text' ;;
    'append -m' | 'append --message') REPLY='text' ;;
    'append --compression') REPLY='words gzip zstd none' ;;
    'append --compression-level') REPLY='text' ;;
    'append --ids') REPLY='words root single' ;;
    'append --owner') REPLY='text' ;;
    'append --max-size') REPLY='text' ;;
    'append --max-ratio') REPLY='text' ;;
    'append --max-entries') REPLY='text' ;;
    'append --max-depth') REPLY='text' ;;
    'append --max-header') REPLY='text' ;;
    'append --signature-policy') REPLY='file' ;;
    'append --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'append --tls-verify') REPLY='words true false' ;;
    'append --cert-dir') REPLY='folder' ;;
    'append --authfile') REPLY='file' ;;
    'append --creds') REPLY='text' ;;
    'append --trust-realm') REPLY='text' ;;
    'append --registries-conf') REPLY='file' ;;
    'append --hosts-dir') REPLY='folder' ;;
    'append --retry') REPLY='text' ;;
    'append --retry-delay') REPLY='text' ;;
    'append --timeout') REPLY='text' ;;
    'append --max-document') REPLY='text' ;;
    'append --root') REPLY='folder' ;;
    'append --progress') REPLY='words auto tty plain json none' ;;
    'config --concurrency') REPLY='text' ;;
    'config -t' | 'config --tag') REPLY='text' ;;
    'config -o' | 'config --output') REPLY='file' ;;
    'config --author') REPLY='text' ;;
    'config -m' | 'config --message') REPLY='text' ;;
    'config -e' | 'config --env') REPLY='text' ;;
    'config --entrypoint') REPLY='text' ;;
    'config --cmd') REPLY='text' ;;
    'config -w' | 'config --workdir') REPLY='file' ;;
    'config -u' | 'config --user') REPLY='text' ;;
    'config --expose') REPLY='text' ;;
    'config --volume') REPLY='file' ;;
    'config -l' | 'config --label') REPLY='text' ;;
    'config --stop-signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'config --annotation') REPLY='text' ;;
    'config -c' | 'config --change') REPLY='text' ;;
    'config --clear') REPLY='text' ;;
    'config --health-cmd') REPLY='text' ;;
    'config --health-interval') REPLY='text' ;;
    'config --health-timeout') REPLY='text' ;;
    'config --health-retries') REPLY='text' ;;
    'config --health-start-period') REPLY='text' ;;
    'config --health-start-interval') REPLY='text' ;;
    'config --max-size') REPLY='text' ;;
    'config --max-ratio') REPLY='text' ;;
    'config --signature-policy') REPLY='file' ;;
    'config --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'config --tls-verify') REPLY='words true false' ;;
    'config --cert-dir') REPLY='folder' ;;
    'config --authfile') REPLY='file' ;;
    'config --creds') REPLY='text' ;;
    'config --trust-realm') REPLY='text' ;;
    'config --registries-conf') REPLY='file' ;;
    'config --hosts-dir') REPLY='folder' ;;
    'config --retry') REPLY='text' ;;
    'config --retry-delay') REPLY='text' ;;
    'config --timeout') REPLY='text' ;;
    'config --max-document') REPLY='text' ;;
    'config --root') REPLY='folder' ;;
    'config --progress') REPLY='words auto tty plain json none' ;;
    'push --chunk-size') REPLY='text' ;;
    'push --compression') REPLY='words gzip zstd none keep' ;;
    'push --compression-level') REPLY='text' ;;
    'push --concurrency') REPLY='text' ;;
    'push --max-size') REPLY='text' ;;
    'push --max-ratio') REPLY='text' ;;
    'push --signature-policy') REPLY='file' ;;
    'push --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'push --tls-verify') REPLY='words true false' ;;
    'push --cert-dir') REPLY='folder' ;;
    'push --authfile') REPLY='file' ;;
    'push --creds') REPLY='text' ;;
    'push --trust-realm') REPLY='text' ;;
    'push --registries-conf') REPLY='file' ;;
    'push --hosts-dir') REPLY='folder' ;;
    'push --retry') REPLY='text' ;;
    'push --retry-delay') REPLY='text' ;;
    'push --timeout') REPLY='text' ;;
    'push --max-document') REPLY='text' ;;
    'push --root') REPLY='folder' ;;
    'push --progress') REPLY='words auto tty plain json none' ;;
    'copy --chunk-size') REPLY='text' ;;
    'copy --compression') REPLY='words gzip zstd none keep' ;;
    'copy --compression-level') REPLY='text' ;;
    'copy --concurrency') REPLY='text' ;;
    'copy --max-size') REPLY='text' ;;
    'copy --max-ratio') REPLY='text' ;;
    'copy --signature-policy') REPLY='file' ;;
    'copy --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'copy --tls-verify') REPLY='words true false' ;;
    'copy --cert-dir') REPLY='folder' ;;
    'copy --authfile') REPLY='file' ;;
    'copy --creds') REPLY='text' ;;
    'copy --trust-realm') REPLY='text' ;;
    'copy --registries-conf') REPLY='file' ;;
    'copy --hosts-dir') REPLY='folder' ;;
    'copy --retry') REPLY='text' ;;
    'copy --retry-delay') REPLY='text' ;;
    'copy --timeout') REPLY='text' ;;
    'copy --max-document') REPLY='text' ;;
    'copy --dest-creds') REPLY='text' ;;
    'copy --dest-tls-verify') REPLY='words true false' ;;
    'copy --dest-cert-dir') REPLY='folder' ;;
    'copy --root') REPLY='folder' ;;
    'copy --progress') REPLY='words auto tty plain json none' ;;
    'manifest --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'manifest --tls-verify') REPLY='words true false' ;;
    'manifest --cert-dir') REPLY='folder' ;;
    'manifest --authfile') REPLY='file' ;;
    'manifest --creds') REPLY='text' ;;
    'manifest --trust-realm') REPLY='text' ;;
    'manifest --registries-conf') REPLY='file' ;;
    'manifest --hosts-dir') REPLY='folder' ;;
    'manifest --retry') REPLY='text' ;;
    'manifest --retry-delay') REPLY='text' ;;
    'manifest --timeout') REPLY='text' ;;
    'manifest --max-document') REPLY='text' ;;
    'manifest --root') REPLY='folder' ;;
    'manifest --progress') REPLY='words auto tty plain json none' ;;
    'tags --tls-verify') REPLY='words true false' ;;
    'tags --cert-dir') REPLY='folder' ;;
    'tags --authfile') REPLY='file' ;;
    'tags --creds') REPLY='text' ;;
    'tags --trust-realm') REPLY='text' ;;
    'tags --registries-conf') REPLY='file' ;;
    'tags --hosts-dir') REPLY='folder' ;;
    'tags --retry') REPLY='text' ;;
    'tags --retry-delay') REPLY='text' ;;
    'tags --timeout') REPLY='text' ;;
    'tags --max-document') REPLY='text' ;;
    'tags --root') REPLY='folder' ;;
    'tags --progress') REPLY='words auto tty plain json none' ;;
    'delete --tls-verify') REPLY='words true false' ;;
    'delete --cert-dir') REPLY='folder' ;;
    'delete --authfile') REPLY='file' ;;
    'delete --creds') REPLY='text' ;;
    'delete --trust-realm') REPLY='text' ;;
    'delete --registries-conf') REPLY='file' ;;
    'delete --hosts-dir') REPLY='folder' ;;
    'delete --retry') REPLY='text' ;;
    'delete --retry-delay') REPLY='text' ;;
    'delete --timeout') REPLY='text' ;;
    'delete --max-document') REPLY='text' ;;
    'delete --root') REPLY='folder' ;;
    'delete --progress') REPLY='words auto tty plain json none' ;;
    'login -u' | 'login --username') REPLY='text' ;;
    'login -p' | 'login --password') REPLY='text' ;;
    'login --tls-verify') REPLY='words true false' ;;
    'login --cert-dir') REPLY='folder' ;;
    'login --authfile') REPLY='file' ;;
    'login --trust-realm') REPLY='text' ;;
    'login --retry') REPLY='text' ;;
    'login --retry-delay') REPLY='text' ;;
    'login --timeout') REPLY='text' ;;
    'login --root') REPLY='folder' ;;
    'login --progress') REPLY='words auto tty plain json none' ;;
    'logout --authfile') REPLY='file' ;;
    'logout --root') REPLY='folder' ;;
    'logout --progress') REPLY='words auto tty plain json none' ;;
    'run -e' | 'run --env') REPLY='text' ;;
    'run --env-file') REPLY='file' ;;
    'run -w' | 'run --workdir') REPLY='folder' ;;
    'run -u' | 'run --user') REPLY='text' ;;
    'run --entrypoint') REPLY='text' ;;
    'run -v' | 'run --volume') REPLY='text' ;;
    'run --tmpfs') REPLY='text' ;;
    'run -h' | 'run --hostname') REPLY='text' ;;
    'run --cap-add') REPLY='words ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' ;;
    'run --cap-drop') REPLY='words ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' ;;
    'run --pull') REPLY='words always missing never' ;;
    'run --name') REPLY='text' ;;
    'run --cidfile') REPLY='file' ;;
    'run -l' | 'run --label') REPLY='text' ;;
    'run --restart') REPLY='words no on-failure always unless-stopped' ;;
    'run --stop-signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'run --stop-timeout') REPLY='text' ;;
    'run --health-cmd') REPLY='text' ;;
    'run --health-interval') REPLY='text' ;;
    'run --health-timeout') REPLY='text' ;;
    'run --health-retries') REPLY='text' ;;
    'run --health-start-period') REPLY='text' ;;
    'run --health-start-interval') REPLY='text' ;;
    'run -m' | 'run --memory') REPLY='text' ;;
    'run --memory-swap') REPLY='text' ;;
    'run --memory-reservation') REPLY='text' ;;
    'run --cpus') REPLY='text' ;;
    'run --cpu-shares') REPLY='text' ;;
    'run --cpuset-cpus') REPLY='text' ;;
    'run --cpuset-mems') REPLY='text' ;;
    'run --pids-limit') REPLY='text' ;;
    'run --blkio-weight') REPLY='text' ;;
    'run --device-read-bps') REPLY='text' ;;
    'run --device-write-bps') REPLY='text' ;;
    'run --device-read-iops') REPLY='text' ;;
    'run --device-write-iops') REPLY='text' ;;
    'run --network') REPLY='words none host bridge pasta slirp4netns container: ns:' ;;
    'run --network-alias') REPLY='text' ;;
    'run -p' | 'run --publish') REPLY='text' ;;
    'run --expose') REPLY='text' ;;
    'run --dns') REPLY='text' ;;
    'run --dns-search') REPLY='text' ;;
    'run --dns-option') REPLY='text' ;;
    'run --add-host') REPLY='text' ;;
    'run --mount') REPLY='words type=bind, type=volume, type=tmpfs,' ;;
    'run --image-volume') REPLY='words bind anonymous tmpfs ignore' ;;
    'run --shm-size') REPLY='text' ;;
    'run --group-add') REPLY='text' ;;
    'run --umask') REPLY='text' ;;
    'run --ulimit') REPLY='text' ;;
    'run --device') REPLY='text' ;;
    'run --device-cgroup-rule') REPLY='text' ;;
    'run --security-opt') REPLY='words no-new-privileges seccomp=unconfined seccomp= systempaths=unconfined' ;;
    'run --isolation') REPLY='words pivot chroot' ;;
    'run --userns') REPLY='words host auto keep-id' ;;
    'run --ipc') REPLY='words private host' ;;
    'run --pid') REPLY='words private host' ;;
    'run --uts') REPLY='words private host' ;;
    'run --max-size') REPLY='text' ;;
    'run --max-ratio') REPLY='text' ;;
    'run --max-entries') REPLY='text' ;;
    'run --max-depth') REPLY='text' ;;
    'run --max-header') REPLY='text' ;;
    'run --concurrency') REPLY='text' ;;
    'run --key') REPLY='file' ;;
    'run --certificate-identity') REPLY='text' ;;
    'run --certificate-identity-regexp') REPLY='text' ;;
    'run --certificate-oidc-issuer') REPLY='text' ;;
    'run --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'run --trusted-root') REPLY='file' ;;
    'run --annotation') REPLY='text' ;;
    'run --signature-policy') REPLY='file' ;;
    'run --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'run --tls-verify') REPLY='words true false' ;;
    'run --cert-dir') REPLY='folder' ;;
    'run --authfile') REPLY='file' ;;
    'run --creds') REPLY='text' ;;
    'run --trust-realm') REPLY='text' ;;
    'run --registries-conf') REPLY='file' ;;
    'run --hosts-dir') REPLY='folder' ;;
    'run --retry') REPLY='text' ;;
    'run --retry-delay') REPLY='text' ;;
    'run --timeout') REPLY='text' ;;
    'run --max-document') REPLY='text' ;;
    'run --root') REPLY='folder' ;;
    'run --progress') REPLY='words auto tty plain json none' ;;
    'run --detach-keys') REPLY='text' ;;
    'run --runtime') REPLY='words crun runc' ;;
    'create -e' | 'create --env') REPLY='text' ;;
    'create --env-file') REPLY='file' ;;
    'create -w' | 'create --workdir') REPLY='folder' ;;
    'create -u' | 'create --user') REPLY='text' ;;
    'create --entrypoint') REPLY='text' ;;
    'create -v' | 'create --volume') REPLY='text' ;;
    'create --tmpfs') REPLY='text' ;;
    'create -h' | 'create --hostname') REPLY='text' ;;
    'create --cap-add') REPLY='words ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' ;;
    'create --cap-drop') REPLY='words ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' ;;
    'create --pull') REPLY='words always missing never' ;;
    'create --name') REPLY='text' ;;
    'create --cidfile') REPLY='file' ;;
    'create -l' | 'create --label') REPLY='text' ;;
    'create --restart') REPLY='words no on-failure always unless-stopped' ;;
    'create --stop-signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'create --stop-timeout') REPLY='text' ;;
    'create --health-cmd') REPLY='text' ;;
    'create --health-interval') REPLY='text' ;;
    'create --health-timeout') REPLY='text' ;;
    'create --health-retries') REPLY='text' ;;
    'create --health-start-period') REPLY='text' ;;
    'create --health-start-interval') REPLY='text' ;;
    'create -m' | 'create --memory') REPLY='text' ;;
    'create --memory-swap') REPLY='text' ;;
    'create --memory-reservation') REPLY='text' ;;
    'create --cpus') REPLY='text' ;;
    'create --cpu-shares') REPLY='text' ;;
    'create --cpuset-cpus') REPLY='text' ;;
    'create --cpuset-mems') REPLY='text' ;;
    'create --pids-limit') REPLY='text' ;;
    'create --blkio-weight') REPLY='text' ;;
    'create --device-read-bps') REPLY='text' ;;
    'create --device-write-bps') REPLY='text' ;;
    'create --device-read-iops') REPLY='text' ;;
    'create --device-write-iops') REPLY='text' ;;
    'create --network') REPLY='words none host bridge pasta slirp4netns container: ns:' ;;
    'create --network-alias') REPLY='text' ;;
    'create -p' | 'create --publish') REPLY='text' ;;
    'create --expose') REPLY='text' ;;
    'create --dns') REPLY='text' ;;
    'create --dns-search') REPLY='text' ;;
    'create --dns-option') REPLY='text' ;;
    'create --add-host') REPLY='text' ;;
    'create --mount') REPLY='words type=bind, type=volume, type=tmpfs,' ;;
    'create --image-volume') REPLY='words bind anonymous tmpfs ignore' ;;
    'create --shm-size') REPLY='text' ;;
    'create --group-add') REPLY='text' ;;
    'create --umask') REPLY='text' ;;
    'create --ulimit') REPLY='text' ;;
    'create --device') REPLY='text' ;;
    'create --device-cgroup-rule') REPLY='text' ;;
    'create --security-opt') REPLY='words no-new-privileges seccomp=unconfined seccomp= systempaths=unconfined' ;;
    'create --isolation') REPLY='words pivot chroot' ;;
    'create --userns') REPLY='words host auto keep-id' ;;
    'create --ipc') REPLY='words private host' ;;
    'create --pid') REPLY='words private host' ;;
    'create --uts') REPLY='words private host' ;;
    'create --max-size') REPLY='text' ;;
    'create --max-ratio') REPLY='text' ;;
    'create --max-entries') REPLY='text' ;;
    'create --max-depth') REPLY='text' ;;
    'create --max-header') REPLY='text' ;;
    'create --concurrency') REPLY='text' ;;
    'create --key') REPLY='file' ;;
    'create --certificate-identity') REPLY='text' ;;
    'create --certificate-identity-regexp') REPLY='text' ;;
    'create --certificate-oidc-issuer') REPLY='text' ;;
    'create --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'create --trusted-root') REPLY='file' ;;
    'create --annotation') REPLY='text' ;;
    'create --signature-policy') REPLY='file' ;;
    'create --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'create --tls-verify') REPLY='words true false' ;;
    'create --cert-dir') REPLY='folder' ;;
    'create --authfile') REPLY='file' ;;
    'create --creds') REPLY='text' ;;
    'create --trust-realm') REPLY='text' ;;
    'create --registries-conf') REPLY='file' ;;
    'create --hosts-dir') REPLY='folder' ;;
    'create --retry') REPLY='text' ;;
    'create --retry-delay') REPLY='text' ;;
    'create --timeout') REPLY='text' ;;
    'create --max-document') REPLY='text' ;;
    'create --root') REPLY='folder' ;;
    'create --progress') REPLY='words auto tty plain json none' ;;
    'attach --detach-keys') REPLY='text' ;;
    'attach --sig-proxy') REPLY='words true false' ;;
    'attach --artifact-type') REPLY='text' ;;
    'attach --media-type') REPLY='text' ;;
    'attach --annotation') REPLY='text' ;;
    'attach --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'attach --tls-verify') REPLY='words true false' ;;
    'attach --cert-dir') REPLY='folder' ;;
    'attach --authfile') REPLY='file' ;;
    'attach --creds') REPLY='text' ;;
    'attach --trust-realm') REPLY='text' ;;
    'attach --registries-conf') REPLY='file' ;;
    'attach --hosts-dir') REPLY='folder' ;;
    'attach --retry') REPLY='text' ;;
    'attach --retry-delay') REPLY='text' ;;
    'attach --timeout') REPLY='text' ;;
    'attach --max-document') REPLY='text' ;;
    'attach --root') REPLY='folder' ;;
    'attach --progress') REPLY='words auto tty plain json none' ;;
    'exec -e' | 'exec --env') REPLY='text' ;;
    'exec --env-file') REPLY='file' ;;
    'exec -w' | 'exec --workdir') REPLY='folder' ;;
    'exec -u' | 'exec --user') REPLY='text' ;;
    'exec --toolbox') REPLY='source' ;;
    'exec --root') REPLY='folder' ;;
    'exec --progress') REPLY='words auto tty plain json none' ;;
    'ps -n' | 'ps --last') REPLY='text' ;;
    'ps --format') REPLY='words json table' ;;
    'ps -f' | 'ps --filter') REPLY='text' ;;
    'ps --root') REPLY='folder' ;;
    'ps --progress') REPLY='words auto tty plain json none' ;;
    'port --root') REPLY='folder' ;;
    'port --progress') REPLY='words auto tty plain json none' ;;
    'logs -n' | 'logs --tail') REPLY='text' ;;
    'logs --since') REPLY='text' ;;
    'logs --until') REPLY='text' ;;
    'logs --root') REPLY='folder' ;;
    'logs --progress') REPLY='words auto tty plain json none' ;;
    'stats --format') REPLY='words json table' ;;
    'stats --root') REPLY='folder' ;;
    'stats --progress') REPLY='words auto tty plain json none' ;;
    'start --detach-keys') REPLY='text' ;;
    'start --sig-proxy') REPLY='words true false' ;;
    'start --root') REPLY='folder' ;;
    'start --progress') REPLY='words auto tty plain json none' ;;
    'stop -t' | 'stop --time') REPLY='text' ;;
    'stop -s' | 'stop --signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'stop --root') REPLY='folder' ;;
    'stop --progress') REPLY='words auto tty plain json none' ;;
    'restart -t' | 'restart --time') REPLY='text' ;;
    'restart --root') REPLY='folder' ;;
    'restart --progress') REPLY='words auto tty plain json none' ;;
    'kill -s' | 'kill --signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'kill --root') REPLY='folder' ;;
    'kill --progress') REPLY='words auto tty plain json none' ;;
    'pause --root') REPLY='folder' ;;
    'pause --progress') REPLY='words auto tty plain json none' ;;
    'unpause --root') REPLY='folder' ;;
    'unpause --progress') REPLY='words auto tty plain json none' ;;
    'wait --condition') REPLY='text' ;;
    'wait --root') REPLY='folder' ;;
    'wait --progress') REPLY='words auto tty plain json none' ;;
    'rm --root') REPLY='folder' ;;
    'rm --progress') REPLY='words auto tty plain json none' ;;
    'top --root') REPLY='folder' ;;
    'top --progress') REPLY='words auto tty plain json none' ;;
    'rename --root') REPLY='folder' ;;
    'rename --progress') REPLY='words auto tty plain json none' ;;
    'events --since') REPLY='text' ;;
    'events --until') REPLY='text' ;;
    'events -f' | 'events --filter') REPLY='text' ;;
    'events --format') REPLY='words json table' ;;
    'events --root') REPLY='folder' ;;
    'events --progress') REPLY='words auto tty plain json none' ;;
    'volume -l' | 'volume --label') REPLY='text' ;;
    'volume -d' | 'volume --driver') REPLY='text' ;;
    'volume --filter') REPLY='text' ;;
    'volume --format') REPLY='words json table' ;;
    'volume --root') REPLY='folder' ;;
    'volume --progress') REPLY='words auto tty plain json none' ;;
    'diff --root') REPLY='folder' ;;
    'diff --progress') REPLY='words auto tty plain json none' ;;
    'commit -a' | 'commit --author') REPLY='text' ;;
    'commit -m' | 'commit --message') REPLY='text' ;;
    'commit -c' | 'commit --change') REPLY='text' ;;
    'commit -p' | 'commit --pause') REPLY='optional words true false' ;;
    'commit --compression') REPLY='words gzip zstd none' ;;
    'commit --compression-level') REPLY='text' ;;
    'commit --max-size') REPLY='text' ;;
    'commit --max-ratio') REPLY='text' ;;
    'commit --root') REPLY='folder' ;;
    'commit --progress') REPLY='words auto tty plain json none' ;;
    'cp --root') REPLY='folder' ;;
    'cp --progress') REPLY='words auto tty plain json none' ;;
    'network --subnet') REPLY='text' ;;
    'network -l' | 'network --label') REPLY='text' ;;
    'network -d' | 'network --driver') REPLY='text' ;;
    'network --filter') REPLY='text' ;;
    'network --format') REPLY='words json table' ;;
    'network --root') REPLY='folder' ;;
    'network --progress') REPLY='words auto tty plain json none' ;;
    'doctor --root') REPLY='folder' ;;
  esac
}

_tsimg_operand() {
  REPLY=''
  case $1 in
    'pull '*) REPLY='image' ;;
    'images 0') REPLY='text' ;;
    'unpack 0') REPLY='source' ;;
    'unpack 1') REPLY='folder' ;;
    'ls 0') REPLY='source' ;;
    'history 0') REPLY='image' ;;
    'inspect '*) REPLY='inspected' ;;
    'save '*) REPLY='source' ;;
    'load 0') REPLY='file' ;;
    'export 0') REPLY='source' ;;
    'export 1') REPLY='file' ;;
    'verify 0') REPLY='source' ;;
    'referrers 0') REPLY='source' ;;
    'sbom 0') REPLY='source' ;;
    'trust 0') REPLY='words update' ;;
    'tag 0') REPLY='image' ;;
    'tag 1') REPLY='image' ;;
    'rmi '*) REPLY='image' ;;
    'store 0') REPLY='words check' ;;
    'pack 0') REPLY='file' ;;
    'append 0') REPLY='source' ;;
    'append '*) REPLY='file' ;;
    'config 0') REPLY='source' ;;
    'push 0') REPLY='source' ;;
    'push 1') REPLY='text' ;;
    'copy 0') REPLY='source' ;;
    'copy 1') REPLY='text' ;;
    'manifest 0') REPLY='source' ;;
    'tags 0') REPLY='image' ;;
    'delete 0') REPLY='image' ;;
    'login 0') REPLY='text' ;;
    'logout 0') REPLY='text' ;;
    'run 0') REPLY='rootfs' ;;
    'run '*) REPLY='file' ;;
    'create 0') REPLY='rootfs' ;;
    'create '*) REPLY='file' ;;
    'attach 0') REPLY='inspected' ;;
    'attach '*) REPLY='file' ;;
    'exec 0') REPLY='running' ;;
    'exec '*) REPLY='file' ;;
    'port 0') REPLY='container' ;;
    'port 1') REPLY='text' ;;
    'logs 0') REPLY='container' ;;
    'stats '*) REPLY='running' ;;
    'start '*) REPLY='container' ;;
    'stop '*) REPLY='running' ;;
    'restart '*) REPLY='container' ;;
    'kill '*) REPLY='running' ;;
    'pause '*) REPLY='running' ;;
    'unpause '*) REPLY='running' ;;
    'wait '*) REPLY='container' ;;
    'rm '*) REPLY='container' ;;
    'top 0') REPLY='running' ;;
    'top '*) REPLY='text' ;;
    'rename 0') REPLY='container' ;;
    'rename 1') REPLY='text' ;;
    'volume 0') REPLY='words create ls inspect rm prune' ;;
    'volume '*) REPLY='text' ;;
    'diff 0') REPLY='container' ;;
    'commit 0') REPLY='container' ;;
    'commit 1') REPLY='image' ;;
    'cp 0') REPLY='inside' ;;
    'cp 1') REPLY='inside' ;;
    'network 0') REPLY='words create ls inspect rm prune' ;;
    'network '*) REPLY='text' ;;
    'unshare '*) REPLY='program' ;;
    'completion 0') REPLY='words bash zsh fish' ;;
    'help 0') REPLY='verb' ;;
  esac
}

# Takes the lines that tsimg prints which look like the name of a container or an image; nothing else is believed.
_tsimg_take() {
  local LC_ALL=C name
  while IFS= read -r name; do
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._/:@-]*$ ]] && candidates+=("$name$1")
  done
}

_tsimg_containers() {
  _tsimg_take "$2" < <(command tsimg ps $1 --format '{{.Names}}' "${root[@]}" 2> /dev/null < /dev/null)
}

_tsimg_images() {
  local repository tag rest
  _tsimg_take '' < <(command tsimg images "${root[@]}" 2> /dev/null < /dev/null |
    while read -r repository tag rest; do
      [[ $repository == REPOSITORY && $tag == TAG ]] || printf '%s:%s\n' "$repository" "$tag"
    done)
}

# Adds the candidates of a kind of value. Where none fits, files are what bash itself suggests for them.
_tsimg_suggest() {
  case $1 in
    container) _tsimg_containers -a '' ;;
    running) _tsimg_containers '' '' ;;
    image) _tsimg_images ;;
    source | rootfs) [[ $current == [./~]* ]] || _tsimg_images ;;
    inspected)
      _tsimg_containers -a ''
      _tsimg_images
      ;;
    inside) [[ $current == [./~]* ]] || _tsimg_containers -a : ;;
    verb) candidates+=($_tsimg_verbs) ;;
    program) ((operands > 0)) || _tsimg_take '' < <(compgen -c -- "$current") ;;
    words\ *) candidates+=(${1#words }) ;;
  esac
  case $1 in
    folder) fallback=dirnames ;;
    file | program | source | rootfs | inspected | inside) fallback=default ;;
  esac
}

_tsimg() {
  local IFS=$' \t\n' REPLY rest=${COMP_LINE:0:COMP_POINT} before word index
  local option='' wanted='' verb='' ended='' operands=0
  local current fallback='' prefix='' signs='' tail
  local -a words=() root=() candidates=()
  # bash takes words apart at : and =, which stand in names of images and in options
  for ((index = 0; index <= COMP_CWORD; index++)); do
    before=$rest
    rest=${rest#"${rest%%[![:space:]]*}"}
    word=${COMP_WORDS[index]}
    ((index == COMP_CWORD)) && word=$rest
    if ((index > 0)) && [[ $before == "$rest" ]]; then words[${#words[@]}-1]+=$word; else words+=("$word"); fi
    rest=${rest#"$word"}
  done
  current=${words[${#words[@]}-1]}
  for word in "${words[@]:1:${#words[@]}-2}"; do
    if [[ -n $wanted ]]; then
      [[ $option == --root ]] && root=(--root "${word/#\~\//$HOME/}")
      wanted=''
    elif [[ -z $ended && $word == -- ]]; then
      ended=yes
    elif [[ -z $ended && $word == --*=* ]]; then
      [[ $word == --root=* ]] && root=(--root "${word#--root=}")
    elif [[ -z $ended && $word == --* ]]; then
      option=$word
      _tsimg_value "$verb $option"
      [[ $REPLY == optional\ * ]] || wanted=$REPLY
    elif [[ -z $ended && $word == -?* ]]; then
      # -it, and -ite of which e has a value
      for ((index = 1; index < ${#word}; index++)); do
        option=-${word:index:1}
        _tsimg_value "$verb $option"
        [[ -z $REPLY || $REPLY == optional\ * ]] && continue
        ((index == ${#word} - 1)) && wanted=$REPLY
        break
      done
    elif [[ -z $verb ]]; then
      verb=$word
    else
      ((operands += 1))
      [[ " $_tsimg_ending " == *" $verb "* ]] && ended=yes
    fi
  done

  if [[ -n $wanted ]]; then
    _tsimg_suggest "$wanted"
  elif [[ -z $ended && $current == --*=* ]]; then
    prefix=${current%%=*}=
    _tsimg_value "$verb ${prefix%=}"
    _tsimg_suggest "${REPLY#optional }"
  elif [[ -z $ended && $current == -* ]]; then
    _tsimg_options "$verb"
    candidates=($REPLY)
  elif [[ -z $verb ]]; then
    candidates=($_tsimg_verbs)
  else
    _tsimg_operand "$verb $operands"
    _tsimg_suggest "$REPLY"
  fi

  # readline replaces only what stands behind the last : or =
  for word in = :; do [[ $COMP_WORDBREAKS == *"$word"* ]] && signs+=$word; done
  tail=$current
  [[ -n $signs ]] && tail=${current##*[$signs]}
  COMPREPLY=()
  for word in "${candidates[@]}"; do
    [[ $prefix$word == "$current"* ]] || continue
    word=$prefix$word
    COMPREPLY+=("${word#"${current%"$tail"}"}")
    [[ $word == *[:=,] ]] && compopt -o nospace
  done
  ((${#COMPREPLY[@]} == 0)) && [[ -n $fallback ]] && compopt -o "$fallback"
}

complete -F _tsimg tsimg

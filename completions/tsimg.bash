# bash completion of tsimg. Made by: tsimg completion bash

_tsimg_verbs='pull images unpack ls history inspect save load export verify referrers sbom trust tag rmi prune push copy manifest tags delete login logout run exec ps logs stats start stop restart kill wait rm diff commit cp doctor unshare completion help'
# Of these, what follows the first operand belongs to a command.
_tsimg_ending='run exec unshare'

# Each of these answers in REPLY.
_tsimg_options() {
  REPLY=''
  case $1 in
    '') REPLY='-v --version --root --json --debug -h --help' ;;
    'pull') REPLY='--allow-foreign-urls --verify --max-document --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'images') REPLY='--digests --root --json --debug --progress -q --quiet -h --help' ;;
    'unpack') REPLY='-f --force --ids --layers --bundle --strict --xattrs --devices --owners --policy --max-size --max-ratio --max-document --max-entries --max-depth --max-header --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'ls') REPLY='-l --long --max-size --max-ratio --max-document --max-entries --max-depth --max-header --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'history') REPLY='--no-trunc --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'inspect') REPLY='--type -f --format --max-size --max-ratio --max-document --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'save') REPLY='-o --output --format --max-size --max-ratio --max-document --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'load') REPLY='-i --input --max-size --max-ratio --max-document --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'export') REPLY='-o --output --max-size --max-ratio --max-document --max-entries --max-depth --max-header --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'verify') REPLY='--attestation --all --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'referrers') REPLY='--platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'sbom') REPLY='--key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'trust') REPLY='--mirror --tuf-root --root --json --debug --progress -q --quiet -h --help' ;;
    'tag') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'rmi') REPLY='-f --force --root --json --debug --progress -q --quiet -h --help' ;;
    'prune') REPLY='-a --all -f --force --root --json --debug --progress -q --quiet -h --help' ;;
    'push') REPLY='--chunk-size --max-size --max-ratio --max-document --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'copy') REPLY='-a --all --referrers --chunk-size --max-size --max-ratio --max-document --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --dest-creds --dest-tls-verify --dest-cert-dir --root --json --debug --progress -q --quiet -h --help' ;;
    'manifest') REPLY='--digest --list --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'tags') REPLY='--platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'delete') REPLY='-y --yes --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'login') REPLY='-u --username --password-stdin -p --password --get-login --tls-verify --cert-dir --authfile --trust-realm --root --json --debug --progress -q --quiet -h --help' ;;
    'logout') REPLY='-a --all --authfile --root --json --debug --progress -q --quiet -h --help' ;;
    'run') REPLY='-i --interactive -t --tty -e --env --env-file -w --workdir -u --user --entrypoint -v --volume --tmpfs --read-only -h --hostname --cap-add --cap-drop --runtime --pull --explain --dry-run -d --detach --name --replace --rm --cidfile -l --label --restart --stop-signal --stop-timeout -m --memory --memory-swap --memory-reservation --cpus --cpu-shares --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --device-read-bps --device-write-bps --device-read-iops --device-write-iops --network --network-alias -p --publish --dns --dns-search --dns-option --add-host --mount --image-volume --shm-size --group-add --umask --init --ulimit --device --device-cgroup-rule --privileged --security-opt --isolation --time-namespace --userns --ipc --pid --uts --max-size --max-ratio --max-document --max-entries --max-depth --max-header --key --certificate-identity --certificate-identity-regexp --certificate-oidc-issuer --certificate-oidc-issuer-regexp --trusted-root -a --annotation --insecure-ignore-tlog --insecure-ignore-sct --signature-policy --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --json --debug --progress -q --quiet --help' ;;
    'exec') REPLY='-d --detach -i --interactive -t --tty -e --env --env-file -w --workdir -u --user --privileged --toolbox --dry-run --root --json --debug --progress -q --quiet -h --help' ;;
    'ps') REPLY='-a --all -n --last -l --latest --format --no-trunc --filter --root --json --debug --progress -q --quiet -h --help' ;;
    'logs') REPLY='-f --follow -n --tail --since -t --timestamps --root --json --debug --progress -q --quiet -h --help' ;;
    'stats') REPLY='--no-stream --no-trunc --format --root --json --debug --progress -q --quiet -h --help' ;;
    'start') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'stop') REPLY='-t --time -s --signal --root --json --debug --progress -q --quiet -h --help' ;;
    'restart') REPLY='-t --time --root --json --debug --progress -q --quiet -h --help' ;;
    'kill') REPLY='-s --signal --root --json --debug --progress -q --quiet -h --help' ;;
    'wait') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'rm') REPLY='-f --force --root --json --debug --progress -q --quiet -h --help' ;;
    'diff') REPLY='--root --json --debug --progress -q --quiet -h --help' ;;
    'commit') REPLY='-a --author -m --message -c --change -p --pause --max-size --max-ratio --max-document --root --json --debug --progress -q --quiet -h --help' ;;
    'cp') REPLY='-a --archive -L --follow-link --root --json --debug --progress -q --quiet -h --help' ;;
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
    'pull --max-document') REPLY='text' ;;
    'pull --key') REPLY='file' ;;
    'pull --certificate-identity') REPLY='text' ;;
    'pull --certificate-identity-regexp') REPLY='text' ;;
    'pull --certificate-oidc-issuer') REPLY='text' ;;
    'pull --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'pull --trusted-root') REPLY='file' ;;
    'pull -a' | 'pull --annotation') REPLY='text' ;;
    'pull --signature-policy') REPLY='file' ;;
    'pull --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'pull --tls-verify') REPLY='words true false' ;;
    'pull --cert-dir') REPLY='folder' ;;
    'pull --authfile') REPLY='file' ;;
    'pull --creds') REPLY='text' ;;
    'pull --trust-realm') REPLY='text' ;;
    'pull --root') REPLY='folder' ;;
    'pull --progress') REPLY='words auto tty plain json none' ;;
    'images --root') REPLY='folder' ;;
    'images --progress') REPLY='words auto tty plain json none' ;;
    'unpack --ids') REPLY='words root single subuid' ;;
    'unpack --xattrs') REPLY='words strict warn ignore' ;;
    'unpack --devices') REPLY='words strict warn ignore' ;;
    'unpack --owners') REPLY='words strict warn ignore' ;;
    'unpack --policy') REPLY='text' ;;
    'unpack --max-size') REPLY='text' ;;
    'unpack --max-ratio') REPLY='text' ;;
    'unpack --max-document') REPLY='text' ;;
    'unpack --max-entries') REPLY='text' ;;
    'unpack --max-depth') REPLY='text' ;;
    'unpack --max-header') REPLY='text' ;;
    'unpack --key') REPLY='file' ;;
    'unpack --certificate-identity') REPLY='text' ;;
    'unpack --certificate-identity-regexp') REPLY='text' ;;
    'unpack --certificate-oidc-issuer') REPLY='text' ;;
    'unpack --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'unpack --trusted-root') REPLY='file' ;;
    'unpack -a' | 'unpack --annotation') REPLY='text' ;;
    'unpack --signature-policy') REPLY='file' ;;
    'unpack --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'unpack --tls-verify') REPLY='words true false' ;;
    'unpack --cert-dir') REPLY='folder' ;;
    'unpack --authfile') REPLY='file' ;;
    'unpack --creds') REPLY='text' ;;
    'unpack --trust-realm') REPLY='text' ;;
    'unpack --root') REPLY='folder' ;;
    'unpack --progress') REPLY='words auto tty plain json none' ;;
    'ls --max-size') REPLY='text' ;;
    'ls --max-ratio') REPLY='text' ;;
    'ls --max-document') REPLY='text' ;;
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
    'ls --root') REPLY='folder' ;;
    'ls --progress') REPLY='words auto tty plain json none' ;;
    'history --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'history --tls-verify') REPLY='words true false' ;;
    'history --cert-dir') REPLY='folder' ;;
    'history --authfile') REPLY='file' ;;
    'history --creds') REPLY='text' ;;
    'history --trust-realm') REPLY='text' ;;
    'history --root') REPLY='folder' ;;
    'history --progress') REPLY='words auto tty plain json none' ;;
    'inspect --type') REPLY='words container image' ;;
    'inspect -f' | 'inspect --format') REPLY='words json table' ;;
    'inspect --max-size') REPLY='text' ;;
    'inspect --max-ratio') REPLY='text' ;;
    'inspect --max-document') REPLY='text' ;;
    'inspect --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'inspect --tls-verify') REPLY='words true false' ;;
    'inspect --cert-dir') REPLY='folder' ;;
    'inspect --authfile') REPLY='file' ;;
    'inspect --creds') REPLY='text' ;;
    'inspect --trust-realm') REPLY='text' ;;
    'inspect --root') REPLY='folder' ;;
    'inspect --progress') REPLY='words auto tty plain json none' ;;
    'save -o' | 'save --output') REPLY='file' ;;
    'save --format') REPLY='words docker-archive oci-archive oci-dir' ;;
    'save --max-size') REPLY='text' ;;
    'save --max-ratio') REPLY='text' ;;
    'save --max-document') REPLY='text' ;;
    'save --signature-policy') REPLY='file' ;;
    'save --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'save --tls-verify') REPLY='words true false' ;;
    'save --cert-dir') REPLY='folder' ;;
    'save --authfile') REPLY='file' ;;
    'save --creds') REPLY='text' ;;
    'save --trust-realm') REPLY='text' ;;
    'save --root') REPLY='folder' ;;
    'save --progress') REPLY='words auto tty plain json none' ;;
    'load -i' | 'load --input') REPLY='file' ;;
    'load --max-size') REPLY='text' ;;
    'load --max-ratio') REPLY='text' ;;
    'load --max-document') REPLY='text' ;;
    'load --signature-policy') REPLY='file' ;;
    'load --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'load --tls-verify') REPLY='words true false' ;;
    'load --cert-dir') REPLY='folder' ;;
    'load --authfile') REPLY='file' ;;
    'load --creds') REPLY='text' ;;
    'load --trust-realm') REPLY='text' ;;
    'load --root') REPLY='folder' ;;
    'load --progress') REPLY='words auto tty plain json none' ;;
    'export -o' | 'export --output') REPLY='file' ;;
    'export --max-size') REPLY='text' ;;
    'export --max-ratio') REPLY='text' ;;
    'export --max-document') REPLY='text' ;;
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
    'verify --root') REPLY='folder' ;;
    'verify --progress') REPLY='words auto tty plain json none' ;;
    'referrers --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'referrers --tls-verify') REPLY='words true false' ;;
    'referrers --cert-dir') REPLY='folder' ;;
    'referrers --authfile') REPLY='file' ;;
    'referrers --creds') REPLY='text' ;;
    'referrers --trust-realm') REPLY='text' ;;
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
    'prune --root') REPLY='folder' ;;
    'prune --progress') REPLY='words auto tty plain json none' ;;
    'push --chunk-size') REPLY='text' ;;
    'push --max-size') REPLY='text' ;;
    'push --max-ratio') REPLY='text' ;;
    'push --max-document') REPLY='text' ;;
    'push --signature-policy') REPLY='file' ;;
    'push --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'push --tls-verify') REPLY='words true false' ;;
    'push --cert-dir') REPLY='folder' ;;
    'push --authfile') REPLY='file' ;;
    'push --creds') REPLY='text' ;;
    'push --trust-realm') REPLY='text' ;;
    'push --root') REPLY='folder' ;;
    'push --progress') REPLY='words auto tty plain json none' ;;
    'copy --chunk-size') REPLY='text' ;;
    'copy --max-size') REPLY='text' ;;
    'copy --max-ratio') REPLY='text' ;;
    'copy --max-document') REPLY='text' ;;
    'copy --signature-policy') REPLY='file' ;;
    'copy --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'copy --tls-verify') REPLY='words true false' ;;
    'copy --cert-dir') REPLY='folder' ;;
    'copy --authfile') REPLY='file' ;;
    'copy --creds') REPLY='text' ;;
    'copy --trust-realm') REPLY='text' ;;
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
    'manifest --root') REPLY='folder' ;;
    'manifest --progress') REPLY='words auto tty plain json none' ;;
    'tags --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'tags --tls-verify') REPLY='words true false' ;;
    'tags --cert-dir') REPLY='folder' ;;
    'tags --authfile') REPLY='file' ;;
    'tags --creds') REPLY='text' ;;
    'tags --trust-realm') REPLY='text' ;;
    'tags --root') REPLY='folder' ;;
    'tags --progress') REPLY='words auto tty plain json none' ;;
    'delete --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'delete --tls-verify') REPLY='words true false' ;;
    'delete --cert-dir') REPLY='folder' ;;
    'delete --authfile') REPLY='file' ;;
    'delete --creds') REPLY='text' ;;
    'delete --trust-realm') REPLY='text' ;;
    'delete --root') REPLY='folder' ;;
    'delete --progress') REPLY='words auto tty plain json none' ;;
    'login -u' | 'login --username') REPLY='text' ;;
    'login -p' | 'login --password') REPLY='text' ;;
    'login --tls-verify') REPLY='words true false' ;;
    'login --cert-dir') REPLY='folder' ;;
    'login --authfile') REPLY='file' ;;
    'login --trust-realm') REPLY='text' ;;
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
    'run -v' | 'run --volume') REPLY='file' ;;
    'run --tmpfs') REPLY='text' ;;
    'run -h' | 'run --hostname') REPLY='text' ;;
    'run --cap-add') REPLY='words ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' ;;
    'run --cap-drop') REPLY='words ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' ;;
    'run --runtime') REPLY='words crun runc' ;;
    'run --pull') REPLY='words always missing never' ;;
    'run --name') REPLY='text' ;;
    'run --cidfile') REPLY='file' ;;
    'run -l' | 'run --label') REPLY='text' ;;
    'run --restart') REPLY='words no on-failure always unless-stopped' ;;
    'run --stop-signal') REPLY='words HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' ;;
    'run --stop-timeout') REPLY='text' ;;
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
    'run --dns') REPLY='text' ;;
    'run --dns-search') REPLY='text' ;;
    'run --dns-option') REPLY='text' ;;
    'run --add-host') REPLY='text' ;;
    'run --mount') REPLY='words type=bind, type=tmpfs,' ;;
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
    'run --max-document') REPLY='text' ;;
    'run --max-entries') REPLY='text' ;;
    'run --max-depth') REPLY='text' ;;
    'run --max-header') REPLY='text' ;;
    'run --key') REPLY='file' ;;
    'run --certificate-identity') REPLY='text' ;;
    'run --certificate-identity-regexp') REPLY='text' ;;
    'run --certificate-oidc-issuer') REPLY='text' ;;
    'run --certificate-oidc-issuer-regexp') REPLY='text' ;;
    'run --trusted-root') REPLY='file' ;;
    'run -a' | 'run --annotation') REPLY='text' ;;
    'run --signature-policy') REPLY='file' ;;
    'run --platform') REPLY='words linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' ;;
    'run --tls-verify') REPLY='words true false' ;;
    'run --cert-dir') REPLY='folder' ;;
    'run --authfile') REPLY='file' ;;
    'run --creds') REPLY='text' ;;
    'run --trust-realm') REPLY='text' ;;
    'run --root') REPLY='folder' ;;
    'run --progress') REPLY='words auto tty plain json none' ;;
    'exec -e' | 'exec --env') REPLY='text' ;;
    'exec --env-file') REPLY='file' ;;
    'exec -w' | 'exec --workdir') REPLY='folder' ;;
    'exec -u' | 'exec --user') REPLY='text' ;;
    'exec --toolbox') REPLY='source' ;;
    'exec --root') REPLY='folder' ;;
    'exec --progress') REPLY='words auto tty plain json none' ;;
    'ps -n' | 'ps --last') REPLY='text' ;;
    'ps --format') REPLY='words json table' ;;
    'ps --filter') REPLY='text' ;;
    'ps --root') REPLY='folder' ;;
    'ps --progress') REPLY='words auto tty plain json none' ;;
    'logs -n' | 'logs --tail') REPLY='text' ;;
    'logs --since') REPLY='text' ;;
    'logs --root') REPLY='folder' ;;
    'logs --progress') REPLY='words auto tty plain json none' ;;
    'stats --format') REPLY='words json table' ;;
    'stats --root') REPLY='folder' ;;
    'stats --progress') REPLY='words auto tty plain json none' ;;
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
    'wait --root') REPLY='folder' ;;
    'wait --progress') REPLY='words auto tty plain json none' ;;
    'rm --root') REPLY='folder' ;;
    'rm --progress') REPLY='words auto tty plain json none' ;;
    'diff --root') REPLY='folder' ;;
    'diff --progress') REPLY='words auto tty plain json none' ;;
    'commit -a' | 'commit --author') REPLY='text' ;;
    'commit -m' | 'commit --message') REPLY='text' ;;
    'commit -c' | 'commit --change') REPLY='text' ;;
    'commit -p' | 'commit --pause') REPLY='optional words true false' ;;
    'commit --max-size') REPLY='text' ;;
    'commit --max-ratio') REPLY='text' ;;
    'commit --max-document') REPLY='text' ;;
    'commit --root') REPLY='folder' ;;
    'commit --progress') REPLY='words auto tty plain json none' ;;
    'cp --root') REPLY='folder' ;;
    'cp --progress') REPLY='words auto tty plain json none' ;;
    'doctor --root') REPLY='folder' ;;
  esac
}

_tsimg_operand() {
  REPLY=''
  case $1 in
    'pull '*) REPLY='image' ;;
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
    'exec 0') REPLY='running' ;;
    'exec '*) REPLY='file' ;;
    'logs 0') REPLY='container' ;;
    'stats '*) REPLY='running' ;;
    'start '*) REPLY='container' ;;
    'stop '*) REPLY='running' ;;
    'restart '*) REPLY='container' ;;
    'kill '*) REPLY='running' ;;
    'wait '*) REPLY='container' ;;
    'rm '*) REPLY='container' ;;
    'diff 0') REPLY='container' ;;
    'commit 0') REPLY='container' ;;
    'commit 1') REPLY='image' ;;
    'cp 0') REPLY='inside' ;;
    'cp 1') REPLY='inside' ;;
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

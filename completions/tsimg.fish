# fish completion of tsimg. Made by: tsimg completion fish

set -g __tsimg_verbs pull images unpack ls tags history inspect save load export tag rmi prune run exec ps logs stats start stop restart kill wait rm diff commit cp doctor unshare completion help
# Of these, what follows the first operand belongs to a command.
set -g __tsimg_ending run exec unshare

function __tsimg_takes_value
    switch "$argv[1]"
        case ''
            contains -- $argv[2] --root
        case 'pull'
            contains -- $argv[2] --max-document --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'images'
            contains -- $argv[2] --root --progress
        case 'unpack'
            contains -- $argv[2] --ids --xattrs --devices --owners --policy --max-size --max-ratio --max-document --max-entries --max-depth --max-header --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'ls'
            contains -- $argv[2] --max-size --max-ratio --max-document --max-entries --max-depth --max-header --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'tags'
            contains -- $argv[2] --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'history'
            contains -- $argv[2] --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'inspect'
            contains -- $argv[2] --type -f --format --max-size --max-ratio --max-document --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'save'
            contains -- $argv[2] -o --output --format --max-size --max-ratio --max-document --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'load'
            contains -- $argv[2] -i --input --max-size --max-ratio --max-document --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'export'
            contains -- $argv[2] -o --output --max-size --max-ratio --max-document --max-entries --max-depth --max-header --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'tag'
            contains -- $argv[2] --root --progress
        case 'rmi'
            contains -- $argv[2] --root --progress
        case 'prune'
            contains -- $argv[2] --root --progress
        case 'run'
            contains -- $argv[2] -e --env --env-file -w --workdir -u --user --entrypoint -v --volume --tmpfs -h --hostname --cap-add --cap-drop --runtime --pull --name --cidfile -l --label --restart --stop-signal --stop-timeout -m --memory --memory-swap --memory-reservation --cpus --cpu-shares --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --device-read-bps --device-write-bps --device-read-iops --device-write-iops --network --network-alias -p --publish --dns --dns-search --dns-option --add-host --mount --image-volume --shm-size --group-add --umask --ulimit --device --device-cgroup-rule --security-opt --isolation --userns --ipc --pid --uts --max-size --max-ratio --max-document --max-entries --max-depth --max-header --platform --tls-verify --cert-dir --authfile --creds --trust-realm --root --progress
        case 'exec'
            contains -- $argv[2] -e --env --env-file -w --workdir -u --user --toolbox --root --progress
        case 'ps'
            contains -- $argv[2] -n --last --format --filter --root --progress
        case 'logs'
            contains -- $argv[2] -n --tail --since --root --progress
        case 'stats'
            contains -- $argv[2] --format --root --progress
        case 'start'
            contains -- $argv[2] --root --progress
        case 'stop'
            contains -- $argv[2] -t --time -s --signal --root --progress
        case 'restart'
            contains -- $argv[2] -t --time --root --progress
        case 'kill'
            contains -- $argv[2] -s --signal --root --progress
        case 'wait'
            contains -- $argv[2] --root --progress
        case 'rm'
            contains -- $argv[2] --root --progress
        case 'diff'
            contains -- $argv[2] --root --progress
        case 'commit'
            contains -- $argv[2] -a --author -m --message -c --change --max-size --max-ratio --max-document --root --progress
        case 'cp'
            contains -- $argv[2] --root --progress
        case 'doctor'
            contains -- $argv[2] --root
        case 'unshare'
            contains -- $argv[2] 
        case 'completion'
            contains -- $argv[2] 
        case 'help'
            contains -- $argv[2] 
        case '*'
            false
    end
end

# What looks like the name of a container or an image; nothing else that tsimg prints is believed.
set -g __tsimg_name '^[A-Za-z0-9][A-Za-z0-9._/:@-]*$'

function __tsimg_containers
    command tsimg ps $argv --format '{{.Names}}' (__tsimg_line root) 2>/dev/null </dev/null |
        string match -r -- $__tsimg_name
end

function __tsimg_images
    command tsimg images (__tsimg_line root) 2>/dev/null </dev/null | string match -v -r -- '^REPOSITORY +TAG ' |
        string replace -r -- '^(\S+) +(\S+) .*$' '$1:$2' | string match -r -- $__tsimg_name
end

# Reads the words before the cursor. It prints the verb, the number of operands, and "ended" where no option can follow;
# or, when it is asked for root, the --root that was given.
function __tsimg_line
    set -l words (commandline -opc)
    set -l verb ''
    set -l operands 0
    set -l ended ''
    set -l wanted ''
    set -l root
    for word in $words[2..-1]
        if test -n "$wanted"
            test "$wanted" = --root; and set root --root (string replace -r '^~/' "$HOME/" -- $word)
            set wanted ''
        else if test -z "$ended"; and test "$word" = --
            set ended ended
        else if test -z "$ended"; and string match -q -- '--*=*' $word
            string match -q -- '--root=*' $word; and set root $word
        else if test -z "$ended"; and string match -q -- '--*' $word
            __tsimg_takes_value "$verb" $word; and set wanted $word
        else if test -z "$ended"; and string match -q -- '-?*' $word
            # -it, and -ite of which e has a value
            set -l letters (string split '' -- (string sub -s 2 -- $word))
            for index in (seq (count $letters))
                if __tsimg_takes_value "$verb" -$letters[$index]
                    test $index = (count $letters); and set wanted -$letters[$index]
                    break
                end
            end
        else if test -z "$verb"
            set verb $word
        else
            set operands (math $operands + 1)
            contains -- $verb $__tsimg_ending; and set ended ended
        end
    end
    if test "$argv" = root
        test -n "$root"; and printf '%s\n' $root
    else
        # The word here is an option's value, and no operand
        test -n "$wanted"; and set operands -1
        printf '%s\n' "$verb" $operands "$ended"
    end
end

# Whether an option of the verb may stand here
function __tsimg_in
    set -l line (__tsimg_line)
    test "$line[1]" = "$argv[1]"; and test -z "$line[3]"
end

# Whether the operand of the verb with this number stands here; with more, or a later one
function __tsimg_at
    set -l line (__tsimg_line)
    test "$line[1]" = "$argv[1]"; and test "$line[2]" -ge "$argv[2]"; or return
    test -n "$argv[3]"; or test "$line[2]" -eq "$argv[2]"
end

# Whether no verb was named yet
function __tsimg_begins
    set -l line (__tsimg_line)
    test -z "$line[1]"; and test "$line[2]" -eq 0
end

complete -c tsimg -f

complete -c tsimg -n '__tsimg_in \'\'' -s v -l version -d 'print the version'
complete -c tsimg -n '__tsimg_in \'\'' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in \'\'' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in \'\'' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in \'\'' -s h -l help -d 'show help'
complete -c tsimg -n __tsimg_begins -a pull -d 'Pull images from their registries into the store.'
complete -c tsimg -n __tsimg_begins -a images -d 'List the images of the store.'
complete -c tsimg -n __tsimg_begins -a unpack -d 'Make the root filesystem of an image in a directory.'
complete -c tsimg -n __tsimg_begins -a ls -d 'List the files of an image without unpacking it.'
complete -c tsimg -n __tsimg_begins -a tags -d 'List the tags of a repository.'
complete -c tsimg -n __tsimg_begins -a history -d 'List the steps by which an image was made, the newest first.'
complete -c tsimg -n __tsimg_begins -a inspect -d 'Print all about containers and images, as JSON.'
complete -c tsimg -n __tsimg_begins -a save -d 'Write images to an archive that docker, podman, skopeo and containerd read.'
complete -c tsimg -n __tsimg_begins -a load -d 'Load the images of an archive into the store.'
complete -c tsimg -n __tsimg_begins -a export -d 'Write the root filesystem of an image as one tar archive, the same bytes each time.'
complete -c tsimg -n __tsimg_begins -a tag -d 'Give an image of the store another name.'
complete -c tsimg -n __tsimg_begins -a rmi -d 'Remove images, or one of several names of an image, from the store.'
complete -c tsimg -n __tsimg_begins -a prune -d 'Remove containers that are not running, images without a name, and all that nothing needs.'
complete -c tsimg -n __tsimg_begins -a run -d 'Run a command in a new container of an image, or in a root filesystem.'
complete -c tsimg -n __tsimg_begins -a exec -d 'Run a command in a running container.'
complete -c tsimg -n __tsimg_begins -a ps -d 'List running containers.'
complete -c tsimg -n __tsimg_begins -a logs -d 'Print the output of a detached container, on stdout and stderr as it was written.'
complete -c tsimg -n __tsimg_begins -a stats -d 'Print the resources that containers use, every second.'
complete -c tsimg -n __tsimg_begins -a start -d 'Start ended containers again, in the background, with all that they changed.'
complete -c tsimg -n __tsimg_begins -a stop -d 'Stop containers: send the stop signal, then SIGKILL after the timeout.'
complete -c tsimg -n __tsimg_begins -a restart -d 'Stop containers and start them again.'
complete -c tsimg -n __tsimg_begins -a kill -d 'Send a signal to the command of containers.'
complete -c tsimg -n __tsimg_begins -a wait -d 'Wait until containers have ended, and print their exit statuses.'
complete -c tsimg -n __tsimg_begins -a rm -d 'Remove containers with all that they changed.'
complete -c tsimg -n __tsimg_begins -a diff -d 'List the files that a container added (A), changed (C) or deleted (D).'
complete -c tsimg -n __tsimg_begins -a commit -d 'Make an image of a container, with its changes as one more layer, and print the image’s ID.'
complete -c tsimg -n __tsimg_begins -a cp -d 'Copy files between a container, running or not, and this host.'
complete -c tsimg -n __tsimg_begins -a doctor -d 'Test what containers need of this host, and print what fails, why, and what would help.'
complete -c tsimg -n __tsimg_begins -a unshare -d 'Run a command as root of the user namespace of your containers.'
complete -c tsimg -n __tsimg_begins -a completion -d 'Print the script that completes commands, options and names in a shell.'
complete -c tsimg -n __tsimg_begins -a help -d 'Show help for a command.'
complete -c tsimg -n '__tsimg_in pull' -l allow-foreign-urls -d 'fetch layers that the registry does not have from the URLs in the manifest, anonymously'
complete -c tsimg -n '__tsimg_in pull' -l verify -d 'verify the blobs that the store has of the images, and fetch damaged ones again'
complete -c tsimg -n '__tsimg_in pull' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in pull' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in pull' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in pull' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in pull' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in pull' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in pull' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in pull' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in pull' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in pull' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in pull' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in pull' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in pull' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at pull 0 more' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in images' -l digests -d 'print the digest of each name too'
complete -c tsimg -n '__tsimg_in images' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in images' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in images' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in images' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in images' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in images' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_in unpack' -s f -l force -d 'replace DEST where it is not empty'
complete -c tsimg -n '__tsimg_in unpack' -l ids -x -a 'root single subuid' -d 'the owners of the files: the image’s (root), the caller with owners recorded (single), or subordinate IDs (subuid) (default: root for root, single for others)'
complete -c tsimg -n '__tsimg_in unpack' -l layers -d 'make a directory for each layer, 0 for the base, as overlayfs mounts them'
complete -c tsimg -n '__tsimg_in unpack' -l bundle -d 'make rootfs, and the config.json that an OCI runtime (crun, runc) starts it with'
complete -c tsimg -n '__tsimg_in unpack' -l strict -d 'make every deviation from the image an error, except those that a policy names'
complete -c tsimg -n '__tsimg_in unpack' -l xattrs -x -a 'strict warn ignore' -d 'extended attributes that the file system refuses (default: warn)'
complete -c tsimg -n '__tsimg_in unpack' -l devices -x -a 'strict warn ignore' -d 'devices that become empty files (default: warn)'
complete -c tsimg -n '__tsimg_in unpack' -l owners -x -a 'strict warn ignore' -d 'owners that are recorded and not set (default: warn; strict with --ids subuid)'
complete -c tsimg -n '__tsimg_in unpack' -l policy -x -d 'the policy for another deviation, by its name in the report (default: warn)'
complete -c tsimg -n '__tsimg_in unpack' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in unpack' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in unpack' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in unpack' -l max-entries -x -d 'the most files that the layers make (default: 4000000)'
complete -c tsimg -n '__tsimg_in unpack' -l max-depth -x -d 'the most names in one path (default: 512)'
complete -c tsimg -n '__tsimg_in unpack' -l max-header -x -d 'the most bytes of one file\'s long names and attributes (default: 1m)'
complete -c tsimg -n '__tsimg_in unpack' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in unpack' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in unpack' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in unpack' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in unpack' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in unpack' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in unpack' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in unpack' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in unpack' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in unpack' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in unpack' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in unpack' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at unpack 0' -F -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_at unpack 1' -a '(__fish_complete_directories)'
complete -c tsimg -n '__tsimg_in ls' -s l -l long -d 'print mode, owner, size and time too'
complete -c tsimg -n '__tsimg_in ls' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in ls' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in ls' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in ls' -l max-entries -x -d 'the most files that the layers make (default: 4000000)'
complete -c tsimg -n '__tsimg_in ls' -l max-depth -x -d 'the most names in one path (default: 512)'
complete -c tsimg -n '__tsimg_in ls' -l max-header -x -d 'the most bytes of one file\'s long names and attributes (default: 1m)'
complete -c tsimg -n '__tsimg_in ls' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in ls' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in ls' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in ls' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in ls' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in ls' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in ls' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in ls' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in ls' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in ls' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in ls' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in ls' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at ls 0' -F -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in tags' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in tags' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in tags' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in tags' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in tags' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in tags' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in tags' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in tags' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in tags' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in tags' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in tags' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in tags' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at tags 0' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in history' -l no-trunc -d 'print IDs and commands in full'
complete -c tsimg -n '__tsimg_in history' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in history' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in history' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in history' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in history' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in history' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in history' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in history' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in history' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in history' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in history' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in history' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at history 0' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in inspect' -l type -x -a 'container image' -d 'look for this type only (default: a container, else an image)'
complete -c tsimg -n '__tsimg_in inspect' -s f -l format -x -a 'json table' -d 'print a part, by a template such as \'{{.State.Pid}}\' or \'{{json .Config.Env}}\''
complete -c tsimg -n '__tsimg_in inspect' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in inspect' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in inspect' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in inspect' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in inspect' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in inspect' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in inspect' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in inspect' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in inspect' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in inspect' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in inspect' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in inspect' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in inspect' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in inspect' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in inspect' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at inspect 0 more' -F -a '(__tsimg_containers -a) (__tsimg_images)'
complete -c tsimg -n '__tsimg_in save' -s o -l output -r -F -d 'the file to make, or the directory for oci-dir (default: standard output)'
complete -c tsimg -n '__tsimg_in save' -l format -x -a 'docker-archive oci-archive oci-dir' -d 'the form of the archive'
complete -c tsimg -n '__tsimg_in save' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in save' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in save' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in save' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in save' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in save' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in save' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in save' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in save' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in save' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in save' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in save' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in save' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in save' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in save' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at save 0 more' -F -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in load' -s i -l input -r -F -d 'the archive, in place of SOURCE'
complete -c tsimg -n '__tsimg_in load' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in load' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in load' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in load' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in load' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in load' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in load' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in load' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in load' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in load' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in load' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in load' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in load' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in load' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in load' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at load 0' -F
complete -c tsimg -n '__tsimg_in export' -s o -l output -r -F -d 'the same as FILE'
complete -c tsimg -n '__tsimg_in export' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in export' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in export' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in export' -l max-entries -x -d 'the most files that the layers make (default: 4000000)'
complete -c tsimg -n '__tsimg_in export' -l max-depth -x -d 'the most names in one path (default: 512)'
complete -c tsimg -n '__tsimg_in export' -l max-header -x -d 'the most bytes of one file\'s long names and attributes (default: 1m)'
complete -c tsimg -n '__tsimg_in export' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in export' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in export' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in export' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in export' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in export' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in export' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in export' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in export' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in export' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in export' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in export' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at export 0' -F -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_at export 1' -F
complete -c tsimg -n '__tsimg_in tag' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in tag' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in tag' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in tag' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in tag' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in tag' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at tag 0' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_at tag 1' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in rmi' -s f -l force -d 'remove all names of an image that is given by digest or ID, and the last name of an image that a container uses'
complete -c tsimg -n '__tsimg_in rmi' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in rmi' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in rmi' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in rmi' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in rmi' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in rmi' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at rmi 0 more' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in prune' -s a -l all -d 'remove images with names too'
complete -c tsimg -n '__tsimg_in prune' -s f -l force -d 'do not ask first; without a terminal nothing is asked'
complete -c tsimg -n '__tsimg_in prune' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in prune' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in prune' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in prune' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in prune' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in prune' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_in run' -s i -l interactive -d 'pass standard input to the command; without it the command reads /dev/null'
complete -c tsimg -n '__tsimg_in run' -s t -l tty -d 'give the command a terminal of its own'
complete -c tsimg -n '__tsimg_in run' -s e -l env -x -d 'set a variable; without a value, pass on the caller’s'
complete -c tsimg -n '__tsimg_in run' -l env-file -r -F -d 'set the variables of a file; -e overrides them'
complete -c tsimg -n '__tsimg_in run' -s w -l workdir -x -a '(__fish_complete_directories)' -d 'the directory to start in (default: the image’s, or /)'
complete -c tsimg -n '__tsimg_in run' -s u -l user -x -d 'the user to run as, by name in the image or by number (default: the image’s, or root)'
complete -c tsimg -n '__tsimg_in run' -l entrypoint -x -d 'replace the image’s entrypoint; the image’s command is dropped too'
complete -c tsimg -n '__tsimg_in run' -s v -l volume -r -F -d 'mount a file or directory of the host (options: ro, rw, noexec, nosuid, rslave, rshared …)'
complete -c tsimg -n '__tsimg_in run' -l tmpfs -x -d 'mount an empty file system in memory'
complete -c tsimg -n '__tsimg_in run' -l read-only -d 'make the root filesystem read-only'
complete -c tsimg -n '__tsimg_in run' -s h -l hostname -x -d 'the host name in the container (default: the start of its ID)'
complete -c tsimg -n '__tsimg_in run' -l cap-add -x -a 'ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' -d 'add a capability, or ALL'
complete -c tsimg -n '__tsimg_in run' -l cap-drop -x -a 'ALL CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE' -d 'drop a capability, or ALL'
complete -c tsimg -n '__tsimg_in run' -l runtime -x -a 'crun runc' -d 'use an OCI runtime (crun, runc, or a path); the network is none or host, and no container is kept'
complete -c tsimg -n '__tsimg_in run' -l pull -x -a 'always missing never' -d 'when to pull a reference'
complete -c tsimg -n '__tsimg_in run' -l explain -d 'first print each step as a command line, with its reason, on stderr'
complete -c tsimg -n '__tsimg_in run' -l dry-run -d 'print what would be done, and do nothing; --json prints it as data, --explain as a lesson'
complete -c tsimg -n '__tsimg_in run' -s d -l detach -d 'run in the background, and print the ID once the command runs'
complete -c tsimg -n '__tsimg_in run' -l name -x -d 'the name of the container (default: a random name)'
complete -c tsimg -n '__tsimg_in run' -l replace -d 'first kill and remove the container that has the name'
complete -c tsimg -n '__tsimg_in run' -l rm -d 'remove the container when it ends'
complete -c tsimg -n '__tsimg_in run' -l cidfile -r -F -d 'write the ID to a file that does not exist'
complete -c tsimg -n '__tsimg_in run' -s l -l label -x -d 'add a label to the container'
complete -c tsimg -n '__tsimg_in run' -l restart -x -a 'no on-failure always unless-stopped' -d 'when to start an ended command again: no, on-failure[:times], always or unless-stopped (default: no)'
complete -c tsimg -n '__tsimg_in run' -l stop-signal -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' -d 'the signal that tsimg stop sends first (default: the image’s, or SIGTERM)'
complete -c tsimg -n '__tsimg_in run' -l stop-timeout -x -d 'the time that tsimg stop waits before SIGKILL (default: 10)'
complete -c tsimg -n '__tsimg_in run' -s m -l memory -x -d 'the most memory (suffixes b, k, m, g); beyond it a process is killed (default: no limit)'
complete -c tsimg -n '__tsimg_in run' -l memory-swap -x -d 'the most memory and swap together; -1 for no limit (default: twice --memory)'
complete -c tsimg -n '__tsimg_in run' -l memory-reservation -x -d 'the memory to keep when the host runs short of it (default: none)'
complete -c tsimg -n '__tsimg_in run' -l cpus -x -d 'the most processors, such as 0.5 (default: no limit)'
complete -c tsimg -n '__tsimg_in run' -l cpu-shares -x -d 'the weight when processors are busy (default: 1024, an equal share)'
complete -c tsimg -n '__tsimg_in run' -l cpuset-cpus -x -d 'the processors to run on, such as 0-3,7 (default: all)'
complete -c tsimg -n '__tsimg_in run' -l cpuset-mems -x -d 'the memory nodes to use, such as 0,1 (default: all)'
complete -c tsimg -n '__tsimg_in run' -l pids-limit -x -d 'the most processes and threads; -1 for no limit (default: 2048, on hosts that allow a limit)'
complete -c tsimg -n '__tsimg_in run' -l blkio-weight -x -d 'the weight when disks are busy, 10 to 1000 (default: the kernel’s)'
complete -c tsimg -n '__tsimg_in run' -l device-read-bps -x -d 'the most bytes a second to read from a disk, such as /dev/sda:10m'
complete -c tsimg -n '__tsimg_in run' -l device-write-bps -x -d 'the most bytes a second to write to a disk'
complete -c tsimg -n '__tsimg_in run' -l device-read-iops -x -d 'the most reads a second from a disk'
complete -c tsimg -n '__tsimg_in run' -l device-write-iops -x -d 'the most writes a second to a disk'
complete -c tsimg -n '__tsimg_in run' -l network -x -a 'none host bridge pasta slirp4netns container: ns:' -d 'the network: none, host, bridge (root only), pasta or slirp4netns (ordinary users only), container:NAME or ns:PATH (default: bridge for root, pasta for others)'
complete -c tsimg -n '__tsimg_in run' -l network-alias -x -d 'a further name of the container on the bridge'
complete -c tsimg -n '__tsimg_in run' -s p -l publish -x -d 'publish a port, or a range of ports, of the container on the host'
complete -c tsimg -n '__tsimg_in run' -l dns -x -d 'a name server (default: the host’s)'
complete -c tsimg -n '__tsimg_in run' -l dns-search -x -d 'a domain in which names without a dot are looked up; . for none (default: the host’s)'
complete -c tsimg -n '__tsimg_in run' -l dns-option -x -d 'an option for /etc/resolv.conf (default: the host’s)'
complete -c tsimg -n '__tsimg_in run' -l add-host -x -d 'add a line to /etc/hosts; host-gateway stands for the host'
complete -c tsimg -n '__tsimg_in run' -l mount -x -a 'type=bind, type=tmpfs,' -d 'a mount: type=bind,source=PATH,target=PATH[,readonly] or type=tmpfs,target=PATH'
complete -c tsimg -n '__tsimg_in run' -l image-volume -x -a 'bind anonymous tmpfs ignore' -d 'the volumes of the image: directories of the container (bind, anonymous), memory (tmpfs) or none (ignore) (default: bind)'
complete -c tsimg -n '__tsimg_in run' -l shm-size -x -d 'the size of /dev/shm (default: 64m)'
complete -c tsimg -n '__tsimg_in run' -l group-add -x -d 'add a group, by name or number'
complete -c tsimg -n '__tsimg_in run' -l umask -x -d 'the umask of the command (default: 0022)'
complete -c tsimg -n '__tsimg_in run' -l init -d 'run an init as process 1, which reaps processes and passes signals on (catatonit or tini of the host)'
complete -c tsimg -n '__tsimg_in run' -l ulimit -x -d 'a limit, such as nofile=4096; -1 for no limit'
complete -c tsimg -n '__tsimg_in run' -l device -x -d 'a device of the host, or all devices in a directory; access is letters of rwm, for read, write and mknod (default: rwm)'
complete -c tsimg -n '__tsimg_in run' -l device-cgroup-rule -x -d 'allow devices that the container has or makes a file for, such as \'c 189:* rwm\''
complete -c tsimg -n '__tsimg_in run' -l privileged -d 'give all capabilities and devices; nothing is hidden, read-only or filtered'
complete -c tsimg -n '__tsimg_in run' -l security-opt -x -a 'no-new-privileges seccomp=unconfined seccomp= systempaths=unconfined' -d 'no-new-privileges[=false], seccomp=FILE or seccomp=unconfined, systempaths=unconfined'
complete -c tsimg -n '__tsimg_in run' -l isolation -x -a 'pivot chroot' -d 'change the root by pivot_root, or only by chroot, on hosts that refuse pivot_root (default: pivot)'
complete -c tsimg -n '__tsimg_in run' -l time-namespace -d 'give the container a time namespace of its own'
complete -c tsimg -n '__tsimg_in run' -l userns -x -a 'host auto keep-id' -d 'the user namespace: the host’s (host; for ordinary users one of their own), one in which root is nobody on the host (auto), or, for ordinary users, one in which the caller keeps its IDs (keep-id) (default: host)'
complete -c tsimg -n '__tsimg_in run' -l ipc -x -a 'private host' -d 'message queues and shared memory: of the container, or of the host'
complete -c tsimg -n '__tsimg_in run' -l pid -x -a 'private host' -d 'the processes to see: of the container, or of the host'
complete -c tsimg -n '__tsimg_in run' -l uts -x -a 'private host' -d 'the host name: of the container, or of the host'
complete -c tsimg -n '__tsimg_in run' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in run' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in run' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in run' -l max-entries -x -d 'the most files that the layers make (default: 4000000)'
complete -c tsimg -n '__tsimg_in run' -l max-depth -x -d 'the most names in one path (default: 512)'
complete -c tsimg -n '__tsimg_in run' -l max-header -x -d 'the most bytes of one file\'s long names and attributes (default: 1m)'
complete -c tsimg -n '__tsimg_in run' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/s390x' -d 'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)'
complete -c tsimg -n '__tsimg_in run' -l tls-verify -x -a 'true false' -d 'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)'
complete -c tsimg -n '__tsimg_in run' -l cert-dir -x -a '(__fish_complete_directories)' -d 'the directory of the registry’s certificate authorities and client certificates'
complete -c tsimg -n '__tsimg_in run' -l authfile -r -F -d 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)'
complete -c tsimg -n '__tsimg_in run' -l creds -x -d 'the credentials for this registry'
complete -c tsimg -n '__tsimg_in run' -l trust-realm -x -d 'token servers of other domains that may get the credentials'
complete -c tsimg -n '__tsimg_in run' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in run' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in run' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in run' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in run' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in run' -l help -d 'show help'
complete -c tsimg -n '__tsimg_at run 0' -F -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_at run 1 more' -F
complete -c tsimg -n '__tsimg_in exec' -s d -l detach -d 'run in the background, without output'
complete -c tsimg -n '__tsimg_in exec' -s i -l interactive -d 'pass standard input to the command; without it the command reads /dev/null'
complete -c tsimg -n '__tsimg_in exec' -s t -l tty -d 'give the command a terminal of its own'
complete -c tsimg -n '__tsimg_in exec' -s e -l env -x -d 'set a variable; without a value, pass on the caller’s'
complete -c tsimg -n '__tsimg_in exec' -l env-file -r -F -d 'set the variables of a file; -e overrides them'
complete -c tsimg -n '__tsimg_in exec' -s w -l workdir -x -a '(__fish_complete_directories)' -d 'the directory to start in (default: the container’s)'
complete -c tsimg -n '__tsimg_in exec' -s u -l user -x -d 'the user to run as, by name in the container or by number (default: the container’s)'
complete -c tsimg -n '__tsimg_in exec' -l privileged -d 'give all capabilities, and no system call filter'
complete -c tsimg -n '__tsimg_in exec' -l toolbox -r -F -a '(__tsimg_images)' -d 'run in the files of this image, with the container’s files at /container; changes to the image’s files are lost'
complete -c tsimg -n '__tsimg_in exec' -l dry-run -d 'print what would be done, and do nothing; --json prints it as data'
complete -c tsimg -n '__tsimg_in exec' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in exec' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in exec' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in exec' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in exec' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in exec' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at exec 0' -a '(__tsimg_containers)'
complete -c tsimg -n '__tsimg_at exec 1 more' -F
complete -c tsimg -n '__tsimg_in ps' -s a -l all -d 'list ended containers too'
complete -c tsimg -n '__tsimg_in ps' -s n -l last -x -d 'list only this many of the newest containers, ended ones too'
complete -c tsimg -n '__tsimg_in ps' -s l -l latest -d 'list only the newest container'
complete -c tsimg -n '__tsimg_in ps' -l format -x -a 'json table' -d 'print json, a template for each line such as \'{{.ID}} {{.Names}}\', or \'table TEMPLATE\''
complete -c tsimg -n '__tsimg_in ps' -l no-trunc -d 'print IDs and commands in full'
complete -c tsimg -n '__tsimg_in ps' -l filter -x -d 'list only containers with this id, name, label, status, exited (exit status) or ancestor (image)'
complete -c tsimg -n '__tsimg_in ps' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in ps' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in ps' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in ps' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in ps' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in ps' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_in logs' -s f -l follow -d 'go on until the container ends'
complete -c tsimg -n '__tsimg_in logs' -s n -l tail -x -d 'print only this many of the last lines (default: all)'
complete -c tsimg -n '__tsimg_in logs' -l since -x -d 'print only lines since a time: RFC 3339, seconds since 1970, or a time span (90s, 1h30m)'
complete -c tsimg -n '__tsimg_in logs' -s t -l timestamps -d 'print the time of each line'
complete -c tsimg -n '__tsimg_in logs' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in logs' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in logs' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in logs' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in logs' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in logs' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at logs 0' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_in stats' -l no-stream -d 'print them once'
complete -c tsimg -n '__tsimg_in stats' -l no-trunc -d 'print IDs in full'
complete -c tsimg -n '__tsimg_in stats' -l format -x -a 'json table' -d 'print json, a template for each line such as \'{{.Name}} {{.CPUPerc}}\', or \'table TEMPLATE\''
complete -c tsimg -n '__tsimg_in stats' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in stats' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in stats' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in stats' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in stats' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in stats' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at stats 0 more' -a '(__tsimg_containers)'
complete -c tsimg -n '__tsimg_in start' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in start' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in start' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in start' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in start' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in start' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at start 0 more' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_in stop' -s t -l time -x -d 'the time to wait before SIGKILL (default: --stop-timeout of run, or 10)'
complete -c tsimg -n '__tsimg_in stop' -s s -l signal -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' -d 'the signal to send first (default: the container’s stop signal)'
complete -c tsimg -n '__tsimg_in stop' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in stop' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in stop' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in stop' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in stop' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in stop' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at stop 0 more' -a '(__tsimg_containers)'
complete -c tsimg -n '__tsimg_in restart' -s t -l time -x -d 'the time to wait before SIGKILL (default: --stop-timeout of run, or 10)'
complete -c tsimg -n '__tsimg_in restart' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in restart' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in restart' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in restart' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in restart' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in restart' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at restart 0 more' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_in kill' -s s -l signal -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' -d 'the signal, by name or number (default: KILL)'
complete -c tsimg -n '__tsimg_in kill' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in kill' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in kill' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in kill' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in kill' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in kill' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at kill 0 more' -a '(__tsimg_containers)'
complete -c tsimg -n '__tsimg_in wait' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in wait' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in wait' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in wait' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in wait' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in wait' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at wait 0 more' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_in rm' -s f -l force -d 'kill and remove running containers too'
complete -c tsimg -n '__tsimg_in rm' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in rm' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in rm' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in rm' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in rm' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in rm' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at rm 0 more' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_in diff' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in diff' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in diff' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in diff' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in diff' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in diff' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at diff 0' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_in commit' -s a -l author -x -d 'the author of the image'
complete -c tsimg -n '__tsimg_in commit' -s m -l message -x -d 'a comment for the history'
complete -c tsimg -n '__tsimg_in commit' -s c -l change -x -d 'an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR'
complete -c tsimg -n '__tsimg_in commit' -s p -l pause -a 'true false' -d 'freeze the container while its files are read (default: true)'
complete -c tsimg -n '__tsimg_in commit' -l max-size -x -d 'the most bytes of all layers after decompression (default: no limit)'
complete -c tsimg -n '__tsimg_in commit' -l max-ratio -x -d 'the most bytes for each compressed byte, beyond the first GiB (default: 200)'
complete -c tsimg -n '__tsimg_in commit' -l max-document -x -d 'the most bytes of a manifest, an index or a config (default: 4m)'
complete -c tsimg -n '__tsimg_in commit' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in commit' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in commit' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in commit' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in commit' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in commit' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at commit 0' -a '(__tsimg_containers -a)'
complete -c tsimg -n '__tsimg_at commit 1' -a '(__tsimg_images)'
complete -c tsimg -n '__tsimg_in cp' -s a -l archive -d 'keep owners, set-ID bits and extended attributes'
complete -c tsimg -n '__tsimg_in cp' -s L -l follow-link -d 'follow SOURCE where it is a symbolic link'
complete -c tsimg -n '__tsimg_in cp' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in cp' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in cp' -l debug -d 'print the causes and the stack of an error'
complete -c tsimg -n '__tsimg_in cp' -l progress -x -a 'auto tty plain json none' -d 'the form of progress on stderr'
complete -c tsimg -n '__tsimg_in cp' -s q -l quiet -d 'print no progress, and only the essential result'
complete -c tsimg -n '__tsimg_in cp' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at cp 0' -F -a '(__tsimg_containers -a):'
complete -c tsimg -n '__tsimg_at cp 1' -F -a '(__tsimg_containers -a):'
complete -c tsimg -n '__tsimg_in doctor' -l root -x -a '(__fish_complete_directories)' -d 'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ~/.local/share/tsimg for others)'
complete -c tsimg -n '__tsimg_in doctor' -l json -d 'print results and errors as JSON'
complete -c tsimg -n '__tsimg_in doctor' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_in unshare' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at unshare 0 more' -a '(__fish_complete_command)'
complete -c tsimg -n '__tsimg_in completion' -s h -l help -d 'show help'
complete -c tsimg -n '__tsimg_at completion 0' -a 'bash zsh fish'
complete -c tsimg -n '__tsimg_at help 0' -a "$__tsimg_verbs"

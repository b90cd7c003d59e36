#!/usr/bin/env bash
# Fetches a Neovim and an Emacs newer than the system's, for the suites to run in beside it: current.sh FOLDER
#
# They are packages of a later Debian release. Apt gets lists and folders of its own here, and the packages are only
# unpacked: nothing is installed, and nothing outside of FOLDER is touched. FOLDER/bin has nvim and emacs, which run with
# the loader and the libraries that came along. Where that cannot be done a line that starts with "skip" says why, and the
# status is 77. Of Neovim only --headless works: for a screen it starts itself, by the name of the loader.
set -euo pipefail

release=${DEBIAN_RELEASE:-trixie}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$1" && dir=$(cd "$1" && pwd)
made="$release $(cksum <"$0")" # another script, or release, makes another folder
[ "$(cat "$dir/ready" 2>/dev/null)" != "$made" ] || exit 0

exec 3>&1
skip() {
	echo "skip - a current Neovim and Emacs: $*" >&3
	exit 77
}
for need in apt-get apt-config dpkg dpkg-deb; do
	command -v $need >/dev/null || skip "$need is not here (they are packages of Debian)"
done
[ -r "$keyring" ] || skip "$keyring is not here (Debian: debian-archive-keyring)"

echo "editors: unpacking Neovim and Emacs of Debian $release into $dir"
rm -rf "$dir" && mkdir -p "$dir"/apt/{etc/preferences.d,lists/partial,cache/archives/partial} "$dir"/{debs,root,bin}
: >"$dir/apt/status"
echo "deb [signed-by=$keyring] $mirror $release main" >"$dir/apt/etc/sources.list"
proxy=$(apt-config shell p Acquire::http::Proxy)
cat >"$dir/apt/apt.conf" <<END
Dir "$dir/apt";
Dir::Etc "$dir/apt/etc";
Dir::State "$dir/apt";
Dir::State::status "$dir/apt/status";
Dir::Cache "$dir/apt/cache";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
${proxy:+Acquire::http::Proxy "$(eval "$proxy" && echo "$p")";}
END
export APT_CONFIG=$dir/apt/apt.conf LC_ALL=C

exec >"$dir/fetch.log" 2>&1

timeout 120 apt-get -q -o APT::Update::Error-Mode=any update || skip "the package lists of Debian $release cannot be had, see $dir/fetch.log"
# Without what only compilers and the scripts of packages need.
mapfile -t packages < <(apt-get -qq -s install neovim emacs-nox | sed -nE 's/^Inst ([^ ]+) .*/\1/p' |
	grep -Ev -- '-dev$|-dev-bin$|^binutils|^lib(asan|binutils|ctf|gprofng|hwasan|itm|lsan|quadmath|sframe|tsan|ubsan)|^(emacs-el|emacsen-common|init-system-helpers|install-info|rpcsvc-proto)$')
[ ${#packages[@]} -gt 0 ] || skip "apt does not know Neovim and Emacs in Debian $release, see $dir/fetch.log"
(cd "$dir/debs" && timeout 300 apt-get -q download "${packages[@]}") ||
	skip "the packages of Debian $release cannot be had, see $dir/fetch.log"
for deb in "$dir"/debs/*.deb; do
	dpkg-deb -x "$deb" "$dir/root"
done
rm -rf "$dir/debs" "$dir/apt"

root=$dir/root
loader=$(echo "$root"/usr/lib/*/ld-linux*.so.?)
run="exec '$loader' --library-path '$(dirname "$loader")'"

cat >"$dir/bin/nvim" <<END
#!/bin/sh
export VIMRUNTIME='$root/usr/share/nvim/runtime'
$run --argv0 nvim '$root/usr/bin/nvim' "\$@"
END

# It finds its compiled code by its own name, and would compile more by running itself, which cannot work here.
emacs=$(echo "$root"/usr/share/emacs/[0-9]*)
helpers=$(echo "$root"/usr/libexec/emacs/*/*)
cat >"$dir/bin/emacs" <<END
#!/bin/sh
export EMACSLOADPATH='$(find "$emacs/lisp" -type d ! -name obsolete ! -name term -printf '%p:' | sed 's/:$//')'
export EMACSDATA='$emacs/etc' EMACSDOC='$emacs/etc' EMACSPATH='$helpers'
$run --argv0 '$root/usr/bin/emacs-nox' '$root/usr/bin/emacs-nox' --dump-file='$(echo "$helpers"/*.pdmp)' \\
	--eval '(setq native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)' "\$@"
END
chmod +x "$dir"/bin/*

if ! "$dir/bin/nvim" --version || ! "$dir/bin/emacs" --version; then
	rm -r "$dir/bin" # the suites run what is there
	skip "what Debian $release has does not run here, see $dir/fetch.log"
fi
echo "$made" >"$dir/ready"

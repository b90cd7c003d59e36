package sandbox

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// seatbeltBase is what every confined program on macOS needs: without it nothing starts. Everything is denied first.
const seatbeltBase = `(version 1)
(deny default)
(allow process-exec)
(allow process-fork)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow user-preference-read)
(allow ipc-posix-sem)
(allow mach-lookup
  (global-name "com.apple.system.opendirectoryd.libinfo")
  (global-name "com.apple.system.opendirectoryd.membership")
  (global-name "com.apple.system.logger")
  (global-name "com.apple.system.notification_center")
  (global-name "com.apple.PowerManagement.control")
  (global-name "com.apple.cfprefsd.daemon")
  (global-name "com.apple.cfprefsd.agent"))
(allow pseudo-tty)
(allow file-read* file-write* file-ioctl (literal "/dev/ptmx"))
(allow file-read* file-write* (regex #"^/dev/ttys[0-9]+"))
(allow file-ioctl (regex #"^/dev/ttys[0-9]+"))
(allow file-write-data (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
(allow file-read*)
`

// seatbeltNetwork lets the network of the host through, with the services that names and certificates need.
const seatbeltNetwork = `(allow network*)
(allow system-socket)
(allow mach-lookup
  (global-name "com.apple.SecurityServer")
  (global-name "com.apple.trustd.agent")
  (global-name "com.apple.networkd")
  (global-name "com.apple.ocspd")
  (global-name "com.apple.SystemConfiguration.configd")
  (global-name "com.apple.SystemConfiguration.DNSConfiguration"))
`

// seatbeltProfile writes the policy in the language of sandbox-exec. Of several rules that match the last one holds, so
// what is taken away comes last.
func seatbeltProfile(roots []Root, hidden []Hide, network bool) string {
	var b strings.Builder
	b.WriteString(seatbeltBase)
	if network {
		b.WriteString(seatbeltNetwork)
	}
	for _, r := range roots {
		b.WriteString("(allow file-write* (subpath " + quoteScheme(r.Path) + "))\n")
	}
	for _, r := range roots {
		for _, list := range [][]string{r.ReadOnly, r.Missing} {
			for _, path := range list {
				b.WriteString("(deny file-write* (regex #\"^" + anyCase(path) + "(/|$)\"))\n")
			}
		}
	}
	for _, path := range pins(roots, hidden) {
		b.WriteString("(deny file-write-unlink (literal " + quoteScheme(path) + "))\n")
	}
	for _, h := range hidden {
		b.WriteString("(deny file-read* file-write* (subpath " + quoteScheme(h.Path) + "))\n")
	}
	return b.String()
}

// anyCase is a regular expression for a path in either case of its last name: the file system ignores case.
func anyCase(path string) string {
	dir, name := filepath.Split(path)
	var b strings.Builder
	b.WriteString(escapeRegex(dir))
	for _, r := range name {
		lo, up := strings.ToLower(string(r)), strings.ToUpper(string(r))
		if lo == up {
			b.WriteString(escapeRegex(string(r)))
		} else {
			b.WriteString("[" + lo + up + "]")
		}
	}
	return b.String()
}

func escapeRegex(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), `"`, `\"`) }

func quoteScheme(s string) string {
	q := strconv.Quote(s)
	if strings.Contains(q, `\x`) || strings.Contains(q, `\u`) {
		// The profile language knows \\ and \" only.
		q = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return q
}

package thread

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// environmentContext tells the model where it works: the folder, the shell, the
// date, and what its commands may touch.
func environmentContext(s Settings, now time.Time) string {
	var b strings.Builder
	b.WriteString("<environment_context>\n")
	element(&b, "cwd", s.Cwd)
	element(&b, "shell", filepath.Base(sandbox.UserShell()))
	element(&b, "current_date", now.Format(time.DateOnly))
	element(&b, "timezone", timezone())
	b.WriteString("  <filesystem><workspace_roots>")
	for _, r := range s.WorkspaceRoots {
		b.WriteString("<root>" + escape(r) + "</root>")
	}
	b.WriteString("</workspace_roots>")
	writePermissionProfile(&b, s)
	b.WriteString("</filesystem>\n</environment_context>")
	return b.String()
}

func element(b *strings.Builder, name, text string) {
	b.WriteString("  <" + name + ">" + escape(text) + "</" + name + ">\n")
}

func escape(s string) string {
	if !strings.ContainsAny(s, "<>&'\"") {
		return s
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes every write
	return b.String()
}

// writePermissionProfile says which paths may be read and written, in the form
// that models of the reference know.
func writePermissionProfile(b *strings.Builder, s Settings) {
	entry := func(access, kind, value string) {
		b.WriteString(`<entry access="` + access + `"><` + kind + ">" + escape(value) + "</" + kind + "></entry>")
	}
	switch p := s.Sandbox.(type) {
	case *protocol.SandboxPolicyReadOnly:
		b.WriteString(`<permission_profile type="managed"><file_system type="restricted">`)
		entry("read", "special", ":root")
	case *protocol.SandboxPolicyWorkspaceWrite:
		b.WriteString(`<permission_profile type="managed"><file_system type="restricted">`)
		entry("read", "special", ":root")
		entry("write", "path", s.Cwd)
		for _, root := range p.WritableRoots {
			entry("write", "path", string(root))
		}
		for _, name := range []string{".git", ".agents", ".codex"} {
			entry("read", "path", filepath.Join(s.Cwd, name))
		}
	default:
		b.WriteString(`<permission_profile type="disabled"></permission_profile>`)
		return
	}
	b.WriteString("</file_system></permission_profile>")
}

// timezone is the name of the machine's time zone, such as Europe/Berlin.
func timezone() string {
	if tz := strings.TrimPrefix(os.Getenv("TZ"), ":"); tz != "" && !filepath.IsAbs(tz) {
		if tz == "UTC" {
			return "Etc/UTC"
		}
		return tz
	}
	if to, err := os.Readlink("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(to, "zoneinfo/"); ok {
			return name
		}
	}
	name, _ := time.Now().Zone()
	return name
}

// permissionsText tells the model in prose what its commands may do and when it
// should expect to be refused.
func permissionsText(s Settings) string {
	var b strings.Builder
	b.WriteString("<permissions instructions>\n")
	switch p := s.Sandbox.(type) {
	case *protocol.SandboxPolicyReadOnly:
		b.WriteString("`sandbox_mode` is `read-only`: you may read any file; nothing may be written.")
		b.WriteString(network(p.NetworkAccess))
	case *protocol.SandboxPolicyWorkspaceWrite:
		b.WriteString("`sandbox_mode` is `workspace-write`: you may read any file and write below the working folder")
		for _, root := range p.WritableRoots {
			b.WriteString(", `" + string(root) + "`")
		}
		b.WriteString("; writing elsewhere fails, and so does changing `.git`, `.codex` and `.agents`.")
		b.WriteString(network(p.NetworkAccess))
	default:
		b.WriteString("`sandbox_mode` is `danger-full-access`: no sandbox holds you back. Be careful with what cannot be undone.")
	}
	b.WriteString("\n" + approvalText(s.Approval) + "\n</permissions instructions>")
	return b.String()
}

func network(allowed bool) string {
	if allowed {
		return " The network may be used."
	}
	return " The network is off."
}

func approvalText(a protocol.AskForApproval) string {
	switch name, _ := a.(protocol.AskForApprovalName); name {
	case "never":
		return "`approval_policy` is `never`: nobody will be asked, so work within these limits and say what you could not do."
	case "untrusted":
		return "`approval_policy` is `untrusted`: the user is asked before each command."
	case "on-request":
		return "`approval_policy` is `on-request`: where the limits stand in the way of the task, ask for the single command that needs more, and say why."
	default:
		return "`approval_policy` is granular: some kinds of request are put to the user, the others are refused."
	}
}

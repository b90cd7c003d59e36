package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/plugins"
)

// listedPlugin is one plugin as "plugin list --json" shows it.
type listedPlugin struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	State string   `json:"state"` // built in, enabled, disabled, changed, missing
	Path  string   `json:"path,omitempty"`
	Args  []string `json:"args,omitempty"`
	// Pinned says whether only one content of the program may run: that with the
	// checksum Pin. Checksum is that of the program as it is.
	Pinned   bool   `json:"pinned"`
	Pin      string `json:"pin,omitempty"`
	Checksum string `json:"checksum,omitempty"`
	// Env names the variables that it may see beyond the usual ones, Asks those
	// that it would like to see, as it says itself while it runs.
	Env  []string                `json:"env,omitempty"`
	Asks []plugins.AskedVariable `json:"asks,omitempty"`
	// Hint is the command that sets things right.
	Hint string `json:"hint,omitempty"`
	// Hosts are the hosts of this home folder that have needed plugins, and what
	// this one does there.
	Hosts []runningPlugin `json:"hosts"`
}

// runningPlugin is a plugin in one host.
type runningPlugin struct {
	Host     int    `json:"host"`  // its process id
	State    string `json:"state"` // idle, starting, ready, broken, closed
	PID      int    `json:"pid,omitempty"`
	Started  string `json:"started,omitempty"` // RFC 3339
	Uptime   int64  `json:"uptimeSeconds,omitempty"`
	Restarts int    `json:"restarts"`
	Memory   int64  `json:"memoryBytes,omitempty"` // resident
	Version  string `json:"version,omitempty"`     // the plugin's own
	// Generation counts the processes that were started, Contract is the version
	// of the contract that is spoken.
	Generation uint64 `json:"generation,omitempty"`
	Contract   int    `json:"contract,omitempty"`
	LastError  string `json:"lastError,omitempty"`
	RetryAt    string `json:"retryAt,omitempty"` // RFC 3339, while it is broken
}

func newPluginList(out io.Writer) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the plugins that there are, whether they may run, and what they are doing",
		Long: `list shows the built-in plugins and those of [codexhost.plugins]. The state of one is

  enabled    it runs when it is needed
  disabled   it does not run; codexhost plugin enable NAME
  changed    its program is not the one that was pinned, and does not run
  missing    its program is not there

For every host of this home folder that has needed plugins there is a line with what
the plugin does there: idle (not needed yet), starting, ready, broken (it died too
often and is left alone for a while). Without one, no host runs it. SEES are the
variables that it may see beyond the usual ones, ASKS those that it would like to,
with a ! where it is of no use without.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := openPluginTable(c.Context())
			if err != nil {
				return err
			}
			hosts, err := plugins.Hosts("", t.home)
			if err != nil {
				return err
			}
			all := t.list()
			for i := range all {
				all[i].addHosts(hosts, time.Now())
			}
			if asJSON {
				return printJSON(out, all)
			}
			return writePluginTable(out, all)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON array instead of a table")
	return c
}

// addHosts adds what the plugin does in each host.
func (p *listedPlugin) addHosts(hosts []plugins.HostFacts, now time.Time) {
	p.Hosts = []runningPlugin{}
	for _, h := range hosts {
		i := slices.IndexFunc(h.Plugins, func(f plugins.PluginFacts) bool { return f.Name == p.Name })
		if i < 0 {
			continue
		}
		f := h.Plugins[i]
		r := runningPlugin{
			Host: h.PID, State: string(f.Phase), PID: f.PID, Restarts: f.Restarts, Version: f.Version,
			Generation: f.Generation, Contract: f.Contract, LastError: f.LastError,
		}
		if f.PID != 0 {
			r.Started, r.Uptime = f.Started.Format(time.RFC3339), int64(now.Sub(f.Started).Seconds())
			r.Memory = plugins.Memory(f.PID)
			p.Asks = f.Asks
		}
		if !f.Until.IsZero() {
			r.RetryAt = f.Until.Format(time.RFC3339)
		}
		p.Hosts = append(p.Hosts, r)
	}
}

func writePluginTable(out io.Writer, all []listedPlugin) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSTATE\tPINNED\tHOST\tDOES\tPID\tUPTIME\tRESTARTS\tMEMORY\tVERSION\tSEES\tASKS\tPROGRAM")
	for _, p := range all {
		program := orDash(strings.TrimSpace(p.Path + " " + strings.Join(p.Args, " ")))
		for i, r := range append(p.Hosts, runningPlugin{}) {
			does := []string{"-", "-", "-", "-", "-", "-", "-"}
			if i < len(p.Hosts) {
				does = r.columns()
			} else if i > 0 {
				break
			}
			fmt.Fprintln(w, strings.Join(slices.Concat([]string{p.Name, p.Kind, p.State, p.pinned()}, does,
				[]string{orDash(strings.Join(p.Env, ",")), orDash(p.asked()), program}), "\t"))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, p := range all {
		if p.Hint != "" {
			fmt.Fprintf(out, "%s is %s: %s\n", p.Name, p.State, p.Hint)
		}
		for _, r := range p.Hosts {
			if r.LastError != "" {
				fmt.Fprintf(out, "%s, last error in host %d: %s\n", p.Name, r.Host, r.LastError)
			}
		}
	}
	return nil
}

// columns are those from HOST to VERSION.
func (r *runningPlugin) columns() []string {
	c := []string{strconv.Itoa(r.Host), r.State, "-", "-", strconv.Itoa(r.Restarts), "-", orDash(r.Version)}
	if r.PID != 0 {
		c[2], c[3] = strconv.Itoa(r.PID), (time.Duration(r.Uptime) * time.Second).String()
	}
	if r.Memory != 0 {
		c[5] = fmt.Sprintf("%.1f MiB", float64(r.Memory)/(1<<20))
	}
	return c
}

func (p *listedPlugin) pinned() string {
	switch {
	case p.State == builtIn:
		return "-"
	case p.Pinned:
		return "yes"
	}
	return "no"
}

// asked are the variables that the plugin would like to see; one without which it
// is of no use has a mark.
func (p *listedPlugin) asked() string {
	var names []string
	for _, v := range p.Asks {
		name := v.Name
		if v.Required {
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, ",")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// builtIn is the state of plugins that are part of the program.
const builtIn = "built in"

func (t *pluginTable) list() []listedPlugin {
	var out []listedPlugin
	for _, name := range []string{manager.SkillsPlugin, manager.MCPPlugin} {
		kind, _ := builtinRole(name)
		out = append(out, listedPlugin{Name: name, Kind: kind, State: builtIn})
	}
	var names []string
	for name := range t.all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, describePlugin(t.all[name]))
	}
	return out
}

// describePlugin looks at the program of an entry.
func describePlugin(p config.Plugin) listedPlugin {
	l := listedPlugin{Name: p.Name, Kind: p.Kind, State: "enabled", Path: p.Path, Args: p.Args, Pinned: p.Checksum != "", Pin: p.Checksum, Env: p.Env}
	sum, err := plugins.Checksum(p.Path)
	l.Checksum = sum
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.State, l.Hint = "missing", "there is no "+p.Path
	case err != nil:
		l.State, l.Hint = "missing", err.Error()
	case !p.Enabled:
		l.State = "disabled"
	case l.Pinned && !strings.EqualFold(sum, p.Checksum):
		l.State, l.Hint = "changed", plugins.AcceptHint(p.Name)
	}
	return l
}

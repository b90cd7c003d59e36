package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/mcp/oauth"
)

func newMcpLogin(f *flags, in *os.File, out, errw io.Writer) *cobra.Command {
	var scopes []string
	var noBrowser bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "login NAME",
		Short: "Log in to a server in the browser",
		Long: `login shows an address, opens it in a browser and waits until you have agreed
there. Hosts that run start the server by themselves then.

On a machine without a browser, use --no-browser: open the address elsewhere,
and paste the one that the browser ends at, even if it cannot be shown there.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := openMcpServers(c.Context(), f)
			if err != nil {
				return err
			}
			s, err := m.named(args[0])
			if err != nil {
				return err
			}
			p := &prompt{in: in, out: out, errw: errw, paste: noBrowser}
			options := manager.LoginOptions(m.config)
			options.Timeout = timeout
			err = p.login(c.Context(), m.service, s, scopes, options)
			var refused *oauth.Refused
			if errors.As(err, &refused) && refused.Code == "invalid_scope" && len(scopes) == 0 && s.Login.Scopes == nil {
				fmt.Fprintln(errw, "The scopes that the server names were refused; trying without.")
				err = p.login(c.Context(), m.service, s, []string{}, options)
			}
			if err != nil {
				return fmt.Errorf("logging in to MCP server '%s': %w", s.Name, err)
			}
			fmt.Fprintf(out, "Successfully logged in to MCP server '%s'.\n", s.Name)
			return nil
		},
	}
	c.Flags().StringSliceVar(&scopes, "scopes", nil, "what to ask for, as `SCOPE,SCOPE`; without, what the settings or the server name")
	c.Flags().BoolVar(&noBrowser, "no-browser", false, "open no browser, and take the address that it ends at from the standard input")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for you")
	return c
}

// prompt is how the user is asked to log in.
type prompt struct {
	in        *os.File
	out, errw io.Writer
	paste     bool // no browser here; the user may bring the address
}

// login has the user log in once.
func (p *prompt) login(ctx context.Context, service *mcp.Service, s mcp.Server, scopes []string, o oauth.Options) error {
	l, err := service.Login(ctx, s, scopes, o)
	if err != nil {
		return err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, l.Close)()
	fmt.Fprintf(p.out, "Authorize `%s` by opening this URL in your browser:\n%s\n\n", s.Name, l.URL)
	if p.paste {
		fmt.Fprintln(p.out, "After signing in, paste the address that the browser ends at here, even if it cannot load the page:")
		go p.read(ctx, l) // ends with the process: nothing can interrupt the reading of a terminal
	} else if err := browse(l.URL); err != nil {
		fmt.Fprintf(p.errw, "No browser could be opened (%v): open the address by hand, or use --no-browser.\n", err)
	}
	return l.Wait()
}

// read takes addresses until one fits.
func (p *prompt) read(ctx context.Context, l *oauth.Login) {
	lines := bufio.NewScanner(p.in)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := l.Answer(ctx, lines.Text()); !errors.Is(err, oauth.ErrStray) {
			return // settled
		}
		fmt.Fprintln(p.errw, "That is not the address that this login ends at; it has the parameters state and code.")
	}
}

// browse opens the user's browser.
func browse(url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	c := exec.Command(name, args...)
	if err := c.Start(); err != nil {
		return err
	}
	return c.Process.Release() // it may live as long as the browser does
}

func newMcpLogout(f *flags, out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "logout NAME",
		Short: "Forget the login to a server",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := openMcpServers(c.Context(), f)
			if err != nil {
				return err
			}
			s, err := m.named(args[0])
			if err != nil {
				return err
			}
			had, err := m.service.Logout(c.Context(), s)
			switch {
			case err != nil:
				return err
			case had:
				fmt.Fprintf(out, "Removed OAuth credentials for '%s'.\n", s.Name)
			default:
				fmt.Fprintf(out, "No OAuth credentials stored for '%s'.\n", s.Name)
			}
			return nil
		},
	}
}
